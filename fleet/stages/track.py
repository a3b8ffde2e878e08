"""Move running jobs on by asking AWS.

Promises: a job leaves `running` only on a status that Describe told us, or when AWS has not known it for a whole grace
period; a List sweep of the lane is the heartbeat, and concurrent Describe calls confirm what it no longer shows as
active, or do all the work where List is denied, lags, fails or is switched off; a slot is free for the next job once a
sweep shows that its job has ended (`core/sightings.py`); all within the lane's List and Describe rates; a poll that
changes nothing writes nothing; a job that AWS runs for longer than any honest one is told of once and counted, never
stopped or started again.
Does not: look at the output (verify does), or start anything again itself (a retried job goes back to submit).
"""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import anyio
import structlog

from fleet.aws.comprehend import TERMINAL, RemoteJob
from fleet.core.durations import Durations, Sample
from fleet.core.errors import Denied, Lost, Throttled, Unavailable
from fleet.core.failures import completed, failed, is_access, uncounted
from fleet.core.identity import job_name
from fleet.core.job import Event, Job, State
from fleet.core.policy import Retry, after_status, backoff_s
from fleet.core.sightings import Sightings, ended, still_active, swept
from fleet.core.silence import Silence, answered, ends, refused
from fleet.core.watch import foreign, next_look_s, sweep_gap_s
from fleet.ledger.ledger import Ledger
from fleet.stages.calls import LaneCalls
from fleet.stages.moves import Moves

__all__ = ["Polling", "Track"]

log = structlog.get_logger()

_IDLE_S: Final = 5.0
_BATCH_S: Final = 0.5
_AT_ONCE_S: Final = 0.01  # after the present tick, so that the next one asks
_LOST_GRACE_S: Final = 600.0
_BLIND_S: Final = 60.0  # how long List is left alone after it was denied
_THROTTLED_S: Final = 10.0  # the same after many throttles: it is one call for all jobs
_SAMPLES: Final = 200
_WITH_REMOTE: Final = frozenset({State.SUBMITTING, State.RUNNING, State.FINISHED})
_STATUSES: Final = TERMINAL | {"SUBMITTED", "IN_PROGRESS", "STOP_REQUESTED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """How AWS is asked. `sweep` false: by Describe alone, each job at most every `floor_s` and at least `ceiling_s`."""

    sweep: bool = True
    floor_s: float = 1.0
    ceiling_s: float = 30.0


class Track:
    """The track stage of one lane. What is due when is kept in memory only: after a restart all is due at once."""

    def __init__(
        self,
        ledger: Ledger,
        calls: LaneCalls,
        moves: Moves,
        *,
        retry: Retry,
        polling: Polling,
        rng: random.Random,
        stuck_after_s: float = 86_400.0,
    ) -> None:
        self.name = f"track {calls.lane}"
        self._ledger = ledger
        self._calls = calls
        self._moves = moves
        self._retry = retry
        self._polling = polling
        self._rng = rng
        self._stuck_after_s = stuck_after_s
        self._stuck: frozenset[int] = frozenset()  # ids of the jobs that run for too long
        self._unknown: set[str] = set()  # statuses that we do not know
        self._lost_since: dict[int, float] = {}  # job id -> monotonic time since which AWS has not known it
        self._samples: deque[Sample] | None = None
        self.model = Durations()
        self._due: dict[int, float] = {}  # job id -> monotonic time of its next Describe
        self._swept_at = float("-inf")
        self._list_at = float("-inf") if polling.sweep else float("inf")  # not before: List was denied or failed
        self._blind = not polling.sweep
        self._failures = 0
        self._silence = Silence()
        self._sightings = Sightings()

    @property
    def stuck(self) -> int:
        """How many jobs AWS has been running for longer than `stuck_after_s`."""
        return len(self._stuck)

    async def tick(self, now: float) -> float:
        """Sweep if it is time, then Describe what is due: as many as half a second of the rate allows, at once.

        The rest has to wait for a sweep, which is the quicker way to see ends and so to free slots.
        """
        if self._samples is None:
            self._samples = deque(await self._ledger.durations(self._calls.lane, limit=_SAMPLES), maxlen=_SAMPLES)
            self.model = Durations.learn(self._samples)
        running = await self._ledger.jobs(lane=self._calls.lane, states={State.RUNNING})
        self._tell_stuck(running)
        if not running and not await self._pending():
            self._due, self._calls.foreign = {}, 0
            self._see(replace(self._sightings, shown=frozenset(), gone=frozenset()))
            return _IDLE_S
        self._due = {job.id: self._due.get(job.id, self._first_look(job, now)) for job in running}
        if now >= self._sweep_at(running):
            await self._sweep(running, now)
        due = sorted((job for job in running if self._due[job.id] <= now), key=lambda job: self._due[job.id])
        batch = due[: self._calls.room("describe", max(1, int(_BATCH_S * self._calls.quotas.describe_per_s)))]
        async with anyio.create_task_group() as group:
            for job in batch:
                group.start_soon(self._ask, job, now)
        if len(batch) < len(due) and self._calls.room("describe"):
            return 0.0
        later = [at for job in running if (at := self._due[job.id]) > now]
        wishes = [self._sweep_at(running), *later, now + _IDLE_S]
        return max(0.01, min(wishes) - now)

    def _tell_stuck(self, running: Sequence[Job]) -> None:
        """Count the jobs that AWS has for too long, and tell once of each."""
        stuck = {job.id: job for job in running if self._age_s(job) > self._stuck_after_s}
        for job_id in stuck.keys() - self._stuck:
            job = stuck[job_id]
            log.warning("job.stuck", key=job.key, kind=job.lane.kind, remote_id=job.remote_id, age_s=self._age_s(job))
        self._stuck = frozenset(stuck)

    def _sweep_at(self, running: Sequence[Job]) -> float:
        """When the next sweep is due: what runs now decides, so a job that has just been accepted counts at once."""
        ages = [(self._age_s(job), job.size_bytes) for job in running]
        gap_s = sweep_gap_s(self.model, ages, list_per_s=self._calls.quotas.list_per_s)
        return max(self._swept_at + gap_s, self._list_at)

    async def _pending(self) -> int:
        """Pending jobs of this lane: while there are some, foreign jobs matter too."""
        return (await self._ledger.counts()).get(self._calls.lane, {}).get(State.PENDING, 0)

    def _first_look(self, job: Job, now: float) -> float:
        return now + self._gap_s(job) if self._blind else float("inf")

    def _gap_s(self, job: Job) -> float:
        return next_look_s(
            self.model,
            self._age_s(job),
            job.size_bytes,
            self._rng.random(),
            floor_s=self._polling.floor_s,
            ceiling_s=self._polling.ceiling_s,
        )

    def _age_s(self, job: Job) -> float:
        return max(0.0, self._ledger.seconds() - (job.submitted_at or job.updated_at))

    async def _sweep(self, running: Sequence[Job], now: float) -> None:
        """One complete List of what is active: what is not in it is due for a Describe, the rest is known to run."""
        try:
            active = await self._calls.active()
        except (Denied, Throttled, Unavailable) as error:
            self._without_list(error, now)
            return
        self._failures, self._blind, self._silence = 0, False, Silence()
        known = [*running, *await self._ledger.jobs(lane=self._calls.lane, states=_WITH_REMOTE)]
        self._calls.foreign = foreign(
            ((remote.remote_id, remote.name) for remote in active.values()),
            {job.remote_id for job in known if job.remote_id},
            {job_name(job.key, job.attempt) for job in known if job.state is State.SUBMITTING},
        )
        self._see(swept(self._sightings, running, active, now_s=self._ledger.seconds()))
        gone = self._sightings.gone
        self._due |= {job.id: now if job.remote_id in gone else float("inf") for job in running}
        self._swept_at = now

    def _see(self, sightings: Sightings) -> None:
        """Remember what was seen, and pass on which slots are free."""
        more = sightings.freed - self._calls.freed
        self._sightings, self._calls.freed = sightings, sightings.freed
        if more:
            self._calls.on_freed()

    def _without_list(self, error: Exception, now: float) -> None:
        """Go on by Describe alone, and try List again later."""
        self._failures += 1
        ceiling_s = _THROTTLED_S if isinstance(error, Throttled) else _BLIND_S
        patience_s = backoff_s(self._failures, self._rng.random(), floor_s=1.0, ceiling_s=ceiling_s)
        self._list_at = now + (_BLIND_S if isinstance(error, Denied) else patience_s)
        if not self._blind:
            log.warning("lane.blind", lane=str(self._calls.lane), reason=str(error))
        self._blind = True
        self._due = {job: now if due == float("inf") else due for job, due in self._due.items()}

    async def _ask(self, job: Job, now: float) -> None:
        self._due[job.id] = now + self._gap_s(job)
        try:
            remote = await self._calls.describe(job)
        except Lost as error:
            self._heard_of(job, now)
            await self._lost(job, str(error), now)
        except (Throttled, Unavailable, Denied) as error:
            self._due[job.id] = now + self._polling.ceiling_s * (0.5 + 0.5 * self._rng.random())
            self._silence = refused(self._silence, job.id, now=now)
            log.info("job.unseen", key=job.key, kind=job.lane.kind, reason=str(error))
        else:
            self._lost_since.pop(job.id, None)
            self._heard_of(job, now)
            await self._follow(job, remote)

    def _heard_of(self, job: Job, now: float) -> None:
        """If AWS answers again, a sweep is due; and where there is none, or it fails, all that was put off."""
        if ends(self._silence, now=now):
            if self._polling.sweep:
                self._list_at = now
            again = self._silence.put_off & self._due.keys() - {job.id}
            self._due |= dict.fromkeys(again, now + _AT_ONCE_S)
        self._silence = answered(self._silence, job.id, now=now)

    async def _follow(self, job: Job, remote: RemoteJob) -> None:
        if remote.status not in _STATUSES:
            self._moves.telemetry.unknown_statuses.labels(job.lane.kind).inc()
            if remote.status not in self._unknown:
                log.warning("job.unknown_status", key=job.key, kind=job.lane.kind, status=remote.status)
                self._unknown.add(remote.status)
        await self._fare(job, remote)
        excused = self._calls.failures.pause is not None and is_access(remote.message)
        earlier = await self._uncounted(job) if remote.status == "FAILED" else 0
        step = after_status(
            job, remote.status, remote.message, self._rng.random(), self._retry, excused=excused, uncounted=earlier
        )
        if step is None:
            self._see(still_active(self._sightings, job, now_s=self._ledger.seconds()))
            return
        facts: dict[str, Any] = {"submitted_at": remote.submitted_at, "ended_at": remote.ended_at}
        if step.event is Event.RETRIED:
            facts = {"due_at": self._ledger.seconds() + step.wait_s}
        elif remote.output_uri:
            facts["output_uri"] = remote.output_uri
        detail = {"status": remote.status, "remote_id": remote.remote_id}
        if remote.request_id:
            detail["request_id"] = remote.request_id
        self._see(ended(self._sightings, job))  # before the ledger's count of running jobs falls: no slot is free twice
        await self._moves.record(job, step.event, detail=detail, reason=step.reason or None, **facts)
        if step.event is Event.FINISHED and remote.submitted_at and remote.ended_at:
            self._learn(Sample(duration_s=remote.ended_at - remote.submitted_at, size_bytes=job.size_bytes))

    async def _uncounted(self, job: Job) -> int:
        """How many attempts before this one do not count, as its history tells."""
        events = await self._ledger.history(job.id) if job.attempt > 1 else []
        return uncounted((told.event, told.attempt, told.detail.get("reason")) for told in events)

    async def _fare(self, job: Job, remote: RemoteJob) -> None:
        """Count failures for want of access, which pause the lane, and completed jobs, which let it go on."""
        before = self._calls.failures
        if remote.status == "FAILED":
            now, at = self._calls.monotonic(), self._ledger.seconds()
            self._calls.failures = failed(before, job.key, remote.message, now=now, at=at, jitter=self._rng.random())
        elif remote.status == "COMPLETED":
            self._calls.failures = completed(before)
        after = self._calls.failures
        if after.pause and not before.pause:
            log.warning("lane.paused", lane=str(self._calls.lane), reason=after.pause.reason)
            for given_up in await self._ledger.jobs(keys=after.streak, states={State.DISCARDED}):
                await self._moves.record(given_up, Event.REOPENED, reason=f"not its fault: {after.pause.reason}")
        if before.pause and not after.pause:
            log.info("lane.resumed", lane=str(self._calls.lane))

    def _learn(self, sample: Sample) -> None:
        if self._samples is not None:
            self._samples.append(sample)
            self.model = Durations.learn(self._samples)

    async def _lost(self, job: Job, reason: str, now: float) -> None:
        """AWS does not know the job. For a moment that is lag; once it has been so for a grace period it is the truth.

        It is not started again by itself: it may have run and been paid for.
        """
        since = self._lost_since.setdefault(job.id, now)
        if now - since < _LOST_GRACE_S:
            log.info("job.unseen", key=job.key, kind=job.lane.kind, reason=reason)
            return
        del self._lost_since[job.id]
        self._see(ended(self._sightings, job))
        await self._moves.record(job, Event.DISCARDED, reason=f"AWS no longer knows this job: {reason}")
