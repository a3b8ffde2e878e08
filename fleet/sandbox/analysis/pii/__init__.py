"""Personal data in a text, by validated patterns, labels and names: all 36 types of the PiiEntityType enum (facts 4.2).

Promises: offset order, no overlaps, and a number counts only if its check digits and ranges allow it.
Does not: find what nothing in the text gives away, such as an unknown name that no phrase introduces.
"""

from fleet.sandbox.analysis.pii import codes, keywords, names, numbers
from fleet.sandbox.analysis.spans import Span, settle

__all__ = ["detect"]


def detect(text: str) -> list[Span]:
    """The spans of personal data, by offset. Where two claim the same characters, the better founded one wins."""
    claims: list[Span] = []
    for detector in (keywords, codes, numbers, names):
        claims += detector.detect(text)
    return settle(claims, len(text))
