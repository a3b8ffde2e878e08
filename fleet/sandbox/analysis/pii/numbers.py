"""Personal data that begins with a digit: cards, SSN, phones, dates, IP addresses, street addresses, ages.

One pass finds where a number begins; there, a table of patterns is tried from the most to the least specific, and a
pattern counts only if its check (Luhn, number ranges ...) holds. Every repeat is bounded, so no text makes a pattern
slow.
"""

import re
from collections.abc import Callable, Iterator

from fleet.sandbox.analysis.pii import checksums
from fleet.sandbox.analysis.spans import Span
from fleet.sandbox.analysis.words import DIGIT_DATE

_START = re.compile(r"(?<![\w$€£])(?<!\w[.,/-])[+(]?[0-9]")
_NOT_DIGIT = re.compile(r"[^0-9]")
_CAPITAL = r"[A-Z][\w.'’-]{0,30}"
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|Parkway|Pkwy"
    r"|Highway|Hwy|Circle|Cir|Trail|Crescent|Close|Row|Walk|Alley|Plaza|Loop|Path|Heights|Grove|Gardens)"
)
_DWELLING = r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Floor|Room)\.? [\w-]{1,6}|,? #[\w-]{1,6})"
_TOWN = rf"(?:, ?\n?|\n){_CAPITAL}(?: {_CAPITAL}){{0,3}}, [A-Z]{{2}} [0-9]{{5}}(?:-[0-9]{{4}})?"
_ADDRESS = re.compile(
    rf"[0-9]{{1,6}}[A-Za-z]? (?:{_CAPITAL} ){{1,4}}?{_STREET}\b\.?{_DWELLING}?(?:{_TOWN})?"
    rf"|[0-9]{{1,6}}[A-Za-z]? {_CAPITAL}(?: {_CAPITAL}){{0,3}}?{_DWELLING}?{_TOWN}"
)
_PHONE = re.compile(
    r"(?:\+[0-9]{1,3}(?:[ .-]?\(?[0-9]{1,5}\)?){2,5}"
    r"|(?:00?1[ .-]?)?(?:1[ .-])?(?:\([0-9]{3}\) ?|[0-9]{3}[ .-]?)[0-9]{3}[ .-]?[0-9]{4}"
    r"|[0-9]{3}-[0-9]{4}|0[0-9]{2,4} [0-9]{3,4} ?[0-9]{3,4})(?: ?(?:x|ext\.?) ?[0-9]{1,6})?(?![\w-])"
)
_PHONE_WORD = re.compile(r"phone|call|tel|mobile|cell|fax|contact|reach|dial|text", re.IGNORECASE)


def _phone(text: str, match: re.Match[str]) -> bool:
    """Seven to fifteen digits; a bare run of digits is a phone number only after a word that says so."""
    digits = _NOT_DIGIT.sub("", match.group().partition("x")[0])
    if not 7 <= len(digits) <= 15:
        return False
    return (
        not match.group().isdigit() or _PHONE_WORD.search(text, max(0, match.start() - 30), match.start()) is not None
    )


def _digits(check: Callable[[str], bool]) -> Callable[[str, re.Match[str]], bool]:
    return lambda _, match: check(_NOT_DIGIT.sub("", match.group()))


def _aadhaar(text: str, match: re.Match[str]) -> bool:
    """Bare digits pass the check one time in ten by chance, so they need their separators."""
    return not match.group().isdigit() and checksums.aadhaar(_NOT_DIGIT.sub("", match.group()))


def _always(text: str, match: re.Match[str]) -> bool:
    return True


_RULES: tuple[tuple[str, re.Pattern[str], Callable[[str, re.Match[str]], bool]], ...] = (
    (
        "IP_ADDRESS",
        re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w]|\.[0-9])"),
        lambda _, match: checksums.ip4(match.group()),
    ),
    ("CREDIT_DEBIT_NUMBER", re.compile(r"[0-9](?:[ -]?[0-9]){12,18}(?![\w-])"), _digits(checksums.card)),
    ("SSN", re.compile(r"[0-9]{3}([ -])[0-9]{2}\1[0-9]{4}(?![\w-])"), _digits(checksums.ssn)),
    (
        "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER",
        re.compile(r"9[0-9]{2}([ -])[0-9]{2}\1[0-9]{4}(?![\w-])"),
        _digits(checksums.itin),
    ),
    ("IN_AADHAAR", re.compile(r"[2-9][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}(?![\w-]| [0-9])"), _aadhaar),
    (
        "CA_SOCIAL_INSURANCE_NUMBER",
        re.compile(r"[0-9]{3}([ -])[0-9]{3}\1[0-9]{3}(?![\w-]| [0-9])"),
        _digits(checksums.sin),
    ),
    ("AGE", re.compile(r"[0-9]{1,3}[ -](?:years?|yrs?)[ -]old\b|[0-9]{1,3} ?y/o\b"), _always),
    ("DATE_TIME", DIGIT_DATE, _always),
    ("ADDRESS", _ADDRESS, _always),
    ("PHONE", _PHONE, _phone),
)


def detect(text: str) -> Iterator[Span]:
    """The spans that begin with a digit, in order."""
    position = 0
    while start := _START.search(text, position):
        position = start.end()
        for kind, pattern, check in _RULES:
            match = pattern.match(text, start.start())
            if match and check(text, match):
                yield Span(match.start(), match.end(), kind)
                position = match.end()
                break
