"""strace that kills a real process at its N-th write to the disk, or makes that write fail."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["CALLS", "ERRORS", "Injection", "Traced", "trace", "why_not"]

CALLS: Final = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink")
"""The system calls by which SQLite changes the disk."""
ERRORS: Final = ("ENOSPC", "EIO", "EDQUOT", "EINTR")

ROOT: Final = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """What happens at the N-th of these calls: SIGKILL, or an error once, or from then on for ever."""

    call: str
    nth: int
    error: str | None = None
    forever: bool = False

    def __str__(self) -> str:
        return f"{self.error or 'SIGKILL'} at {self.call} {self.nth}{'+' if self.forever else ''}"

    def options(self) -> list[str]:
        """strace's words for it."""
        what = f"error={self.error}" if self.error else "signal=SIGKILL"
        when = f"{self.nth}+" if self.forever else str(self.nth)
        return ["-e", f"trace={self.call}", "-e", f"inject={self.call}:{what}:when={when}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """How a traced process ended, what it said, and whether the injection was reached."""

    returncode: int
    output: str
    errors: str
    reached: bool

    def acknowledged(self) -> Iterator[tuple[str, str]]:
        """The words and keys of the writer's whole lines."""
        for line in self.output.splitlines(keepends=True):
            word, _, key = line.strip().partition(" ")
            if line.endswith("\n") and word != "done":
                yield word, key


def why_not() -> str | None:
    """Why nothing can be traced here; None if it can."""
    if shutil.which("strace") is None:
        return "strace is not installed (apt-get install strace)"
    tried = subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.strip()}"


def trace(
    command: Sequence[str],
    injection: Injection,
    log: Path,
    *,
    cwd: Path = ROOT,
    environment: dict[str, str] | None = None,
) -> Traced:
    """Run `python COMMAND` under the injection to its end."""
    words = ["strace", "-f", "-qq", "-o", str(log), *injection.options(), sys.executable, *command]
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)
    if not log.exists():
        raise RuntimeError(f"strace did not run: {done.stderr}")
    traced = log.read_text(errors="replace")
    reached = "(INJECTED)" in traced if injection.error else "killed by SIGKILL" in traced
    return Traced(returncode=done.returncode, output=done.stdout, errors=done.stderr, reached=reached)
