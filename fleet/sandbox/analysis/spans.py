"""Spans of text: what every detector returns, and how overlapping claims are settled.

Offsets count code points and the end is exclusive, as in AWS's samples (facts 4.1; the unit is UNKNOWN there).
"""

from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32


class Span(NamedTuple):
    """text[begin:end] is a `type`."""

    begin: int
    end: int
    type: str


def score(text: str, floor: float = 0.8) -> float:
    """A confidence between floor and 1 that is a pure function of the text: no model stands behind it."""
    return round(floor + (1 - floor) * (crc32(text.encode(errors="surrogatepass")) % 10_000) / 10_000, 6)


def settle(claims: Iterable[Span], length: int) -> list[Span]:
    """The claims on a text of that length without overlaps, by offset: an earlier claim wins over a later one."""
    taken = bytearray(length)
    kept: list[Span] = []
    for claim in claims:
        if claim.begin < claim.end and taken.find(1, claim.begin, claim.end) < 0:
            taken[claim.begin : claim.end] = b"\1" * (claim.end - claim.begin)
            kept.append(claim)
    return sorted(kept)
