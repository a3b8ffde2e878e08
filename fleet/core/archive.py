"""A gzip tar as it streams by, from somebody who may be hostile: bounded memory, nothing extracted, names never obeyed.

`tarfile` reads extended headers of any size into memory, follows chains of them by recursion, takes a damaged second
header for the end, and in a stream does not look at gzip's checksum. So only its parser of one header is used here.
"""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO, Any, Final

__all__ = ["BrokenArchive", "members"]

MEMBERS_MAX: Final = 1_000_000
_EXTENDED_BYTES_MAX: Final = 64 << 10
_EXTENDED_IN_A_ROW_MAX: Final = 8
_CHUNK_BYTES: Final = 1 << 20
_END_BYTES_MAX: Final = 16 << 20  # tar fills its last record, of 10 KiB by default, with zeros

_PAX: Final = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_EXTENDED: Final = (*_PAX, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_DAMAGE: Final = (gzip.BadGzipFile, zlib.error, EOFError, tarfile.HeaderError)
_PLAIN: Final = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)


class BrokenArchive(ValueError):
    """It is no gzip tar of regular files, or not all of it is there."""


def members(raw: IO[bytes]) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, size in bytes and content of each file, in order; folders are skipped.

    A content can be read until the next member is asked for. `BrokenArchive` says why there is no more to trust: after
    the last member it tells of damage behind it too.
    """
    try:
        with gzip.GzipFile(fileobj=raw) as plain:
            yield from _members(plain)
            _check_end(plain)
    except _DAMAGE as error:
        raise _broken(error) from None


def _broken(error: Exception) -> BrokenArchive:
    return BrokenArchive(f"the archive cannot be read: {error}")


def _members(plain: gzip.GzipFile) -> Iterator[tuple[str, int, IO[bytes]]]:
    names: set[str] = set()
    headers = 0
    while found := _header(plain):
        header, said = found
        headers += 1
        if headers > MEMBERS_MAX:
            raise BrokenArchive(f"the archive has more than {MEMBERS_MAX} members")
        name, size_bytes = said.get("path", header.name), _size_bytes(header, said)
        if header.type == tarfile.DIRTYPE:
            continue
        if header.type not in _PLAIN:
            raise BrokenArchive("a member of the archive is not a regular file")
        if name.startswith("/") or ".." in name.split("/"):
            raise BrokenArchive("a member's name leads out of the archive")
        if name in names:
            raise BrokenArchive("two members of the archive have the same name")
        names.add(name)
        content = _Content(plain, size_bytes)
        yield name, size_bytes, io.BufferedReader(content, _CHUNK_BYTES)
        content.skip()
        _exactly(plain, -size_bytes % tarfile.BLOCKSIZE)
    if not names:
        raise BrokenArchive("the archive cannot be read: it has no member")


def _header(plain: gzip.GzipFile) -> tuple[tarfile.TarInfo, dict[str, str]] | None:
    """The next member's header and what extended headers say of it; None at the end."""
    said: dict[str, str] = {}
    for _ in range(_EXTENDED_IN_A_ROW_MAX + 1):
        block = plain.read(tarfile.BLOCKSIZE)
        if not block.strip(b"\0"):
            return None
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        if header.type not in _EXTENDED:
            return header, said
        if not 0 <= header.size <= _EXTENDED_BYTES_MAX:
            raise BrokenArchive(f"the archive has an extended header of {header.size} bytes")
        body = _exactly(plain, header.size + -header.size % tarfile.BLOCKSIZE)[: header.size]
        if header.type in _PAX:
            said |= _pax(body)
        elif header.type == tarfile.GNUTYPE_LONGNAME:
            said["path"] = body.rstrip(b"\0").decode("utf-8", "surrogateescape")
    raise BrokenArchive(f"the archive has more than {_EXTENDED_IN_A_ROW_MAX} extended headers in a row")


def _pax(body: bytes) -> dict[str, str]:
    """The records of an extended header, each `<its length> <name>=<value>` and a line feed (POSIX pax)."""
    said = {}
    while body.strip(b"\0"):
        digits, space, _ = body[:8].partition(b" ")
        if not space or not digits.isdigit() or not len(digits) + 2 < int(digits) <= len(body):
            raise BrokenArchive("the archive has a damaged extended header")
        name, _, value = body[len(digits) + 1 : int(digits)].rstrip(b"\n").partition(b"=")
        said[name.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        body = body[int(digits) :]
    if any(name.startswith("GNU.sparse") for name in said):
        raise BrokenArchive("a member of the archive is not a regular file")
    return said


def _size_bytes(header: tarfile.TarInfo, said: dict[str, str]) -> int:
    size = said.get("size", str(header.size))
    if not (size.isascii() and size.isdigit() and len(size) < 20):
        raise BrokenArchive("a member of the archive has no size")
    return int(size)


def _check_end(plain: gzip.GzipFile) -> None:
    """Nothing but some zeros follows, and gzip's checksum is that of what was read."""
    zeros_bytes = 0
    while chunk := plain.read(_CHUNK_BYTES):
        zeros_bytes += len(chunk)
        if chunk.strip(b"\0") or zeros_bytes > _END_BYTES_MAX:
            raise BrokenArchive("the archive has something behind its end")


def _exactly(plain: gzip.GzipFile, size_bytes: int) -> bytes:
    body = plain.read(size_bytes)
    if len(body) < size_bytes:
        raise EOFError("it ends in the middle of a member")
    return body


class _Content(io.RawIOBase):
    """The content of one member."""

    def __init__(self, plain: gzip.GzipFile, size_bytes: int) -> None:
        self._plain = plain
        self._left_bytes = size_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        wanted = min(len(buffer), self._left_bytes)
        if not wanted:
            return 0
        try:
            piece = self._plain.read1(wanted) or _exactly(self._plain, 1)
        except _DAMAGE as error:
            raise _broken(error) from None
        buffer[: len(piece)] = piece
        self._left_bytes -= len(piece)
        return len(piece)

    def skip(self) -> None:
        """Nothing of it is left to be read."""
        while self._left_bytes:
            self._left_bytes -= len(_exactly(self._plain, min(self._left_bytes, _CHUNK_BYTES)))
