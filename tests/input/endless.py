"""A file that never ends, for readers that must not read it to its end."""

import io
from typing import Any

__all__ = ["Endless"]


class Endless(io.RawIOBase):
    """The same bytes again and again, behind the `first`. `given`: how many of all of them were read."""

    def __init__(self, piece: bytes, *, first: bytes = b"") -> None:
        self._first = first
        self._piece = piece
        self.given = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """It begins anew wherever it is."""
        return 0

    def readinto(self, buffer: Any, /) -> int:
        if not self._first:
            self._first = self._piece * max(1, len(buffer) // len(self._piece))
        body, self._first = self._first[: len(buffer)], self._first[len(buffer) :]
        buffer[: len(body)] = body
        self.given += len(body)
        return len(body)
