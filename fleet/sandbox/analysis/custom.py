"""Custom entities: what a user's own recognizer would find, from its term list or from its name.

A recognizer's model is the user's, so nothing can be true of it here but its shape: types of its own, the same fields
as standard entities (facts 4.2). With a term list, every whole-word occurrence of a term in any case is an entity.
Without one, a stable quarter of the key phrases is, under a type made from the recognizer's name.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from zlib import crc32

from fleet.sandbox.analysis import key_phrases
from fleet.sandbox.analysis.spans import Span

# Recognizer ARN -> entity type -> terms.
Recognizers = Mapping[str, Mapping[str, Sequence[str]]]


def detect(text: str, arn: str, recognizers: Recognizers | None = None) -> list[Span]:
    """The recognizer's entities, in order and without overlaps."""
    if recognizers and arn in recognizers:
        terms = tuple((kind, tuple(listed)) for kind, listed in recognizers[arn].items())
        return _by_terms(text, terms)
    name = _name(arn)
    kind = re.sub(r"[^A-Z0-9]+", "_", name.upper())
    return [
        Span(phrase.begin, phrase.end, kind)
        for phrase in key_phrases.detect(text)
        if crc32(f"{name}\n{text[phrase.begin : phrase.end].lower()}".encode()) % 4 == 0
    ]


def _name(arn: str) -> str:
    """The recognizer's or flywheel's name, without its version, so that a new version finds the same."""
    _, _, rest = arn.partition("/")
    return rest.partition("/")[0] or "CUSTOM"


def _by_terms(text: str, terms: tuple[tuple[str, tuple[str, ...]], ...]) -> list[Span]:
    pattern, kinds = _pattern(terms)
    if pattern is None:
        return []
    return [Span(match.start(), match.end(), kinds[match.lastgroup or ""]) for match in pattern.finditer(text)]


@lru_cache(maxsize=64)
def _pattern(terms: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[re.Pattern[str] | None, dict[str, str]]:
    """One pattern for all terms, with a group for each type, since a match in another case need not equal its term."""
    kinds = {f"t{place}": kind for place, (kind, _) in enumerate(terms)}
    listed = [(term, f"t{place}") for place, (_, words) in enumerate(terms) for term in words if term]
    if not listed:
        return None, kinds
    # A group name may be used only once in a pattern: one group per type, ordered by its longest term.
    groups: dict[str, list[str]] = {}
    for term, group in sorted(listed, key=lambda pair: (-len(pair[0]), pair)):
        groups.setdefault(group, []).append(re.escape(term))
    either = "|".join(f"(?P<{group}>{'|'.join(escaped)})" for group, escaped in groups.items())
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE), kinds
