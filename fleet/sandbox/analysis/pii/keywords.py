"""Personal data that only its label gives away: "password: ...", "account number ...", "CVV 123".

Each label is looked for as plain text first, so a text without it costs one fast search; the pattern of its value is
tried only behind the label and the small words that may link them.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from fleet.sandbox.analysis.pii import checksums
from fleet.sandbox.analysis.spans import Span

_LINKS = r"(?:number|no|num|id|code|is|was|card|date|on|of|key|access)\b\.?|[:=#]"
_LOOSE = re.compile(rf"(?:[ \t]{{0,3}}(?:{_LINKS})){{0,4}}[ \t]{{0,3}}[\"'(]?", re.IGNORECASE)
# A password may itself begin with a number sign.
_SPOKEN = re.compile(r"(?:[ \t]{0,3}(?:is\b|was\b|[:=])){1,2}[ \t]{0,3}[\"']?", re.IGNORECASE)
_TIGHT = re.compile(rf"(?:[ \t]{{0,3}}(?:{_LINKS})){{1,4}}[ \t]{{0,3}}[\"'(]?", re.IGNORECASE)
_NOT_DIGIT = re.compile(r"[^0-9]")


class _Label(NamedTuple):
    """One type behind its labels. `link` says whether a linking word or sign must stand between."""

    type: str
    labels: tuple[str, ...]
    value: re.Pattern[str]
    link: re.Pattern[str] = _LOOSE
    check: Callable[[str], bool] = lambda value: True


def _digits(check: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda value: check(_NOT_DIGIT.sub("", value))


def _has_digit(value: str) -> bool:
    return any(character in "0123456789" for character in value)


_TABLE = (
    _Label(
        "SSN", ("ssn", "social security"), re.compile(r"\d{3}[ -]?\d\d[ -]?\d{4}(?!\w)"), check=_digits(checksums.ssn)
    ),
    _Label("BANK_ROUTING", ("routing", "aba"), re.compile(r"\d{9}(?!\w)"), check=_digits(checksums.aba)),
    _Label("BANK_ROUTING", ("sort code",), re.compile(r"\d\d[ -]?\d\d[ -]?\d\d(?!\w)")),
    _Label("BANK_ACCOUNT_NUMBER", ("account", "acct"), re.compile(r"\d{6,17}(?![\w-])"), _TIGHT),
    _Label("CREDIT_DEBIT_CVV", ("cvv", "cvc", "security code", "cvv2"), re.compile(r"\d{3,4}(?!\w)")),
    _Label(
        "CREDIT_DEBIT_EXPIRY",
        ("exp", "expiry", "expires", "expiration", "valid thru", "valid through"),
        re.compile(r"(?:0[1-9]|1[0-2]) ?[/-] ?(?:20)?\d\d(?![\w/-])"),
    ),
    _Label("PIN", ("pin",), re.compile(r"\d{4,6}(?![\w-])")),
    _Label("PASSPORT_NUMBER", ("passport",), re.compile(r"[A-Z]{0,2}\d{6,9}(?!\w)")),
    _Label(
        "DRIVER_ID",
        ("driver's license", "drivers license", "driver license", "driving licence", "driver's licence"),
        re.compile(r"[A-Z0-9](?:-?[A-Z0-9]){4,18}(?![\w-])"),
        check=_has_digit,
    ),
    _Label(
        "LICENSE_PLATE",
        ("license plate", "licence plate", "number plate", "plate"),
        re.compile(r"(?=[A-Z0-9 -]{0,8}\d)[A-Z0-9]{1,4}(?:[ -][A-Z0-9]{2,4}|[A-Z0-9]{1,4})(?![\w-])"),
    ),
    _Label("VEHICLE_IDENTIFICATION_NUMBER", ("vin",), re.compile(r"[A-HJ-NPR-Z0-9]{17}(?!\w)"), check=_has_digit),
    _Label("SWIFT_CODE", ("swift", "bic"), re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?(?!\w)")),
    _Label(
        "UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER",
        ("utr", "taxpayer reference"),
        re.compile(r"\d{5} ?\d{5}(?!\w)"),
        check=_digits(checksums.utr),
    ),
    _Label(
        "UK_NATIONAL_HEALTH_SERVICE_NUMBER",
        ("nhs",),
        re.compile(r"\d{3}[ -]?\d{3}[ -]?\d{4}(?!\w)"),
        check=_digits(checksums.nhs),
    ),
    _Label(
        "CA_HEALTH_NUMBER",
        ("health card", "health number", "ohip", "phn"),
        re.compile(r"\d{4}[ -]?\d{3}[ -]?\d{3}(?:[ -]?[A-Z]{2})?(?!\w)"),
    ),
    _Label("IN_AADHAAR", ("aadhaar",), re.compile(r"\d{4} ?\d{4} ?\d{4}(?!\w)"), check=_digits(checksums.aadhaar)),
    _Label("AGE", ("age", "aged"), re.compile(r"\d{1,3}(?![\w.,/:-]\w|\w)")),
    _Label("AWS_SECRET_KEY", ("secret",), re.compile(r"[A-Za-z0-9/+]{40}(?![\w/+=])")),
    _Label(
        "USERNAME",
        ("username", "user name", "user id", "login"),
        re.compile(r"[A-Za-z0-9](?:[\w.@-]{1,38}\w)(?![\w@])"),
        _TIGHT,
    ),
    _Label("PASSWORD", ("password", "passwd", "passphrase", "pwd"), re.compile(r"\S{3,63}[^\s.,;:!?)\"']"), _SPOKEN),
)
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def detect(text: str) -> Iterator[Span]:
    """The labelled values, not in order and perhaps overlapping."""
    # Lower case of ASCII only: it keeps every offset, which str.lower does not for some letters.
    lower = text.lower() if text.isascii() else text.translate(_LOWER).replace("’", "'")
    for row in _TABLE:
        for label in row.labels:
            at = lower.find(label)
            while at >= 0:
                end = at + len(label)
                if _stands_alone(lower, at, end):
                    yield from _value(text, end, row)
                at = lower.find(label, end)


def _value(text: str, begin: int, row: _Label) -> Iterator[Span]:
    link = row.link.match(text, begin)
    value = row.value.match(text, link.end()) if link and link.end() > begin else None
    if value and row.check(value.group()):
        yield Span(value.start(), value.end(), row.type)


def _stands_alone(text: str, begin: int, end: int) -> bool:
    return not (begin and text[begin - 1].isalnum()) and not (end < len(text) and text[end].isalnum())
