"""Who holds a ledger, seen without touching its lock: a look must never make a fleet that starts believe it is held."""

import json
import os
import socket
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["Holder", "holder_of"]

_LOCKS: Final = Path("/proc/locks")


class Holder(NamedTuple):
    """The process that writes a ledger; what it did not write into the lock file is None."""

    pid: int | None = None
    host: str | None = None
    started_at: str | None = None


def holder_of(ledger: Path, *, locks: Path = _LOCKS) -> Holder | None:
    """The process that holds the ledger at this path, None if nobody does.

    The kernel's list of locks tells (Linux, proc(5)); where there is none, whether the process that signed last lives.
    """
    path = ledger.with_name(f"{ledger.name}.lock")
    try:
        found = path.stat()
        signed = _signed(path)
    except OSError:
        return None
    try:
        lines = locks.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return signed if _lives(signed) else None
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    for line in lines:
        words = line.split()
        if "->" in words or len(words) < 6 or words[1] != "FLOCK":
            continue
        same_file = words[5] == place or (
            words[5].endswith(f":{found.st_ino}") and signed.pid is not None and words[4] == str(signed.pid)
        )
        if same_file:
            return signed
    return None


def _signed(path: Path) -> Holder:
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
        return Holder(int(text["pid"]), str(text["host"]), str(text["started_at"]))
    except (ValueError, TypeError, KeyError):
        return Holder()


def _lives(holder: Holder) -> bool:
    if holder.pid is None or holder.host != socket.gethostname():
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
