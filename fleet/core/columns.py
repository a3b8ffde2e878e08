"""Tables that fit a terminal: the widths of characters, the columns that go first, and the one that gives way.

Every cell is made safe here: whatever a manifest or AWS said, no cell moves a cursor or turns the reading direction.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fleet.core.report import printable

__all__ = ["Column", "cut", "fit", "grid", "width", "wrap"]

_GAP: Final = 2
_ELLIPSIS: Final = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `drop`: where there is no room, the highest goes first, and 0 never. `least`: how narrow it may be
    made instead; None means that it is never cut. `end`: where it is cut, its end is kept, as of a path."""

    name: str
    right: bool = False
    end: bool = False
    drop: int = 0
    least: int | None = None


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_width(char) for char in text)


def cut(text: str, columns: int | None, *, end: bool = False) -> str:
    """The text without anything unsafe, in at most so many columns, its beginning or its end; None does not cut."""
    safe = printable(text)
    if columns is None or width(safe) <= columns:
        return safe
    kept, used = [], 1
    for char in reversed(safe) if end else safe:
        used += _width(char)
        if used > columns:
            break
        kept.append(char)
    if columns < 1:
        return ""
    return _ELLIPSIS + "".join(reversed(kept)) if end else "".join(kept) + _ELLIPSIS


def fit(text: str, columns: int, *, right: bool = False, end: bool = False) -> str:
    """The safe text in exactly so many columns."""
    safe = cut(text, columns, end=end)
    pad = " " * (columns - width(safe))
    return pad + safe if right else safe + pad


def wrap(text: str, columns: int | None, *, indent: str = "") -> list[str]:
    """The safe text in lines of at most so many columns, broken between words; later lines are indented."""
    safe = printable(text)
    if columns is None:
        return [safe]
    words = safe.lstrip(" ")
    lines, line = [], " " * (len(safe) - len(words))
    for word in words.split(" "):
        longer = f"{line} {word}" if line.strip() else line + word
        if width(longer) > columns and line.strip():
            lines.append(line)
            line = indent + word
        else:
            line = longer
    return [*lines, line]


def grid(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, room: int | None
) -> tuple[list[int], list[list[str]]]:
    """The heading and every row as padded cells that fit into so many columns together, two spaces apart.

    All rows lose the same columns; which are left is the first answer. `room` None: there is room for everything.
    """
    shown = list(range(len(columns)))
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max([width(column.name), *(width(row[place]) for row in cells)]) for place, column in enumerate(columns)]
    if room is not None:
        shown = _kept(columns, widths, room)
        _shrink(columns, widths, shown, room)
    table = [[column.name for column in columns], *cells]
    return shown, [
        [fit(row[place], widths[place], right=columns[place].right, end=columns[place].end) for place in shown]
        for row in table
    ]


def _kept(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """The places of the columns for which there is room, after the others have gone."""
    shown = list(range(len(columns)))
    least = [
        taken if column.least is None else min(taken, column.least)
        for column, taken in zip(columns, widths, strict=True)
    ]
    while sum(least[place] for place in shown) + _GAP * (len(shown) - 1) > room:
        spare = [place for place in shown if columns[place].drop]
        if not spare:
            break
        shown.remove(max(spare, key=lambda place: (columns[place].drop, place)))
    return shown


def _shrink(columns: Sequence[Column], widths: list[int], shown: Sequence[int], room: int) -> None:
    """The columns that may be cut share what is too much, the widest first."""
    over = sum(widths[place] for place in shown) + _GAP * (len(shown) - 1) - room
    flexible = [place for place in shown if columns[place].least is not None]
    while over > 0 and flexible:
        widest = max(flexible, key=lambda place: widths[place])
        least = columns[widest].least or 1
        if widths[widest] <= least:
            flexible.remove(widest)
            continue
        others = max((widths[place] for place in flexible if place != widest), default=least)
        step = min(over, max(1, widths[widest] - max(least, others)))
        widths[widest] -= step
        over -= step


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
