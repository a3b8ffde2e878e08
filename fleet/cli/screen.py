"""What a terminal can take: colours, width, characters. Elsewhere nothing is cut and nothing coloured."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

from fleet.core.columns import Column, grid

__all__ = ["Screen", "Style"]

_RESET: Final = "\x1b[0m"
_STYLES: Final = {
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "red": "\x1b[31m",
    "green": "\x1b[32m",
    "yellow": "\x1b[33m",
    "cyan": "\x1b[36m",
}
Style = str
"""One of bold, dim, red, green, yellow, cyan; empty for none."""


class Screen:
    """Where a command prints: standard output, if nothing else is said."""

    def __init__(
        self, stream: TextIO | None = None, *, environment: Mapping[str, str] | None = None, columns: int | None = None
    ) -> None:
        surroundings = os.environ if environment is None else environment
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty()
        self.columns = columns or (max(20, shutil.get_terminal_size().columns) if self.live else None)
        """How wide it is; None where it is no terminal, so that nothing needs to be cut."""
        # no-color.org: present and not empty means no colour
        self.colour = self.live and not surroundings.get("NO_COLOR") and surroundings.get("TERM") != "dumb"
        self.unicode = "utf" in (self.stream.encoding or "").lower()

    def paint(self, text: str, style: Style) -> str:
        """The text in this style, where there is colour."""
        return f"{_STYLES[style]}{text}{_RESET}" if style and self.colour and text.strip() else text

    def say(self, *lines: str) -> None:
        """Print these lines."""
        self.stream.write("".join(f"{line}\n" for line in lines))
        self.stream.flush()

    def bar(self, done: int, total: int, columns: int, *, bad: int = 0) -> str:
        """A bar of so many columns: what is done, what of it went wrong, and what is left."""
        full, empty = ("█", "░") if self.unicode else ("#", ".")
        filled = columns * done // total if total else 0
        wrong = min(filled, -(-columns * bad // total)) if total and bad else 0
        return (
            self.paint(full * (filled - wrong), "green")
            + self.paint(full * wrong, "red")
            + self.paint(empty * (columns - filled), "dim")
        )

    def table(
        self,
        columns: Sequence[Column],
        rows: Sequence[Sequence[str]],
        *,
        styles: Sequence[Sequence[Style]] | None = None,
        indent: str = "",
    ) -> list[str]:
        """The lines of a table that fits. `styles`: of each row's cells, in the order of all columns."""
        room = None if self.columns is None else self.columns - len(indent)
        places, (head, *padded) = grid(columns, rows, room=room)
        lines = [indent + self.paint("  ".join(head).rstrip(), "bold")]
        for number, cells in enumerate(padded):
            chosen = styles[number] if styles else ()
            painted = [
                self.paint(cell, chosen[place] if place < len(chosen) else "")
                for cell, place in zip(cells, places, strict=True)
            ]
            lines.append((indent + "  ".join(painted)).rstrip())
        return lines
