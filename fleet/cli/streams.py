"""Standard streams that can never hold up or kill a fleet: closed, broken, full, or of the wrong encoding."""

import io
import os
import select
import sys
import threading
from contextlib import suppress
from typing import Any, Final, TextIO

__all__ = ["Outlet", "finish_output", "put", "secure_streams"]

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_PATIENCE_MS: Final = 100


class Outlet(io.RawIOBase):
    """A file descriptor that takes what its reader has room for, and drops the rest rather than wait.

    A reader that has fallen behind is waited for once, for 100 ms; after that what does not fit at once is dropped
    until there is room again. Then one line tells how many bytes were lost. Errors count as a reader without room.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ready = select.poll()
        self._ready.register(descriptor, select.POLLOUT)
        self._lock = threading.Lock()
        self._dropped_bytes = 0

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: Any, /) -> int:
        """All bytes are written or dropped; never waits longer than 100 ms, never raises."""
        view = memoryview(data).cast("B")
        with self._lock:
            if self._dropped_bytes and self._has_room():
                lost, self._dropped_bytes = self._dropped_bytes, 0
                self._put(f"fleet: {lost} bytes of log were dropped: nobody read them\n".encode())
            self._put(view)
        return len(view)

    def _put(self, data: bytes | memoryview) -> None:
        left = memoryview(data)
        while left:
            if not self._has_room():
                self._dropped_bytes += len(left)
                return
            try:  # a pipe that polls as ready takes PIPE_BUF bytes without a wait
                left = left[os.write(self._descriptor, left[: select.PIPE_BUF]) :]
            except OSError:
                self._dropped_bytes += len(left)
                return

    def _has_room(self) -> bool:
        return any(
            events & select.POLLOUT for _, events in self._ready.poll(0 if self._dropped_bytes else _PATIENCE_MS)
        )


def secure_streams() -> None:
    """Descriptors 0 to 2 are open, standard error never waits, and no character is too much for either output.

    A descriptor that was closed would be given to the next file that is opened, and messages would land in it.
    """
    for descriptor in (_STDIN, _STDOUT, _STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
    sys.stdin = sys.stdin or _text(open(os.devnull, "rb", buffering=0))  # noqa: SIM115 - for the process's life
    sys.stdout = sys.stdout or _text(os.fdopen(_STDOUT, "wb", buffering=0, closefd=False))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    encoding = sys.stderr.encoding if sys.stderr else None
    sys.stderr = _text(Outlet(_STDERR), encoding)


def put(text: str) -> None:
    """Print the outcome of work that is done: where nobody takes it, that changes nothing any more."""
    with suppress(OSError):
        sys.stdout.write(text)
    finish_output()


def finish_output() -> None:
    """What was printed has left, or nobody is there to take it and it is given up."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _STDOUT)  # the interpreter flushes once more when it ends
        os.close(nowhere)


def _text(raw: io.RawIOBase, encoding: str | None = None) -> TextIO:
    return io.TextIOWrapper(raw, encoding=encoding or "utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[type-var]
