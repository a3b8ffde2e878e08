"""Text from strangers, made safe to show, and the word they probably meant.

Whatever a manifest, a configuration or AWS says may end in a terminal, a log or a page. `shown` is the one way to
quote it: one line, short, and nothing in it that a terminal or a browser obeys.
"""

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from reprlib import Repr
from typing import Final

__all__ = ["SHOWN_CHARACTERS", "named", "nearest", "shown", "suggestion", "unsafe"]

SHOWN_CHARACTERS: Final = 60
_KNOWN_MAX: Final = 15
_BEGINNING_CHARACTERS: Final = 3

# every way to turn the reading direction of the text that follows, which makes a line show what it does not say
_DIRECTION: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSAFE_CATEGORIES: Final = {
    "Cc": "a control character",
    "Cs": "half of a surrogate pair",
    "Zl": "a line separator",
    "Zp": "a paragraph separator",
}

_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,60}")

_repr = Repr()
_repr.maxlevel = 3
_repr.maxdict = _repr.maxlist = _repr.maxtuple = _repr.maxset = 4
_repr.maxstring = _repr.maxother = _repr.maxlong = 2 * SHOWN_CHARACTERS


def shown(value: object) -> str:
    """`value` as at most 60 printable characters on one line: control, escape and direction characters as escapes."""
    text = repr(value[: SHOWN_CHARACTERS + 1]) if isinstance(value, str) else _repr.repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def named(name: str) -> str:
    """A member's or field's name as it is if it is a plain word, and `shown` if not."""
    return name if _WORD.fullmatch(name) else shown(name)


def unsafe(text: str) -> str | None:
    """What in `text` must never reach a ledger, a log or AWS, or None: controls, surrogates, direction overrides."""
    if text.isprintable():
        return None
    for character in text:
        if character == "\0":
            return "a NUL character"
        if character in _DIRECTION:
            return f"a text direction override (U+{ord(character):04X})"
        if name := _UNSAFE_CATEGORIES.get(unicodedata.category(character)):
            return f"{name} (U+{ord(character):04X})"
    return None


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The one of `choices` that was probably meant by `word`, whatever its case, dashes and underscores."""
    return _nearest(word[:SHOWN_CHARACTERS], tuple(choices))


def suggestion(word: str, choices: Iterable[str]) -> str:
    """How to go on after an unknown word: `did you mean 'x'?`, or the words that are known."""
    choices = tuple(choices)
    meant = nearest(word, choices)
    if meant:
        return f"did you mean {meant!r}?"
    more = f" and {len(choices) - _KNOWN_MAX} more" if len(choices) > _KNOWN_MAX else ""
    return f"known: {', '.join(choices[:_KNOWN_MAX])}{more}"


@lru_cache(maxsize=4096)
def _nearest(word: str, choices: tuple[str, ...]) -> str | None:
    plain = {_letters(choice): choice for choice in reversed(choices)}
    letters = _letters(word)
    close = get_close_matches(letters, plain, n=1)
    if not close and len(letters) >= _BEGINNING_CHARACTERS:
        close = [choice for choice in plain if choice.startswith(letters)]
    return plain[close[0]] if len(close) == 1 else None


def _letters(word: str) -> str:
    return "".join(character for character in word.lower() if character.isalnum())
