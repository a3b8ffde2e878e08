"""Manifests as files, wherever they are: opened, unpacked, and read in batches of planned lines. Writes nothing."""

import contextlib
import gzip
import io
import itertools
import stat
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
from fleet.core.uri import split

if TYPE_CHECKING:
    from fleet.aws.s3 import S3

__all__ = ["CHUNK_BYTES", "Batch", "Plan", "check", "complete_lines", "open_manifest", "read"]

CHUNK_BYTES: Final = 1 << 18
_BATCH: Final = 2000
_GZIP_MAGIC: Final = b"\x1f\x8b"

Plan = Callable[[Entry], tuple[list[PlannedJob], list[Rejection]]]
"""One entry -> its jobs and what is wrong with it."""


@dataclass(slots=True)
class Batch:
    """Some lines, planned: jobs by line, rejections, and how many lines they came from."""

    planned: list[tuple[int, PlannedJob]]
    rejections: list[Rejection]
    lines: int


def read(file: IO[bytes], plan: Plan) -> Iterator[Batch]:
    """The manifest in batches of planned lines, in order."""
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
        yield batch


@contextlib.asynccontextmanager
async def open_manifest(source: str, s3: "S3 | None") -> AsyncIterator[IO[bytes]]:
    """The manifest's bytes as a seekable file: a path, `-` for standard input, or `s3://bucket/key`."""
    if source.startswith("s3://"):
        assert s3 is not None  # noqa: S101
        with tempfile.TemporaryFile() as file:
            async with s3.open(source) as blob:
                while chunk := await blob.next_chunk():
                    file.write(chunk)
            file.seek(0)
            yield file
        return
    opener = _copy_of_stdin if source == "-" else _open_path
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


def check(source: str) -> None:
    """Nothing, where the manifest can be read as far as can be seen without opening it; else `InvalidInput`."""
    if source == "-":
        return
    if source.startswith("s3://"):
        try:
            split(source)
        except ValueError as error:
            raise InvalidInput(f"manifest {source}: {error}") from None
        return
    try:
        mode = Path(source).stat().st_mode
    except FileNotFoundError:
        raise InvalidInput(f"manifest {source}: no such file") from None
    except OSError as error:
        raise InvalidInput(f"manifest {source}: {error.strerror}") from None
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        raise InvalidInput(f"manifest {source}: not a regular file; give a file, - for standard input, or s3://")


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
    source = gzip.GzipFile(fileobj=file) if magic == _GZIP_MAGIC else file
    while chunk := source.read(CHUNK_BYTES):
        yield chunk


def _until_broken(items: Iterator[Entry | Rejection]) -> Iterator[Entry | Rejection]:
    """All items; a file that breaks off (damaged gzip, I/O error) ends in a rejection that says so."""
    line = 0
    try:
        for item in items:
            line = item.line
            yield item
    except (OSError, EOFError, zlib.error) as error:
        yield Rejection(line=line + 1, field=None, reason=f"the manifest cannot be read beyond this line: {error}")
