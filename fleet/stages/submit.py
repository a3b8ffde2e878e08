"""Keep every slot of one lane full, and never one more.

Promises: a Start leaves only after its intent is durable in the ledger; never more jobs hold a slot than the lane has
left beside those of other programs; an outcome that cannot be told (time-out, 5xx, nonsense) leaves the job
submitting without a holder, so that rescue asks AWS before anything is sent again. Where AWS allows less than the
configured quotas, the lane finds out what, stays just below it, and tries again ever more rarely (`core/adapt.py`).
Where AWS refuses Starts for a cause that is not one job's, the lane pauses, probes, and goes on by itself
(`core/pause.py`); where Start fails again and again, calls become rare until one is answered (`core/circuit.py`).
A Start that is not answered for long holds its own slot, and not the lane.
Does not: follow accepted jobs (track does), or look anything up in AWS (rescue does).
"""

import json
import random
from collections import deque
from contextlib import suppress
from enum import StrEnum
from functools import partial
from typing import Final

import structlog

from fleet.aws.comprehend import RemoteJob
from fleet.core import pause
from fleet.core.adapt import accepted, eased, foreign_seen, measured_per_s, refused
from fleet.core.allowance import Allowance, free_slots
from fleet.core.errors import Denied, FleetError, Forbidden, NameInUse, Rejected, Throttled, Unavailable, Unwritable
from fleet.core.identity import job_name
from fleet.core.job import IN_FLIGHT, Event, Job, State
from fleet.core.pace import batch
from fleet.core.pause import Blame, Pause, Standing
from fleet.ledger.ledger import Ledger
from fleet.stages.calls import LaneCalls
from fleet.stages.loop import Clock
from fleet.stages.moves import Moves
from fleet.stages.under_way import UnderWay

__all__ = ["Submit"]

log = structlog.get_logger()

_IDLE_S: Final = 5.0
_PATIENCE_S: Final = 1.0  # until the last answer to one tick's Starts
_UNANSWERED_SHARE: Final = 0.2  # of the slots: where more hang it is an outage, and each is one to be looked up in AWS
_IN_USE_MAX: Final = 3  # times that a JobName is in use by a job that no List shows


class Outcome(StrEnum):
    """What became of one Start, as far as the pace is concerned."""

    ACCEPTED = "accepted"
    THROTTLED = "throttled"
    OTHER = "other"


class Submit:
    """The submit stage of one lane. `holder` names this process in the ledger.

    What it learns of AWS's limits is kept in memory only: a restart begins at the quotas and learns it again.
    """

    def __init__(
        self, ledger: Ledger, calls: LaneCalls, moves: Moves, *, holder: str, clock: Clock, rng: random.Random
    ) -> None:
        self.name = f"submit {calls.lane}"
        self.allowance = Allowance.of(calls.quotas)
        self._ledger = ledger
        self._calls = calls
        self._moves = moves
        self._holder = holder
        self._clock = clock
        self._rng = rng
        self._standing = Standing()
        self._unwritable: Pause | None = None
        self._unwritten: dict[int, tuple[Job, RemoteJob]] = {}  # job id -> the job and what AWS made of it
        self._in_use: dict[int, int] = {}  # job id -> times that AWS called its name in use
        self._accepted_at: deque[float] = deque(maxlen=4096)
        self._knows_recent = False
        self.starts = UnderWay[Outcome](clock)
        """The Starts that are not answered and written down."""

    @property
    def pause(self) -> Pause | None:
        """Why this lane starts nothing but a probe now and then, and since when; None while all is well."""
        return self._standing.pause or self._unwritable or self._calls.failures.pause

    async def tick(self, now: float) -> float:
        """Claim what fits and start it; returns when the slots, the rate or the environment call for a wait."""
        lane = self._calls.lane
        await self._write_down()
        if self._standing.pause and now < self._standing.probe_at:
            return self._standing.probe_at - now
        if self._is_held_up():
            await self.starts.ended()
            return 0.0
        if not self._knows_recent:
            await self._remember(now)
        late = self.starts.late()
        counts = (await self._ledger.counts()).get(lane, {})
        unended = sum(counts.get(state, 0) for state in IN_FLIGHT)
        in_flight = unended - len(self._calls.freed)  # read after the counts: what track writes down leaves it first
        self._learn(late, in_flight - late.count(Outcome.ACCEPTED))  # these were counted
        self._ease(now)
        if self._calls.failures.pause and (unended or now < self._calls.failures.probe_at):
            return min(_IDLE_S, max(0.05, self._calls.failures.probe_at - now))  # one probe at a time
        limit = batch(
            self.allowance.rate_per_s,
            free=free_slots(self.allowance, in_flight=in_flight),
            probing=self.pause is not None,
        )
        if not limit or not counts.get(State.PENDING):
            return min(_IDLE_S, max(0.05, self.allowance.slot_probe_at - now))
        limit = self._calls.room("start", limit)
        if not limit:
            return max(0.05, self._calls.ready_in_s("start"))
        jobs = await self._claim(limit)
        if not jobs:
            due_in_s = await self._ledger.due_in(lane)
            return _IDLE_S if due_in_s is None else min(max(due_in_s, 0.05), _IDLE_S)
        patience_s = _PATIENCE_S + len(jobs) / self.allowance.rate_per_s  # the limiter's time is not AWS's
        outcomes = await self.starts.run([partial(self._start, job) for job in jobs], patience_s=patience_s)
        self._learn(outcomes, in_flight)
        return max(0.0, self._standing.probe_at - self._clock.monotonic()) if self._standing.pause else 0.0

    def _is_held_up(self) -> bool:
        """Whether those under way must be answered before the next Start: too many hang, or one is a probe."""
        most = max(1, int(self.allowance.slots * _UNANSWERED_SHARE))
        alone = self.pause is not None or self._calls.failing("start")
        return len(self.starts) > (0 if alone else most)

    async def _remember(self, now: float) -> None:
        """Tell the limiter of the Starts that an earlier process may have sent in the last moments.

        A running job's Start left before its acceptance was written down; one in doubt may have left just now.
        """
        self._knows_recent = True
        if self._ledger.shared:
            return  # another replica may have sent some that it could not write down: a whole second of them is assumed
        wall = self._ledger.seconds()
        live = await self._ledger.jobs(lane=self._calls.lane, states=IN_FLIGHT | {State.FINISHED})
        ages_s = [0.0 if job.state is State.SUBMITTING else max(0.0, wall - job.updated_at) for job in live]
        self._calls.starts.begin(now - age_s for age_s in ages_s)

    def _ease(self, now: float) -> None:
        """Take back what AWS may allow again, and tell the limiter."""
        allowance = foreign_seen(self.allowance, self._calls.foreign)
        self.allowance = eased(allowance, now, limiter_waited=self._calls.starts.waited())
        self._calls.starts.allow(self.allowance.rate_per_s)

    def _learn(self, outcomes: list[Outcome], in_flight: int) -> None:
        """Turn the knobs by what became of some Starts, beside which so many jobs held slots."""
        now = self._clock.monotonic()
        taken = outcomes.count(Outcome.ACCEPTED)
        if taken:
            self.allowance = accepted(self.allowance, now, in_flight=in_flight + taken)
        if Outcome.THROTTLED in outcomes:
            measured = measured_per_s(self._accepted_at, now, rate_per_s=self.allowance.rate_per_s)
            self.allowance = refused(self.allowance, now, measured_per_s=measured, in_flight=in_flight + taken)
            self._calls.starts.allow(self.allowance.rate_per_s)
            log.info(
                "lane.throttled",
                lane=str(self._calls.lane),
                rate_per_s=round(self.allowance.rate_per_s, 3),
                slots=self.allowance.slots,
                foreign=self.allowance.foreign,
            )

    async def _claim(self, limit: int) -> list[Job]:
        """The next jobs; while the ledger cannot write down what would be started, the lane is paused."""
        before = self.pause
        try:
            # a probe is a job that was not yet refused: one bad job must not speak for the lane again and again
            avoided = self._standing.streak if self._standing.pause else frozenset[int]()
            jobs = await self._ledger.claim(self._calls.lane, limit=limit, holder=self._holder, avoided=avoided)
            if avoided and not jobs:
                self._standing = pause.probed_all(self._standing)
                jobs = await self._ledger.claim(self._calls.lane, limit=limit, holder=self._holder)
            self._unwritable = None
        except Unwritable as error:
            since = self._unwritable.since if self._unwritable else self._ledger.seconds()
            self._unwritable = Pause(reason=str(error), since=since)
            raise
        finally:
            self._say(before)
        for job in jobs:
            self._moves.telemetry.job_events.labels(job.lane.kind, Event.CLAIMED).inc()
        return jobs

    async def _start(self, job: Job) -> Outcome:
        """Send one Start and write down what came of it."""
        outcome = Outcome.OTHER
        try:
            remote = await self._calls.start(job, json.loads(job.intent or "{}"))
        except Throttled as error:
            outcome = Outcome.THROTTLED
            await self._snooze(job, error)
        except (Denied, Rejected) as error:
            await self._refused(job, error)
        except Unavailable as error:
            await self._unavailable(job, error)
        else:
            outcome = Outcome.ACCEPTED
            self._accepted_at.append(self._clock.monotonic())
            self._stand(pause.accepted(self._standing, job.id))
            self._unwritten[job.id] = (job, remote)
        with suppress(Unwritable):  # the next tick writes it down
            await self._write_down(job.id)
        return outcome

    async def _write_down(self, *job_ids: int) -> None:
        """What AWS accepted is in the ledger: these jobs, or all where none is named."""
        for job_id in job_ids or list(self._unwritten):
            if (found := self._unwritten.pop(job_id, None)) is None:
                continue  # a tick and a late answer may both be at it
            job, remote = found
            detail = _answer(remote.request_id)
            try:
                await self._moves.record(job, Event.ACCEPTED, detail=detail, remote_id=remote.remote_id, reason=None)
            except Unwritable:
                self._unwritten[job_id] = found
                raise

    async def _refused(self, job: Job, error: Denied | Rejected) -> None:
        """Hold the job, or discard it where it is itself to blame."""
        standing, hold_s = pause.refused(
            self._standing,
            job.id,
            _blame(error),
            str(error),
            now=self._clock.monotonic(),
            at=self._ledger.seconds(),
            jitter=self._rng.random(),
        )
        self._stand(standing)
        if hold_s is None:
            await self._moves.record(job, Event.DISCARDED, detail=_answer(error.request_id), reason=str(error))
        else:
            await self._snooze(job, error, hold_s)

    async def _unavailable(self, job: Job, error: Unavailable) -> None:
        if not error.maybe_accepted:
            await self._snooze(job, error)
            return
        times = self._in_use.get(job.id, 0) + isinstance(error, NameInUse)
        if times >= _IN_USE_MAX:
            reason = f"{error} (List shows no job of the name {job_name(job.key, job.attempt)}, {times} times)"
            await self._moves.record(job, Event.DISCARDED, detail=_answer(error.request_id), reason=reason)
            return
        if times:
            self._in_use[job.id] = times
        self._moves.telemetry.ambiguous_starts.labels(job.lane.kind).inc()
        log.warning("job.in_doubt", key=job.key, kind=job.lane.kind, attempt=job.attempt, reason=str(error))
        await self._ledger.release(job)

    async def _snooze(self, job: Job, error: FleetError, hold_s: float = 0.0) -> None:
        """The job goes again: at once, where it is the lane that has to wait."""
        due_at, detail = self._ledger.seconds() + hold_s, _answer(error.request_id)
        await self._moves.record(job, Event.SNOOZED, detail=detail, reason=str(error), due_at=due_at)

    def _stand(self, standing: Standing) -> None:
        before, self._standing = self.pause, standing
        self._say(before)

    def _say(self, before: Pause | None) -> None:
        """Log a pause once when it begins, and once when it ends."""
        lane, after = str(self._calls.lane), self.pause
        if before is None and after is not None:
            log.warning("lane.paused", lane=lane, reason=after.reason)
        elif before is not None and after is None:
            paused_s = round(self._ledger.seconds() - before.since, 1)
            log.info("lane.resumed", lane=lane, reason=before.reason, paused_s=paused_s)


def _answer(request_id: str | None) -> dict[str, str]:
    """What the event tells of AWS's answer beside the facts."""
    return {"request_id": request_id} if request_id else {}


def _blame(error: Denied | Rejected) -> Blame:
    match error:
        case Forbidden():
            return Blame.PERMISSION
        case Denied():
            return Blame.ENVIRONMENT
        case _:
            return Blame.REQUEST
