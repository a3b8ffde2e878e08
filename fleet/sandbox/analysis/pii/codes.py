"""Personal data that looks like a code: IBAN, VIN, tax and voter numbers, access keys; net addresses of all kinds.

Each pattern is tried only where a cheap search says that it can match, so that plain prose costs next to nothing.
"""

import re
from collections.abc import Callable, Iterator
from ipaddress import AddressValueError, IPv6Address

from fleet.sandbox.analysis.pii import checksums
from fleet.sandbox.analysis.spans import Span

_START = re.compile(r"\b(?:[A-Z]{2}[ -]?[0-9]{2}|[A-Z0-9]{10})")
_LOCAL = re.compile(r"[\w.+%-]{1,64}$")
_DOMAIN = re.compile(r"@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])")
_URL = re.compile(r"\b(?:https?://|www\.)[^\s<>\"'\[\]{}|]{2,500}", re.IGNORECASE)
_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![\w:-])")
_IP6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{3,39}(?![\w:])")
_SPACE = re.compile(r"\s")


def _vin(characters: str) -> bool:
    return checksums.vin(characters)


def _always(characters: str) -> bool:
    return True


_RULES: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("AWS_ACCESS_KEY", re.compile(r"(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b"), _always),
    (
        "UK_NATIONAL_INSURANCE_NUMBER",
        re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b"),
        _always,
    ),
    ("IN_NREGA", re.compile(r"[A-Z]{2}-[0-9]{2}-[0-9]{3}-[0-9]{3}-[0-9]{3}/[0-9]{1,4}\b"), _always),
    ("VEHICLE_IDENTIFICATION_NUMBER", re.compile(r"[A-HJ-NPR-Z0-9]{17}\b"), _vin),
    ("IN_PERMANENT_ACCOUNT_NUMBER", re.compile(r"[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]\b"), _always),
    ("IN_VOTER_NUMBER", re.compile(r"[A-Z]{3}[0-9]{7}\b"), _always),
)


def detect(text: str) -> Iterator[Span]:
    """The spans, not in order and perhaps overlapping."""
    if "@" in text:
        yield from _emails(text)
    if "://" in text or "www." in text.lower():
        yield from _urls(text)
    if text.count(":") >= 5 or text.count("-") >= 5:
        yield from (Span(match.start(), match.end(), "MAC_ADDRESS") for match in _MAC.finditer(text))
    if "::" in text or text.count(":") >= 7:
        yield from _ip6(text)
    for start in _START.finditer(text):
        yield from _code(text, start.start())


def _code(text: str, begin: int) -> Iterator[Span]:
    end = _iban_end(text, begin)
    if end:
        yield Span(begin, end, "INTERNATIONAL_BANK_ACCOUNT_NUMBER")
        return
    for kind, pattern, check in _RULES:
        match = pattern.match(text, begin)
        if match and check(match.group()):
            yield Span(begin, match.end(), kind)
            return


def _iban_end(text: str, begin: int) -> int:
    """Where an IBAN that begins here ends, spaces between its groups allowed; 0 if there is none."""
    length = checksums.IBAN_LENGTHS.get(text[begin : begin + 2])
    if not length:
        return 0
    characters = ""
    for place in range(begin, min(len(text), begin + length + 9)):
        if text[place] == " ":
            continue
        characters += text[place]
        if len(characters) == length:
            whole = place + 1 == len(text) or not text[place + 1].isalnum()
            plain = characters.isascii() and characters.isalnum() and characters.isupper()
            return place + 1 if whole and plain and checksums.iban(characters) else 0
    return 0


def _emails(text: str) -> Iterator[Span]:
    """By the at sign, since a pattern that begins with the local part would look at every word of the text."""
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at)
        local = _LOCAL.search(text[max(0, at - 64) : at])
        if domain and local:
            yield Span(at - len(local.group().lstrip(".")), domain.end(), "EMAIL")
        at = text.find("@", at + 1)


def _urls(text: str) -> Iterator[Span]:
    for match in _URL.finditer(text):
        yield Span(match.start(), match.start() + len(match.group().rstrip(".,;:!?)")), "URL")


def _ip6(text: str) -> Iterator[Span]:
    for match in _IP6.finditer(text):
        try:
            IPv6Address(match.group())
        except AddressValueError:
            continue
        yield Span(match.start(), match.end(), "IP_ADDRESS")
