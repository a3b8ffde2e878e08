"""Entities by gazetteers and patterns: all nine types of facts 4.2.

Promises: no overlaps, offset order, the same spans for the same text.
Does not: read context beyond the word before a name. One pass finds candidates (numbers, quotes, capitalised runs ...);
`naming` says what a capitalised run is.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from fleet.sandbox.analysis.naming import classify
from fleet.sandbox.analysis.spans import Span
from fleet.sandbox.analysis.words import (
    DIGIT_DATE,
    MONTH_DATE,
    MONTHS,
    NAME_GAP,
    NAME_WORD,
    NUMBER_WORDS,
    WEEKDAY_DATE,
    WEEKDAYS,
    word_set,
)

_UNIT = (
    r"(?:percent|dollars?|euros?|pounds?|cents?|seconds?|minutes?|hours?|days?|weeks?|months?|years?|miles?|kilometers?|km"
    r"|meters?|feet|foot|inch(?:es)?|kg|grams?|ounces?|liters?|gallons?|gb|mb|tb|mg|ml|cm|mm|degrees?|people|users?|customers?"
    r"|employees|items?|units?|copies|pages?|times|stars?|orders?|pieces?|boxes|seats|guests?|points?)"
)
_COUNT = "|".join(sorted(NUMBER_WORDS, key=lambda word: (-len(word), word)))
_RELATIVE = (
    r"yesterday|today|tomorrow|tonight"
    r"|(?:last|next|this) (?:week|month|year|night|weekend|summer|winter|spring|autumn|fall|century)"
)
_JOINER = rf"(?:{NAME_GAP}| of (?:the )?| de | van | von | & | and (?=Sons\b))"
_CANDIDATE = re.compile(
    rf"\b(?P<relative>(?i:{_RELATIVE})\b)"
    rf"|(?P<name>\b{NAME_WORD}(?:{_JOINER}{NAME_WORD}){{0,7}}(?: [A-Z]?\d[\w-]{{0,9}}\b)?)"
    rf"|(?P<number>\b\d)"
    rf"|\b(?:(?P<net>https?://[^\s<>\"']{{1,200}})"
    rf"|(?P<count>(?:{_COUNT}) (?:(?:{_COUNT}) )?{_UNIT}\b(?: ago\b)?))"
    rf"|(?P<quote>[\"“](?=[A-Z])[^\"“”\n]{{2,60}}[\"”])"
    rf"|(?P<tag>[#@][A-Za-z]\w{{1,40}})"
    rf"|(?P<money>[$€£¥] ?\d[\d,]*(?:\.\d+)?(?: (?:thousand|million|billion))?)"
)
_NUMBER = re.compile(rf"\d[\d,]*(?:\.\d+)?(?: ?%|[ -]?{_UNIT}\b(?P<ago> ago\b)?|(?!\w))", re.IGNORECASE)
_YEAR = re.compile(r"(?:1[89]|20)\d\ds?(?![\w,.-])")
_TOKEN = re.compile(r"\w+")
_TITLE_CASE = re.compile(r"[A-Z]|(?:of|the|and|a|an|in|on|to|for|with)\b")
_PLACE_BEFORE = word_set("in at from near to visit visited via")
_DATE_WORDS = MONTHS | WEEKDAYS


class _Found(NamedTuple):
    """What a rule made of a candidate, and where the search goes on."""

    spans: list[Span]
    position: int


def detect(text: str) -> list[Span]:
    """The entities of the nine types, in order and without overlaps."""
    spans: list[Span] = []
    position = 0
    while match := _CANDIDATE.search(text, position):
        found = _RULES[match.lastgroup or "name"](text, match)
        spans += found.spans
        position = max(found.position, match.start() + 1)
    return spans


def _name(text: str, match: re.Match[str]) -> _Found:
    begin = match.start()
    first_word = match.group().partition(" ")[0]
    if first_word.rstrip(".") in _DATE_WORDS:
        date = MONTH_DATE.match(text, begin) or WEEKDAY_DATE.match(text, begin)
        if date:
            return _Found([Span(begin, date.end(), "DATE")], date.end())
    placed = text[max(0, begin - 9) : begin].rstrip(" ").rpartition(" ")[2].lower() in _PLACE_BEFORE
    parts = classify(match.group(), placed)
    # What no rule took may begin something else, such as the year in "In 1999".
    position = begin + parts[-1][1] if parts else begin + len(first_word)
    return _Found([Span(begin + first, begin + last, kind) for first, last, kind in parts], position)


def _number(text: str, match: re.Match[str]) -> _Found:
    begin = match.start()
    if date := DIGIT_DATE.match(text, begin) or _YEAR.match(text, begin):
        return _Found([Span(begin, date.end(), "DATE")], date.end())
    if number := _NUMBER.match(text, begin):
        end = begin + len(number.group().rstrip(","))
        return _Found([Span(begin, end, "DATE" if number["ago"] else "QUANTITY")], number.end())
    token = _TOKEN.match(text, begin)
    return _Found([], token.end() if token else match.end())


def _quote(text: str, match: re.Match[str]) -> _Found:
    """A quotation in title case is the title of a work; any other is speech, and its inside is searched again."""
    inside = match.group()[1:-1]
    if all(_TITLE_CASE.match(word) for word in inside.split()):
        return _Found([Span(match.start() + 1, match.end() - 1, "TITLE")], match.end())
    return _Found([], match.start() + 1)


def _net(text: str, match: re.Match[str]) -> _Found:
    end = match.start() + len(match.group().rstrip(".,;:!?)"))
    return _Found([Span(match.start(), end, "OTHER")], match.end())


def _count(text: str, match: re.Match[str]) -> _Found:
    kind = "DATE" if match.group().endswith("ago") else "QUANTITY"
    return _Found([Span(match.start(), match.end(), kind)], match.end())


def _money(text: str, match: re.Match[str]) -> _Found:
    return _Found([Span(match.start(), match.start() + len(match.group().rstrip(",")), "QUANTITY")], match.end())


def _relative(text: str, match: re.Match[str]) -> _Found:
    return _Found([Span(match.start(), match.end(), "DATE")], match.end())


_RULES: dict[str, Callable[[str, re.Match[str]], _Found]] = {
    "name": _name,
    "number": _number,
    "net": _net,
    "tag": _net,
    "relative": _relative,
    "count": _count,
    "quote": _quote,
    "money": _money,
}
