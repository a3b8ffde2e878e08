"""What a run of capitalised words names: a table of rules over the gazetteer, cached by phrase."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from fleet.sandbox.analysis.gazetteer import (
    EVENT_WORDS,
    FIRST_NAMES,
    HONORIFICS,
    KNOWN,
    KNOWN_WORDS_MAX,
    LOCATION_WORDS,
    ORGANIZATION_WORDS,
    PRODUCT_WORDS,
)
from fleet.sandbox.analysis.words import MONTHS, OPENERS, WEEKDAYS

_TOKEN = re.compile(r"[^\s.]+")
_JOINERS = frozenset({"of", "the", "de", "van", "von", "&", "and"})
_DAYS = (MONTHS | WEEKDAYS) - {"May", "March"}
_LAST_WORD = (
    (ORGANIZATION_WORDS, "ORGANIZATION"),
    (EVENT_WORDS, "EVENT"),
    (LOCATION_WORDS, "LOCATION"),
)


class _Word(NamedTuple):
    text: str
    begin: int
    end: int


Part = tuple[int, int, str]


@lru_cache(maxsize=16_384)
def classify(phrase: str, placed: bool) -> tuple[Part, ...]:
    """The (begin, end, type) of each name in a capitalised phrase; `placed` if a preposition of place precedes it."""
    words = [_Word(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(phrase)]
    return tuple(part for run in _runs(words) for part in _parts(run, placed))


def _runs(words: Sequence[_Word]) -> Iterator[list[_Word]]:
    """The phrase cut at each "of" that does not belong to a name such as Bank of England."""
    run: list[_Word] = []
    for word in words:
        if word.text == "of" and not (run and run[-1].text in ORGANIZATION_WORDS):
            yield run
            run = []
        else:
            run.append(word)
    yield run


def _parts(run: list[_Word], placed: bool) -> Iterator[Part]:
    run = _trim(run)
    if not run:
        return
    whole = _by_word(run)
    if whole:
        yield run[0].begin, run[-1].end, whole
        return
    unknown: list[_Word] = []
    place = 0
    while place < len(run):
        size, kind = _known(run, place)
        if not kind:
            unknown.append(run[place])
            place += 1
            continue
        yield from _unknown(unknown, placed)
        unknown = []
        if kind == "COMMERCIAL_ITEM" and place + size < len(run) and _is_model(run[place + size].text):
            size += 1
        yield run[place].begin, run[place + size - 1].end, kind
        place += size
    yield from _unknown(unknown, placed)


def _trim(run: list[_Word]) -> list[_Word]:
    """Without joiners at either end and without sentence openers at the front, unless they begin a known name."""
    first, last = 0, len(run)
    while first < last and (run[first].text in _JOINERS or run[first].text in OPENERS) and not _known(run, first)[1]:
        first += 1
    while last > first and run[last - 1].text in _JOINERS:
        last -= 1
    return run[first:last]


def _by_word(run: Sequence[_Word]) -> str:
    """The type that a telling word gives to the whole run, or nothing."""
    if run[0].text in HONORIFICS and len(run) > 1:
        return "PERSON"
    if len(run) > 1:
        for words, kind in _LAST_WORD:
            if run[-1].text in words:
                return kind
        if any(word.text in ORGANIZATION_WORDS for word in run[:-1]):
            return "ORGANIZATION"
    return ""


def _known(run: Sequence[_Word], place: int) -> tuple[int, str]:
    """How many words from this place are a known name, the most that are, and its type."""
    for size in range(min(KNOWN_WORDS_MAX, len(run) - place), 0, -1):
        name = " ".join(word.text for word in run[place : place + size])
        kind = KNOWN.get(name.lower())
        if kind and not (size == 1 and name in OPENERS):
            return size, kind
    return (1, "DATE") if run[place].text in _DAYS else (0, "")


def _unknown(run: list[_Word], placed: bool) -> Iterator[Part]:
    run = _trim(run)
    if not run:
        return
    begin, end = run[0].begin, run[-1].end
    if run[0].text[0].isdigit():
        return
    if run[0].text in FIRST_NAMES:
        yield begin, [word for word in run[:3] if not _is_model(word.text)][-1].end, "PERSON"
    elif _is_model(run[-1].text):
        yield begin, end, "COMMERCIAL_ITEM"
    elif placed:
        yield begin, end, "LOCATION"
    elif len(run) > 1 or (2 <= len(run[0].text) <= 6 and run[0].text.isupper()):
        yield begin, end, "ORGANIZATION"


def _is_model(word: str) -> bool:
    """True for what follows a product's name: S21, 3, Pro."""
    return word in PRODUCT_WORDS or any(character.isdigit() for character in word)
