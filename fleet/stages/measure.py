"""Learn how large each pending job's input is, so that the longest go first and the end can be told.

Promises: a listing only; never more than a bounded number of objects of one prefix is looked at; what cannot be listed
stays unknown and is started all the same.
Does not: hold anything up. A lane starts what it knows of; measuring runs far ahead of it, no faster than it must.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import anyio
import structlog

from fleet.aws.s3 import S3
from fleet.core.errors import Denied, Lost, Throttled, Unavailable
from fleet.core.job import Job
from fleet.ledger.ledger import Ledger

__all__ = ["Measure"]

log = structlog.get_logger()

_IDLE_S: Final = 5.0
_BATCH: Final = 64
_PARALLEL: Final = 8
_OBJECTS_MAX: Final = 10_000  # ten pages: a prefix with more is large enough to go first
_HEAD_START: Final = 2_000
_INPUTS_PER_S: Final = 50.0  # more than many lanes start; a million as fast as S3 answers would take a core for hours


class Measure:
    """The measure stage of the whole fleet. `buckets`: the S3 of each target, by its name.

    The first `head_start` inputs are listed as fast as S3 answers, so that a short run soon knows the size of all it
    has; those after them at 50 a second, so that the calls to Comprehend and the reading of manifests have the time.
    """

    def __init__(self, ledger: Ledger, buckets: Mapping[str, S3], *, head_start: int = _HEAD_START) -> None:
        self.name = "measure"
        self._ledger = ledger
        self._buckets = buckets
        self._after_id = 0  # what could not be listed is not tried again before a restart
        self._limiter = anyio.CapacityLimiter(_PARALLEL)
        self._head_start = head_start
        self._due_at = -math.inf

    async def tick(self, now: float) -> float:
        """Measure the inputs of some pending jobs, if it is time: the seconds until it is time again."""
        if now < self._due_at:  # news of a manifest ends a wait early
            return self._due_at - now
        jobs = await self._ledger.unmeasured(after_id=self._after_id, limit=_BATCH)
        if not jobs:
            return _IDLE_S
        inputs: dict[tuple[str, str], list[Job]] = defaultdict(list)
        for job in jobs:
            inputs[job.target, job.prefix].append(job)
        sizes: dict[int, int] = {}
        async with anyio.create_task_group() as group:
            for (target, prefix), sharing in inputs.items():
                group.start_soon(self._measure, target, prefix, sharing, sizes)
        if sizes:
            await self._ledger.measure(sizes)
        self._after_id = jobs[-1].id
        ahead = min(len(inputs), self._head_start)
        self._head_start -= ahead
        pause_s = (len(inputs) - ahead) / _INPUTS_PER_S
        self._due_at = now + pause_s
        return pause_s

    async def _measure(self, target: str, prefix: str, jobs: list[Job], sizes: dict[int, int]) -> None:
        s3 = self._buckets.get(target) or next(iter(self._buckets.values()))
        size_bytes = objects = 0
        async with self._limiter:
            try:
                async for blob in s3.blobs(prefix):
                    size_bytes, objects = size_bytes + blob.size_bytes, objects + 1
                    if objects >= _OBJECTS_MAX:
                        break
            except (Denied, Lost, Throttled, Unavailable) as error:
                log.debug("input.unmeasured", prefix=prefix, reason=str(error))
                return
        sizes |= {job.id: size_bytes for job in jobs}
