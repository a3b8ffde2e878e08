"""Names of people, and dates that begin with a month or weekday: what begins with a capital letter.

A name is a known first name with what follows it, or any capitalised words behind an honorific or a phrase such as "my
name is". A first name that is also a common word counts only with a surname or such a phrase.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from fleet.sandbox.analysis.gazetteer import FIRST_NAMES, HONORIFICS, KNOWN, LOCATION_WORDS, ORGANIZATION_WORDS
from fleet.sandbox.analysis.spans import Span
from fleet.sandbox.analysis.words import (
    MONTH_DATE,
    MONTHS,
    NAME_GAP,
    NAME_WORD,
    OPENERS,
    WEEKDAY_DATE,
    WEEKDAYS,
    word_set,
)

_RUN = re.compile(rf"\b{NAME_WORD}(?:{NAME_GAP}{NAME_WORD}){{0,4}}")
_TOKEN = re.compile(r"[^\s.]+")
_DATE_WORDS = MONTHS | WEEKDAYS
_AMBIGUOUS = word_set(
    "April Summer Dawn Grace Mark Bill Don Ray Jay Will Art Frank Rob Pat Drew Chase Hunter Crystal Amber Holly Dana",
    "Austin Jordan Madison Victoria Virginia Georgia Sierra Sydney Brooke Mason Taylor Tyler Robin Max Ali Jo Ken Ron",
    "Dan Sam",
)
_INTRODUCTION = re.compile(
    r"(?:\bname is|\bname:|\bdear|\bcontact|\bsigned by|\bi am|\bi'm|\bcustomer:|\bpatient|\btenant:|\bemployee:"
    r"|\bsincerely,|\bregards,|\bfrom:|\battn:?) ?\n?$",
    re.IGNORECASE,
)


def detect(text: str) -> Iterator[Span]:
    """The spans, in order."""
    for run in _RUN.finditer(text):
        begin = run.start()
        words = run.group()
        if words.partition(" ")[0].rstrip(".") in _DATE_WORDS:
            date = MONTH_DATE.match(text, begin) or WEEKDAY_DATE.match(text, begin)
            if date:
                yield Span(begin, date.end(), "DATE_TIME")
                continue
        first, last, sure = _person(words)
        if last and (sure or _INTRODUCTION.search(text, max(0, begin + first - 16), begin + first)):
            yield Span(begin + first, begin + last, "NAME")


@lru_cache(maxsize=16_384)
def _person(run: str) -> tuple[int, int, bool]:
    """Where in a capitalised run a name may stand, and whether its words prove it; (0, 0, False) for nowhere."""
    words = [(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(run)]
    honoured = False
    while words and (words[0][0] in HONORIFICS or words[0][0] in OPENERS):
        honoured = words[0][0] in HONORIFICS
        words = words[1:]
    if not words or words[-1][0] in ORGANIZATION_WORDS or (words[-1][0] in LOCATION_WORDS and not honoured):
        return 0, 0, False
    count = min(len(words), 3 if len(words) > 1 and len(words[1][0]) == 1 else 2)
    known = words[0][0] in FIRST_NAMES and not (count == 1 and words[0][0] in _AMBIGUOUS)
    if not known and not honoured and _is_no_person(" ".join(word for word, _, _ in words)):
        return 0, 0, False
    return words[0][1], words[count - 1][2], known or honoured


def _is_no_person(words: str) -> bool:
    """True for known places, products and the like, and for abbreviations."""
    return words.lower() in KNOWN or words.isupper()
