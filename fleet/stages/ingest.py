"""Read manifests into the ledger: every line becomes an entry or a named rejection.

Promises: a million lines in bounded memory; the same manifest twice adds nothing, and is not even read twice when
neither it nor the configuration changed; one bad line never stops the others.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Final, TypeVar

import structlog
from anyio import to_thread

from fleet.core.errors import InvalidInput, Unwritable
from fleet.core.report import plural
from fleet.ledger.ledger import Ledger
from fleet.stages.inputs import Inputs
from fleet.stages.loop import Clock
from fleet.stages.places import check, is_repeatable, manifests_of
from fleet.stages.source import CHUNK_BYTES, Plan, complete_lines, open_manifest, read, rejected

if TYPE_CHECKING:
    from fleet.aws.s3 import S3

__all__ = ["Ingest", "Plan", "Reading", "check", "complete_lines", "manifests_of", "open_manifest", "read", "warn"]

log = structlog.get_logger()

T = TypeVar("T")

_UNWRITABLE_S: Final = 2.0
_REJECTIONS_SHOWN: Final = 20
_EXAMPLES_SHOWN: Final = 3


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
    """Reads manifests. `configuration` is a digest of everything else that decides what a line comes to.

    `strict`: a manifest with a rejected line is refused with `InvalidInput`, and nothing of it is added.
    """

    def __init__(
        self, ledger: Ledger, plan: Plan, s3: "S3", *, configuration: str, clock: Clock, strict: bool = False
    ) -> None:
        self._ledger = ledger
        self._plan = plan
        self._s3 = s3
        self._configuration = configuration
        self._clock = clock
        self._strict = strict

    async def vet(self, sources: Sequence[str]) -> None:
        """Nothing, or `InvalidInput` where one of several manifests would be refused: then none of them is begun.

        What can be read only once is not read here.
        """
        if not self._strict or len(sources) < 2:
            return
        for source in sources:
            if await to_thread.run_sync(is_repeatable, source):
                async with open_manifest(source, self._s3, copied=True) as file:
                    await to_thread.run_sync(_refuse_rejected, source, file, self._plan)

    async def read(
        self, source: str, *, rerun_changed: bool = False, growing: bool = False, inputs: Inputs | None = None
    ) -> Reading:
        """The manifest's lines are jobs or rejections in the ledger; `InvalidInput` where it cannot be opened.

        With `rerun_changed`, verified and discarded jobs for which the line now has other settings are pending again.
        With `growing`, somebody may be writing the file: what follows its last line end is left for the next reading.
        The jobs are noted in `inputs`, for `warn`, unless the manifest is unchanged.
        """
        async with open_manifest(source, self._s3, copied=self._strict and not growing) as opened:
            file = await to_thread.run_sync(complete_lines, opened) if growing else opened
            if self._strict:
                await to_thread.run_sync(_refuse_rejected, source, file, self._plan)
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
                if inputs is not None:
                    await to_thread.run_sync(inputs.add, [job for _, job in batch.planned])
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
        if not lines:
            log.warning("manifest.empty", source=source)
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


async def warn(inputs: Inputs) -> None:
    """What works, and may not be what was meant, is in the log: each finding once, with examples."""
    found = await to_thread.run_sync(inputs.findings)
    if found.duplicates:
        log.warning("manifest.duplicates", jobs=found.duplicates, done="once")
    if found.overlapping_count:
        examples = [f"{one.kind}: {one.outer} also reads {one.inner}" for one in found.overlapping[:_EXAMPLES_SHOWN]]
        log.warning("manifest.overlapping", inputs=found.overlapping_count, examples=examples)
    if found.feeding_count:
        examples = [f"{prefix} reads results below {output}" for prefix, output in found.feeding[:_EXAMPLES_SHOWN]]
        log.warning("manifest.reads_results", inputs=found.feeding_count, examples=examples)
    if found.twins_count:
        examples = [f"{one!a} and {other!a}" for one, other in found.twins[:_EXAMPLES_SHOWN]]
        log.warning("manifest.look_alikes", pairs=found.twins_count, examples=examples)


def _refuse_rejected(source: str, file: IO[bytes], plan: Plan) -> None:
    found, count = rejected(file, plan, at_most=_REJECTIONS_SHOWN)
    if not found:
        return
    why = f"because it has {plural(count, 'rejection')} and --strict is given"
    said = [f"manifest {source}: refused as a whole, {why}:"]
    said += [f"  line {bad.line}: {f'{bad.field}: ' if bad.field else ''}{bad.reason}" for bad in found]
    if count > len(found):
        said.append(f"  and {count - len(found):,} more, which fleet plan shows")
    raise InvalidInput("\n".join([*said, "nothing of it was added: mend these lines, or leave --strict out"]))


def _digest(file: IO[bytes], configuration: str) -> str:
    digest = hashlib.sha256(configuration.encode())
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
