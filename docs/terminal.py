"""A recorded terminal: a command runs on a pseudo terminal, and what a person would have seen becomes an SVG.

Understood is what fleet and rich print: text, colours, carriage return, line feed, cursor up, erase line. The picture
needs nothing from elsewhere: no font, no style sheet, no script.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

__all__ = ["Terminal", "record", "svg"]

_CONTROL: Final = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])|\r\n|\r|\n")
_STYLE: Final = re.compile(r"\x1b\[([\d;]*)m")
_COLOURS: Final = {31: "#f7768e", 32: "#9ece6a", 33: "#e0af68", 36: "#7dcfff"}
_FONT: Final = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"
_CELL: Final = 8.4  # pixels: what a monospaced font of 14 takes
_LINE: Final = 19
_MARGIN: Final = 16


class Terminal:
    """Lines with their colours, as they stand after all that was fed."""

    def __init__(self) -> None:
        self.lines: list[str] = [""]
        self._row = 0
        self._fresh = False  # a carriage return was seen: what comes next overwrites the line
        self._rest = ""

    def feed(self, text: str) -> None:
        """Take in more of what the program wrote; a sequence that is cut in two waits for its end."""
        text = self._rest + text
        cut = text.rfind("\x1b")
        self._rest = ""
        if cut >= 0 and not _CONTROL.match(text, cut):
            text, self._rest = text[:cut], text[cut:]
        at = 0
        for control in _CONTROL.finditer(text):
            self._write(text[at : control.start()])
            self._obey(control[0], control[1], control[2])
            at = control.end()
        self._write(text[at:])

    def _write(self, text: str) -> None:
        if text:
            self.lines[self._row] = text if self._fresh else self.lines[self._row] + text
            self._fresh = False

    def _obey(self, whole: str, number: str | None, letter: str | None) -> None:
        if letter == "m":
            self._write(whole)
        elif letter == "A":
            self._row = max(0, self._row - int(number or 1))
        elif letter == "K":
            self.lines[self._row] = ""
        elif whole == "\r":
            self._fresh = True
        elif whole.endswith("\n"):
            self._row, self._fresh = self._row + 1, False
            if self._row == len(self.lines):
                self.lines.append("")


def record(
    command: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    columns: int,
    rows: int,
    seen: Callable[[list[str]], None],
) -> int:
    """Run the command on a terminal of this size; `seen` gets the screen after each piece of output. Its exit code."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    size = {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(rows)}
    terminal = Terminal()
    with subprocess.Popen(
        command, cwd=directory, env={**environment, **size}, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        for piece in _pieces(ours):
            terminal.feed(piece)
            seen(list(terminal.lines))
    os.close(ours)
    return process.returncode


def _pieces(file: int) -> Iterator[str]:
    rest = b""
    while True:
        try:
            data = os.read(file, 65_536)
        except OSError:  # on Linux the end of a terminal is an error
            return
        if not data:
            return
        text = (rest + data).decode(errors="ignore")
        rest = (rest + data)[len(text.encode()) :]
        yield text


def svg(lines: Sequence[str], *, title: str, columns: int) -> str:
    """The lines as a picture of a terminal."""
    width, height = columns * _CELL + 2 * _MARGIN, len(lines) * _LINE + 2 * _MARGIN
    body = [
        f'<text x="{_MARGIN}" y="{_MARGIN + 14 + number * _LINE}">{"".join(_spans(line))}</text>'
        for number, line in enumerate(lines)
        if line
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#1a1b26"/>',
            f'<g font-family="{_FONT}" font-size="14" fill="#c0caf5" xml:space="preserve">',
            *body,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _spans(line: str) -> Iterator[str]:
    """The line's stretches of one style, each put where it belongs whatever the font."""
    styles: set[int] = set()
    column = 0
    for number, part in enumerate(_STYLE.split(line)):
        if number % 2:
            codes = [int(code or 0) for code in part.split(";")]
            styles = (set() if 0 in codes else styles) | {code for code in codes if code}
            continue
        if part.strip():
            indent = len(part) - len(part.lstrip())
            word = part.strip()
            place = f'x="{_MARGIN + (column + indent) * _CELL:.1f}" textLength="{len(word) * _CELL:.1f}"'
            yield f"<tspan {place}{_look(styles)}>{escape(word)}</tspan>"
        column += len(part)


def _look(styles: set[int]) -> str:
    colour = next((f' fill="{_COLOURS[code]}"' for code in sorted(styles) if code in _COLOURS), "")
    return colour + (' font-weight="bold"' if 1 in styles else "") + (' opacity="0.6"' if 2 in styles else "")
