"""Key phrases: noun-phrase-like runs of words between the closed classes of English (facts 4.2).

A phrase is an optional determiner and one or more words that are no verb, pronoun, preposition or adverb by list or by
ending. Words join a phrase only across one space, so a phrase never crosses punctuation or a line.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from fleet.sandbox.analysis.spans import Span
from fleet.sandbox.analysis.words import CONNECTIVES, DETERMINERS, PRONOUNS, VERBS, WORD

_RUN = re.compile(rf"{WORD}(?: {WORD})*")
_BREAK, _DETERMINER, _CONTENT = range(3)
_BREAKERS = CONNECTIVES | PRONOUNS | VERBS
_CONTRACTION = re.compile(r".*(?:n't|'ll|'re|'ve|'m|'d)")
_WORDS_MAX = 8
# Longer than any word that has a role of its own; such words must not fill the cache.
_WORD_MAX = 64


def detect(text: str) -> list[Span]:
    """The key phrases, in order and without overlaps."""
    return [phrase for run in _RUN.finditer(text) for phrase in _phrases(run.group(), run.start())]


def _phrases(run: str, begin: int) -> Iterator[Span]:
    start, size, content = begin, 0, False
    place = begin
    for word in run.split(" "):
        role = _role(word) if len(word) <= _WORD_MAX else _CONTENT
        if size and (role != _CONTENT or size == _WORDS_MAX):
            if content:
                yield Span(start, place - 1, "KEY_PHRASE")
            size, content = 0, False
        if role != _BREAK:
            start = start if size else place
            size += 1
            content = content or role == _CONTENT
        place += len(word) + 1
    if content:
        yield Span(start, place - 1, "KEY_PHRASE")


@lru_cache(maxsize=16_384)
def _role(word: str) -> int:
    lower = word.lower().replace("’", "'")
    if lower in DETERMINERS:
        return _DETERMINER
    if lower in _BREAKERS or _CONTRACTION.fullmatch(lower):
        return _BREAK
    # Adverbs and past forms; short words with these endings ("red", "fly") are mostly nouns and adjectives.
    if len(lower) > 4 and lower.islower() and lower.endswith(("ly", "ed")):
        return _BREAK
    return _CONTENT
