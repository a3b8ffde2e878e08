"""libfaketime for a child process: a wall clock that a test sets, while the monotonic clock stays what it is.

Found on the machine, or fetched with apt-get into `.tools/faketime` (no root, nothing is installed).
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.service import ROOT

__all__ = ["Missing", "WallClock", "library"]

_CACHE: Final = ROOT / ".tools" / "faketime"
_NAME: Final = "faketime/libfaketime.so.1"


class Missing(Exception):
    """There is no libfaketime, and none can be had. Says why."""


def library() -> Path:
    """The library's file."""
    for found in _found():
        return found
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Missing("libfaketime is not installed, and there is no apt-get to fetch it with")
    _CACHE.mkdir(parents=True, exist_ok=True)
    for command in (
        ("apt-get", "download", "libfaketime"),
        ("apt-get", "update"),
        ("apt-get", "download", "libfaketime"),
    ):
        done = subprocess.run(command, cwd=_CACHE, capture_output=True, text=True, check=False, timeout=120)
        packages = sorted(_CACHE.glob("libfaketime_*.deb"))
        if packages:
            subprocess.run(("dpkg-deb", "-x", packages[-1], "root"), cwd=_CACHE, check=True, capture_output=True)
            return next(_found())
    raise Missing(f"libfaketime cannot be fetched: {done.stderr.strip()}")


def _found() -> Iterator[Path]:
    for root in (Path("/"), _CACHE / "root"):
        yield from root.glob(f"usr/lib/*/{_NAME}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WallClock:
    """The wall clock of the processes that run with `environment`."""

    file: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What preloads the library; the file is read at every look at the clock."""
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def shift(self, seconds: float) -> None:
        """The clock is off by so many seconds from now on."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+.0f}\n")
        os.replace(new, self.file)

    def jump_to(self, epoch_s: float) -> None:
        """The clock shows this time now, and goes on from there."""
        self.shift(epoch_s - time.time())
