"""Manifests as files, wherever they are: opened, unpacked, and read in batches of planned lines. Writes nothing."""

import contextlib
import gzip
import io
import itertools
import os
import sys
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from anyio import to_thread

from fleet.core.errors import InvalidInput
from fleet.core.job import PlannedJob
from fleet.core.manifest import Entry, Rejection, entries, split_lines
from fleet.stages.places import check

if TYPE_CHECKING:
    from fleet.aws.s3 import S3

__all__ = ["CHUNK_BYTES", "Batch", "Plan", "complete_lines", "open_manifest", "read", "rejected"]

CHUNK_BYTES: Final = 1 << 18
_BATCH: Final = 2000
_GZIP_MAGIC: Final = b"\x1f\x8b"
_BOMB_FLOOR_BYTES: Final = 1 << 30
_BOMB_RATIO: Final = 300  # lines that differ in nothing but a number pack to some 1/30, zeros to 1/1030

_CHANGED: Final = "the manifest was changed while it was read: run the command again when nobody writes to it"

Plan = Callable[[Entry], tuple[list[PlannedJob], list[Rejection]]]
"""One entry -> its jobs and what is wrong with it."""


@dataclass(slots=True)
class Batch:
    """Some lines, planned: jobs by line, rejections, and how many lines they came from."""

    planned: list[tuple[int, PlannedJob]]
    rejections: list[Rejection]
    lines: int


def read(file: IO[bytes], plan: Plan) -> Iterator[Batch]:
    """The manifest in batches of planned lines, in order; the last is a rejection where the file changed meanwhile."""
    line, before = 0, _shape(file)
    items = _until_broken(entries(split_lines(_chunks(file))))
    while some := list(itertools.islice(items, _BATCH)):
        batch = Batch(planned=[], rejections=[], lines=len({item.line for item in some}))
        for item in some:
            if isinstance(item, Rejection):
                batch.rejections.append(item)
                continue
            jobs, rejections = plan(item)
            batch.planned.extend((item.line, job) for job in jobs)
            batch.rejections.extend(rejections)
        line = some[-1].line
        yield batch
    if _shape(file) != before:
        yield Batch(planned=[], rejections=[Rejection(line=line, field=None, reason=_CHANGED)], lines=0)


def rejected(file: IO[bytes], plan: Plan, *, at_most: int) -> tuple[list[Rejection], int]:
    """The first rejections of the manifest, and how many there are. The file is at its beginning again."""
    found: list[Rejection] = []
    count = 0
    for batch in read(file, plan):
        found += batch.rejections[: at_most - len(found)]
        count += len(batch.rejections)
    file.seek(0)
    return found, count


@contextlib.asynccontextmanager
async def open_manifest(source: str, s3: "S3 | None", *, copied: bool = False) -> AsyncIterator[IO[bytes]]:
    """The manifest's bytes as a seekable file: a path, `-` for standard input, or `s3://bucket/key`.

    With `copied`, what somebody writes to the file meanwhile does not matter.
    """
    if source.startswith("s3://"):
        assert s3 is not None  # noqa: S101
        with tempfile.TemporaryFile() as file:
            async with s3.open(source) as blob:
                while chunk := await blob.next_chunk():
                    file.write(chunk)
            file.seek(0)
            yield file
        return
    opener = _copy_of_stdin if source == "-" else _copy_of_file if copied else _open_path
    with await to_thread.run_sync(opener, source) as local:
        yield local


def _copy_of_stdin(source: str) -> IO[bytes]:
    return _copy(sys.stdin.buffer)


def _copy(stream: IO[bytes]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    while chunk := stream.read(CHUNK_BYTES):
        file.write(chunk)
    file.seek(0)
    return file


def _copy_of_file(source: str) -> IO[bytes]:
    with _open_path(source) as file:
        before = _shape(file)
        copy = _copy(file)
        if _shape(file) == before:
            return copy
    copy.close()
    raise InvalidInput(f"manifest {source}: {_CHANGED}")


def _open_path(source: str) -> IO[bytes]:
    check(source)
    path = Path(source)
    try:
        if path.is_fifo():
            with path.open("rb") as pipe:
                return _copy(pipe)
        return path.open("rb")
    except OSError as error:
        raise InvalidInput(f"manifest {source}: {error.strerror}") from None


def complete_lines(file: IO[bytes]) -> IO[bytes]:
    """The file as far as its last line end, and no further however it grows."""
    end = file.seek(0, io.SEEK_END)
    while end > 0:
        begin = max(0, end - CHUNK_BYTES)
        file.seek(begin)
        place = file.read(end - begin).rfind(b"\n")
        if place >= 0:
            end = begin + place + 1
            break
        end = begin
    file.seek(0)
    return io.BufferedReader(_Beginning(file, end))


class _Beginning(io.RawIOBase):
    """The first bytes of a file."""

    def __init__(self, file: IO[bytes], size_bytes: int) -> None:
        self._file = file
        self._size_bytes = size_bytes

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int:
        piece = self._file.read(min(len(buffer), max(0, self._size_bytes - self._file.tell())))
        buffer[: len(piece)] = piece
        return len(piece)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    """The file's bytes, unpacked where they begin as gzip does, whatever the file's name."""
    magic = file.read(len(_GZIP_MAGIC))
    file.seek(0)
    if magic != _GZIP_MAGIC:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
        return
    size_bytes = 0
    with gzip.GzipFile(fileobj=file) as unpacked:
        while chunk := unpacked.read1(CHUNK_BYTES):  # what lies before damage is read
            size_bytes += len(chunk)
            if size_bytes > max(_BOMB_FLOOR_BYTES, _BOMB_RATIO * file.tell()):
                raise OSError(f"it unpacks to more than {_BOMB_RATIO} times its size, as no manifest does")
            yield chunk


def _shape(file: IO[bytes]) -> tuple[int, int] | None:
    """What tells that a file has changed: its size and when it was written last. None where it is no whole file."""
    try:
        found = os.fstat(file.fileno())
    except OSError:  # io.UnsupportedOperation: it lies in memory
        return None
    return found.st_size, found.st_mtime_ns


def _until_broken(items: Iterator[Entry | Rejection]) -> Iterator[Entry | Rejection]:
    """All items; a file that breaks off (damaged gzip, I/O error) ends in a rejection that says so."""
    line = 0
    try:
        for item in items:
            line = item.line
            yield item
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        reason = f"the compressed file is damaged behind this line, so pack it again: {error}"
        yield Rejection(line=line + 1, field=None, reason=reason)
    except OSError as error:
        yield Rejection(line=line + 1, field=None, reason=f"the manifest cannot be read beyond this line: {error}")
