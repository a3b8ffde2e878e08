"""Secrets in text, made unreadable before the text goes to a log, the ledger or a page.

AWS quotes the whole canonical request in some errors, security token included; URLs carry passwords; people paste keys
where they should not. Every pattern is linear in the text.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote

__all__ = ["is_secret", "known_secrets", "redacted"]

_MASK: Final = "***"
_KNOWN_MIN_CHARACTERS: Final = 8  # shorter values would blot out ordinary words

_NAMES: Final = (
    r"(?:pg)?passw(?:or)?d|passphrase|secret[-_]?(?:access[-_]?)?key|aws[-_]secret[-_]access[-_]key|client[-_]?secret|secret"
    r"|(?:aws[-_]?)?session[-_]?token|security[-_]?token|x-amz-signature|api[-_]?key|private[-_]?key"
)
_PATTERNS: Final = (
    # access key ids: the identifiers of AWS IAM (docs: reference_identifiers, unique id prefixes)
    (re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{12,124}\b"), rf"\1{_MASK}"),
    (re.compile(r"(?i)\b((?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?)[^\r\n'\"]{1,4096}"), rf"\1{_MASK}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,4096}"), rf"\1 {_MASK}"),
    (
        re.compile(rf"(?i)(?<![a-z])({_NAMES})(['\"]?\s{{0,8}}[:=]\s{{0,8}}['\"]?)[^\s'\"&,;}}]{{1,4096}}"),
        rf"\1\2{_MASK}",
    ),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,31}://)[^\s/?#'\"]{1,512}@"), rf"\1{_MASK}@"),
)
_SECRET_NAME: Final = re.compile(rf"(?i)(?:.{{0,64}}[-_])?(?:{_NAMES}|authorization)")


def redacted(text: str, known: Iterable[str] = ()) -> str:
    """The text without keys, tokens, passwords and signatures as far as they can be told, nor the `known` secrets."""
    for secret in known:
        if len(secret) >= _KNOWN_MIN_CHARACTERS:
            text = text.replace(secret, _MASK)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def known_secrets(environment: Mapping[str, str]) -> list[str]:
    """The secrets that these variables hold, as they are and as a URL would have them, the longest first."""
    values = {value for name, value in environment.items() if is_secret(name)}
    return sorted(values | {quote(value, safe="") for value in values}, key=len, reverse=True)


def is_secret(name: str) -> bool:
    """Whether what has this name must never be shown, whatever it looks like."""
    return _SECRET_NAME.fullmatch(name) is not None
