"""A disk of a few hundred kilobytes, for tests that fill it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["fill", "small_disk", "why_not"]


@contextmanager
def small_disk(directory: Path, size_kib: int) -> Iterator[Path]:
    """A file system of its own in memory, mounted at the directory."""
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(directory: Path) -> Path:
    """A file that takes all the room that is left on the disk."""
    ballast = directory / "ballast"
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with suppress(OSError):
        while True:
            os.write(descriptor, bytes(4096))
    os.close(descriptor)
    return ballast


def why_not(directory: Path = Path("/tmp")) -> str | None:
    """Why no file system can be mounted here; None if it can."""
    if os.geteuid() != 0:
        return "mounting a small disk needs root"
    place = directory / f"fleet-mount-{os.getpid()}"
    try:
        with small_disk(place, 64):
            return None
    except (OSError, subprocess.CalledProcessError) as error:
        return f"a small disk cannot be mounted here: {error}"
    finally:
        with suppress(OSError):
            place.rmdir()
