"""One process writes a ledger: an operating system lock, which a dead process cannot keep."""

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from fleet.core.errors import InvalidInput, Locked
from fleet.ledger.sqlite.errors import refused

__all__ = ["Lock"]


class Lock:
    """Held from its making until `release`, or until the process ends in whatever way.

    The lock file stays; what counts is the lock on it. Its text names the holder for people, and nothing else.
    `Locked` if another process has it; `InvalidInput`, `Unwritable` or `DiskFailed` if the file cannot be made.
    """

    def __init__(self, ledger: Path) -> None:
        path = ledger.with_name(f"{ledger.name}.lock")
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise refused(path, error) from error
        try:
            self._take(ledger)
        except BaseException:
            os.close(self._file)
            raise

    def _take(self, ledger: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(f"{ledger}: the ledger is held by {self._holder()}") from None
        except OSError as error:
            raise InvalidInput(f"{ledger}: its file system has no locks ({error.strerror})") from error
        with suppress(OSError):  # a full disk: the lock is what counts, the name is for people
            self._sign()

    def _sign(self) -> None:
        os.fchmod(self._file, 0o600)
        started_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "started_at": started_at}
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps(holder).encode() + b"\n", 0)

    def _holder(self) -> str:
        try:
            holder = json.loads(os.pread(self._file, 4096, 0))
            return f"process {int(holder['pid'])} on {holder['host']!s} since {holder['started_at']!s}"
        except (ValueError, TypeError, KeyError):
            return "another process, which has not yet written its name"

    def release(self) -> None:
        """Somebody else may hold the ledger."""
        os.close(self._file)
