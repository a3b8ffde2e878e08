"""COMPLETED is a claim: read the output and give a verdict.

Promises: no job is verified before its output was read (as deep as `depth` says); output and input stream by in
bounded memory; an output that is missing or unreadable is read again before the job is discarded with the reason.
Does not: start the job again by itself when its output is not there, because the job was paid for.
"""

import functools
import io
import json
import random
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import anyio
import structlog
from anyio import to_thread

from fleet.aws.s3 import S3
from fleet.core.errors import Denied, Forbidden, Lost, Throttled, Unavailable
from fleet.core.failures import Cause
from fleet.core.job import Event, Job, State, Verdict
from fleet.core.kinds import KINDS
from fleet.core.lane import Lane
from fleet.core.output import Limits, LineCounter, file_name, read_archive, read_records, read_text
from fleet.core.policy import backoff_s
from fleet.core.uri import split
from fleet.core.verdict import Expected, Finding, Output, judge
from fleet.ledger.ledger import Ledger
from fleet.stages.moves import Moves

__all__ = ["Depth", "Verify"]

log = structlog.get_logger()

_IDLE_S: Final = 5.0
_PARALLEL: Final = 8
_READS: Final = 3
_HEAD_RECORDS: Final = 100
_BOMB_RATIO: Final = 1000  # one short mention of the input becomes some 250 bytes of JSON in the output
_BOMB_FLOOR_BYTES: Final = 64 << 20
_STRANGE_FILES_MAX: Final = 100_000  # File may name the input in a way that we do not know
_SUFFIX: Final = ".out"


class Depth(StrEnum):
    """How much of an output is read before its job counts as verified."""

    FULL = "full"  # every record, held against the documents of the input
    HEAD = "head"  # the output exists and its first records parse
    OFF = "off"  # nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reads:
    """How often an output was tried, how often it was there and bad, and the monotonic time of the next try."""

    tries: int
    bad: int
    due: float


_UNREAD: Final = _Reads(tries=0, bad=0, due=float("-inf"))


class Verify:
    """The verify stage of the whole fleet. `buckets`: the S3 of each target, by its name.

    `lanes`: those whose jobs it verifies, which may change at any time; None: all of them.
    """

    def __init__(
        self,
        ledger: Ledger,
        moves: Moves,
        buckets: Mapping[str, S3],
        *,
        depth: Depth,
        rng: random.Random,
        lanes: Collection[Lane] | None = None,
    ) -> None:
        self.name = "verify"
        self._ledger = ledger
        self._moves = moves
        self._buckets = buckets
        self._depth = depth
        self._rng = rng
        self._lanes = lanes
        self._reads: dict[int, _Reads] = {}  # by job id
        self._in_hand: Counter[Lane] = Counter()  # jobs whose output is being read
        self._put_down = anyio.Event()

    async def tick(self, now: float) -> float:
        """Verify some finished jobs at once; returns at once while there are more."""
        finished = await self._finished(_PARALLEL + len(self._reads))
        waiting = {job.id: self._reads[job.id] for job in finished if job.id in self._reads}
        self._reads = waiting
        due = [job for job in finished if waiting.get(job.id, _UNREAD).due <= now][:_PARALLEL]
        self._in_hand = Counter(job.lane for job in due)
        async with anyio.create_task_group() as group:
            for job in due:
                group.start_soon(self._take, job, now)
        if due:
            return 0.0
        return max(0.05, min([reads.due - now for reads in waiting.values()] + [_IDLE_S]))

    async def left(self, lane: Lane) -> None:
        """No output of the lane's jobs is being read any more."""
        while self._in_hand[lane]:
            await self._put_down.wait()

    async def _take(self, job: Job, now: float) -> None:
        try:
            await self._verify(job, now)
        finally:
            self._in_hand[job.lane] -= 1
            self._put_down.set()
            self._put_down = anyio.Event()

    async def _finished(self, limit: int) -> list[Job]:
        if self._lanes is None:
            return await self._ledger.jobs(states={State.FINISHED}, limit=limit)
        found: list[Job] = []
        for lane in list(self._lanes):
            found += await self._ledger.jobs(lane=lane, states={State.FINISHED}, limit=limit - len(found))
        return found

    async def _verify(self, job: Job, now: float) -> None:
        try:
            finding = await self._examine(job)
        except Lost as error:
            finding = Finding(verdict=Verdict.MISSING, reason=str(error))
        except Forbidden as error:
            reason = f"{error} (fleet needs s3:GetObject and s3:ListBucket)"
            finding = Finding(verdict=Verdict.UNREADABLE, reason=reason)
        except ValueError as error:
            finding = Finding(verdict=Verdict.UNREADABLE, reason=str(error))
        except (Denied, Throttled, Unavailable) as error:
            self._wait(job, self._reads.get(job.id, _UNREAD).bad, now, str(error))
            return
        if finding.verdict in (Verdict.COMPLETE, Verdict.PARTIAL):
            await self._verified(job, finding)
            return
        reads = self._reads.get(job.id, _UNREAD).bad + 1
        if reads < _READS:
            self._wait(job, reads, now, str(finding.reason))
            return
        reason = f"output {finding.verdict} at {job.output_uri}: {finding.reason}"
        await self._moves.record(job, Event.DISCARDED, reason=reason, detail={"reads": reads}, cause=Cause.OUTPUT)

    async def _verified(self, job: Job, finding: Finding) -> None:
        errors = [
            {"file": error.file, "line": error.line, "code": error.code, "message": error.message}
            for error in finding.errors
        ]
        verified = await self._moves.record(
            job,
            Event.VERIFIED,
            detail={"errors": errors} if errors else None,
            verdict=finding.verdict,
            documents=finding.documents,
            failed_documents=finding.failed,
            reason=finding.reason,
        )
        if verified is not None:
            self._moves.telemetry.documents_failed(job.lane.kind, finding.codes)

    def _wait(self, job: Job, bad: int, now: float, reason: str) -> None:
        tries = self._reads.get(job.id, _UNREAD).tries + 1
        wait_s = backoff_s(tries + 1, self._rng.random(), floor_s=1.0, ceiling_s=60.0)
        self._reads[job.id] = _Reads(tries=tries, bad=bad, due=now + wait_s)
        log.warning("job.output_unread", key=job.key, kind=job.lane.kind, reads=bad, reason=reason)

    async def _examine(self, job: Job) -> Finding:
        if self._depth is Depth.OFF:
            return Finding(verdict=Verdict.COMPLETE, reason="output not read: [verify] depth is off")
        if not job.output_uri:
            return Finding(verdict=Verdict.MISSING, reason="AWS gave no output location")
        s3 = self._buckets.get(job.target) or next(iter(self._buckets.values()))
        request = json.loads(job.intent or "{}")
        per_line = request.get("InputDataConfig", {}).get("InputFormat") != "ONE_DOC_PER_FILE"
        limits, expected = Limits(records=_HEAD_RECORDS), None
        if self._depth is Depth.FULL:
            expected, size_bytes = await _expected(s3, job.prefix, per_line=per_line)
            limits = Limits(
                total_bytes=max(_BOMB_FLOOR_BYTES, _BOMB_RATIO * size_bytes),
                files=len(expected.documents) + _STRANGE_FILES_MAX,
            )
        output = Output()
        if KINDS[job.lane.kind].archived:
            async with s3.open(job.output_uri) as blob:
                output.objects = 1
                await to_thread.run_sync(read_archive, io.BufferedReader(blob), output, limits)
        else:
            redacted = request.get("Mode") == "ONLY_REDACTION"
            await _read_objects(s3, job.output_uri, output, limits, redacted=redacted, per_line=per_line)
        return judge(expected, output)


async def _expected(s3: S3, prefix: str, *, per_line: bool) -> tuple[Expected, int]:
    """What the input under this prefix must yield, and its size in bytes."""
    bucket, key_prefix = split(prefix)
    documents: dict[str, int] = {}
    size_bytes = 0
    async for blob in s3.blobs(prefix):
        size_bytes += blob.size_bytes
        name = file_name(key_prefix, blob.key)
        if not per_line or not blob.size_bytes:
            documents[name] = int(blob.size_bytes > 0)
            continue
        counter = LineCounter()
        async with s3.open(f"s3://{bucket}/{blob.key}") as body:
            while chunk := await body.next_chunk():
                counter.feed(chunk)
        documents[name] = counter.demanded
    if len(documents) == 1:  # a single input object is named by its base name (facts sheet, 4.1)
        documents = {name.rsplit("/", 1)[-1]: count for name, count in documents.items()}
    return Expected(documents=documents), size_bytes


async def _read_objects(
    s3: S3, output_uri: str, output: Output, limits: Limits, *, redacted: bool, per_line: bool
) -> None:
    """Read PII's plain objects: one `<input>.out` per input object, JSON lines or the redacted text."""
    bucket, prefix = split(output_uri)
    left_bytes = limits.total_bytes
    async for item in s3.blobs(output_uri):
        if not item.key.endswith(_SUFFIX):
            continue
        left_bytes -= item.size_bytes
        if left_bytes < 0:
            output.broken = f"the output holds more than {limits.total_bytes} bytes"
            return
        output.objects += 1
        async with s3.open(f"s3://{bucket}/{item.key}") as blob:
            file = io.BufferedReader(blob)
            if redacted:
                name = item.key.removeprefix(prefix).removesuffix(_SUFFIX)
                await to_thread.run_sync(functools.partial(read_text, file, name, output, per_line=per_line))
            else:
                await to_thread.run_sync(read_records, file, output, limits)
        if output.broken:
            return
