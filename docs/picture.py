"""Make docs/run.svg anew: `fleet demo` on a pseudo terminal, as it looks when half of it is done.

python -m docs.picture
"""

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

from docs.terminal import record, svg

__all__ = ["main"]

_PLACE: Final = Path(__file__).parent / "run.svg"
_COLUMNS, _ROWS = 100, 40
_LOG: Final = re.compile(r"\x1b\[2m\d{4}-\d\d-\d\dT|.*library\.says")
_DONE: Final = re.compile(r"([\d,]+) of ([\d,]+)")
_STYLE: Final = re.compile(r"\x1b\[[\d;]*m")


class Halfway:
    """Keeps the screen on which the share of jobs that are done is nearest to a half."""

    def __init__(self) -> None:
        self.screen: list[str] = []
        self._off = 2.0

    def look(self, lines: list[str]) -> None:
        """Take this screen if it is nearer."""
        plain = [_STYLE.sub("", line) for line in lines]
        if "elapsed" not in "".join(plain):  # a frame that is still being drawn
            return
        found = next((match for line in plain if (match := _DONE.search(line))), None)
        if found is None:
            return
        done, jobs = (int(number.replace(",", "")) for number in found.groups())
        off = abs(done / max(jobs, 1) - 0.5)
        if off < self._off:
            self.screen, self._off = [line for line in lines if not _LOG.match(line)], off


def main() -> int:
    """Write the picture; the exit code of the demo, or 1 where its display was never seen."""
    halfway = Halfway()
    with tempfile.TemporaryDirectory() as directory:
        code = record(
            [sys.executable, "-m", "fleet", "demo"],
            directory=Path(directory),
            environment={name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FLEET_"))},
            columns=_COLUMNS,
            rows=_ROWS,
            seen=halfway.look,
        )
    if code or not halfway.screen:
        return code or 1
    lines = [line.rstrip() for line in halfway.screen]
    while lines and not lines[-1]:
        lines.pop()
    _PLACE.write_text(svg(lines, title="fleet demo, when half of its jobs are done", columns=_COLUMNS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
