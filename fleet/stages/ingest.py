"""Read manifests into the ledger: every line becomes an entry or a named rejection.

Promises: a million lines in bounded memory; the same manifest twice adds nothing, and is not even read twice when
neither it nor the configuration changed; one bad line never stops the others.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Final, TypeVar

import structlog
from anyio import to_thread

from fleet.core.errors import Unwritable
from fleet.ledger.ledger import Ledger
from fleet.stages.loop import Clock
from fleet.stages.source import CHUNK_BYTES, Plan, check, complete_lines, open_manifest, read

if TYPE_CHECKING:
    from fleet.aws.s3 import S3

__all__ = ["Ingest", "Plan", "Reading", "check", "complete_lines", "open_manifest", "read"]

log = structlog.get_logger()

T = TypeVar("T")

_UNWRITABLE_S: Final = 2.0


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


class Ingest:
    """Reads manifests. `configuration` is a digest of everything else that decides what a line comes to."""

    def __init__(self, ledger: Ledger, plan: Plan, s3: "S3", *, configuration: str, clock: Clock) -> None:
        self._ledger = ledger
        self._plan = plan
        self._s3 = s3
        self._configuration = configuration
        self._clock = clock

    async def read(self, source: str, *, rerun_changed: bool = False, growing: bool = False) -> Reading:
        """The manifest's lines are jobs or rejections in the ledger; `InvalidInput` where it cannot be opened.

        With `rerun_changed`, verified and discarded jobs for which the line now has other settings are pending again.
        With `growing`, somebody may be writing the file: what follows its last line end is left for the next reading.
        """
        async with open_manifest(source, self._s3) as opened:
            file = await to_thread.run_sync(complete_lines, opened) if growing else opened
            # a manifest that was read before may still hold jobs that are to be done again: it is read anew
            digest = None if rerun_changed else await to_thread.run_sync(_digest, file, self._configuration)
            record = await self._written(source, lambda: self._ledger.begin_manifest(source, digest))
            if record.unchanged:
                log.info("manifest.unchanged", source=source)
                return Reading(source=source, manifest_id=record.id, unchanged=True)
            lines = new = known = changed = rejected = 0
            batches = read(file, self._plan)
            while batch := await to_thread.run_sync(next, batches, None):
                add = partial(self._ledger.add, record.id, batch.planned, rerun_changed=rerun_changed)
                added = await self._written(source, add)
                if batch.rejections:
                    await self._written(source, partial(self._ledger.reject, record.id, batch.rejections))
                lines += batch.lines
                new, known, changed = new + added.new, known + added.known, changed + added.changed
                rejected += len(batch.rejections)
            await self._written(source, lambda: self._ledger.complete_manifest(record.id, lines))
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

    async def _written(self, source: str, write: Callable[[], Awaitable[T]]) -> T:
        """What the ledger answers once it can be written; a manifest may be a pipe, which nobody can read twice."""
        while True:
            try:
                return await write()
            except Unwritable as error:
                log.warning("manifest.waits", source=source, reason=str(error), wait_s=_UNWRITABLE_S)
            await self._clock.sleep(_UNWRITABLE_S)


def _digest(file: IO[bytes], configuration: str) -> str:
    digest = hashlib.sha256(configuration.encode())
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
