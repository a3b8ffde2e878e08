"""Read manifests into the ledger: every line becomes an entry or a named rejection.

Promises: a million lines in bounded memory; the same manifest twice adds nothing, and is not even read twice when
neither it nor the configuration changed; one bad line never stops the others.
"""

import contextlib
import gzip
import hashlib
import itertools
import stat
import sys
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import structlog
from anyio import to_thread

from fleet.aws.s3 import S3
from fleet.core.errors import InvalidInput
from fleet.core.job import PlannedJob
from fleet.core.manifest import Entry, Rejection, entries, split_lines
from fleet.core.uri import split
from fleet.ledger.ledger import Ledger

__all__ = ["Ingest", "Plan", "Reading", "check", "open_manifest", "read"]

log = structlog.get_logger()

_BATCH: Final = 2000
_CHUNK_BYTES: Final = 1 << 18
_GZIP_MAGIC: Final = b"\x1f\x8b"

Plan = Callable[[Entry], tuple[list[PlannedJob], list[Rejection]]]
"""One entry -> its jobs and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one manifest came to. `unchanged`: it was read before, with the same configuration."""

    source: str
    manifest_id: int
    lines: int = 0
    new: int = 0
    known: int = 0
    changed: int = 0
    rejected: int = 0
    unchanged: bool = False


@dataclass(slots=True)
class Batch:
    """Some lines, planned: jobs by line, rejections, and how many lines they came from."""

    planned: list[tuple[int, PlannedJob]]
    rejections: list[Rejection]
    lines: int


class Ingest:
    """Reads manifests. `configuration` is a digest of everything else that decides what a line comes to."""

    def __init__(self, ledger: Ledger, plan: Plan, s3: S3, *, configuration: str) -> None:
        self._ledger = ledger
        self._plan = plan
        self._s3 = s3
        self._configuration = configuration

    async def read(self, source: str) -> Reading:
        """The manifest's lines are jobs or rejections in the ledger; `InvalidInput` where it cannot be opened."""
        async with open_manifest(source, self._s3) as file:
            digest = await to_thread.run_sync(_digest, file, self._configuration)
            record = await self._ledger.begin_manifest(source, digest)
            if record.unchanged:
                log.info("manifest.unchanged", source=source)
                return Reading(source=source, manifest_id=record.id, unchanged=True)
            lines = new = known = changed = rejected = 0
            batches = read(file, self._plan)
            while batch := await to_thread.run_sync(next, batches, None):
                added = await self._ledger.add(record.id, batch.planned)
                if batch.rejections:
                    await self._ledger.reject(record.id, batch.rejections)
                lines += batch.lines
                new, known, changed = new + added.new, known + added.known, changed + added.changed
                rejected += len(batch.rejections)
            await self._ledger.complete_manifest(record.id, lines)
        reading = Reading(
            source=source,
            manifest_id=record.id,
            lines=lines,
            new=new,
            known=known,
            changed=changed,
            rejected=rejected,
        )
        log.info("manifest.read", source=source, lines=lines, new=new, known=known, rejected=rejected)
        return reading


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
async def open_manifest(source: str, s3: S3) -> AsyncIterator[IO[bytes]]:
    """The manifest's bytes as a seekable file: a path, `-` for standard input, or `s3://bucket/key`."""
    if source.startswith("s3://"):
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
    while chunk := stream.read(_CHUNK_BYTES):
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


def _digest(file: IO[bytes], configuration: str) -> str:
    digest = hashlib.sha256(configuration.encode())
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    """The file's bytes, unpacked where they begin as gzip does, whatever the file's name."""
    magic = file.read(len(_GZIP_MAGIC))
    file.seek(0)
    source = gzip.GzipFile(fileobj=file) if magic == _GZIP_MAGIC else file
    while chunk := source.read(_CHUNK_BYTES):
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
