"""Keep every slot of one lane full, and never one more.

Promises: a Start leaves only after its intent is durable in the ledger; never more jobs in flight than the lane has
slots left beside those of other programs; an outcome that cannot be told (time-out, 5xx, nonsense) leaves the job
submitting without a holder, so that rescue asks AWS before anything is sent again. Where AWS allows less than the
configured quotas, the lane finds out what, stays just below it, and tries again ever more rarely (`core/adapt.py`).
Does not: follow accepted jobs (track does), or look anything up in AWS (rescue does).
"""

import json
import random
from collections import deque
from enum import StrEnum
from typing import Final

import anyio
import structlog

from fleet.core.adapt import Allowance, accepted, eased, foreign_seen, free_slots, measured_per_s, refused
from fleet.core.errors import Denied, Rejected, Throttled, Unavailable
from fleet.core.job import IN_FLIGHT, Event, Job, State
from fleet.core.pace import batch
from fleet.core.policy import backoff_s
from fleet.ledger.ledger import Ledger
from fleet.stages.calls import LaneCalls
from fleet.stages.loop import Clock
from fleet.stages.moves import Moves

__all__ = ["Submit"]

log = structlog.get_logger()

_IDLE_S: Final = 5.0
_SNOOZE_FLOOR_S: Final = 1.0
_SNOOZE_CEILING_S: Final = 60.0


class Outcome(StrEnum):
    """What became of one Start, as far as the pace is concerned."""

    ACCEPTED = "accepted"
    THROTTLED = "throttled"
    DENIED = "denied"
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
        self._denials = 0  # ticks in a row in which the environment was wrong
        self._accepted_at: deque[float] = deque(maxlen=4096)
        self._knows_recent = False

    async def tick(self, now: float) -> float:
        """Claim what fits and start it; returns when the slots, the rate or the environment call for a wait."""
        lane = self._calls.lane
        if not self._knows_recent:
            await self._remember(now)
        counts = (await self._ledger.counts()).get(lane, {})
        in_flight = sum(counts.get(state, 0) for state in IN_FLIGHT)
        self._ease(now)
        limit = batch(
            self.allowance.rate_per_s,
            free=free_slots(self.allowance, in_flight=in_flight),
            probing=self._denials > 0,
        )
        if not limit or not counts.get(State.PENDING):
            return min(_IDLE_S, max(0.05, self.allowance.slot_probe_at - now))
        jobs = await self._ledger.claim(lane, limit=limit, holder=self._holder)
        if not jobs:
            due_in_s = await self._ledger.due_in(lane)
            return _IDLE_S if due_in_s is None else min(max(due_in_s, 0.05), _IDLE_S)
        outcomes: list[Outcome] = []
        async with anyio.create_task_group() as group:
            for job in jobs:
                group.start_soon(self._start, job, outcomes)
        return self._learn(outcomes, in_flight)

    async def _remember(self, now: float) -> None:
        """Tell the limiter of the Starts that an earlier process may have sent in the last moments.

        A running job's Start left before its acceptance was written down; one in doubt may have left just now.
        """
        wall = self._ledger.seconds()
        live = await self._ledger.jobs(lane=self._calls.lane, states=IN_FLIGHT | {State.FINISHED})
        ages_s = [0.0 if job.state is State.SUBMITTING else max(0.0, wall - job.updated_at) for job in live]
        self._calls.starts.begin(now - age_s for age_s in ages_s)
        self._knows_recent = True

    def _ease(self, now: float) -> None:
        """Take back what AWS may allow again, and tell the limiter."""
        allowance = foreign_seen(self.allowance, self._calls.foreign)
        self.allowance = eased(allowance, now, limiter_waited=self._calls.starts.waited())
        self._calls.starts.allow(self.allowance.rate_per_s)

    def _learn(self, outcomes: list[Outcome], in_flight: int) -> float:
        """Turn the knobs by what became of the Starts of one tick; the seconds to wait."""
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
        self._denials = self._denials + 1 if Outcome.DENIED in outcomes else 0
        return self._patience_s(self._denials) if self._denials else 0.0

    async def _start(self, job: Job, outcomes: list[Outcome]) -> None:
        """Send one Start and write down what came of it."""
        outcome = Outcome.OTHER
        try:
            remote = await self._calls.start(job, json.loads(job.intent or "{}"))
        except Throttled as error:
            outcome = Outcome.THROTTLED  # the lane waits, not the job: it is the next one to go
            await self._moves.record(job, Event.SNOOZED, reason=str(error), due_at=self._ledger.seconds())
        except Denied as error:
            outcome = Outcome.DENIED
            log.warning("lane.refused", lane=str(job.lane), reason=str(error))
            await self._snooze(job, str(error))
        except Rejected as error:
            await self._moves.record(job, Event.DISCARDED, reason=str(error))
        except Unavailable as error:
            await self._unavailable(job, error)
        else:
            outcome = Outcome.ACCEPTED
            self._accepted_at.append(self._clock.monotonic())
            await self._moves.record(job, Event.ACCEPTED, remote_id=remote.remote_id, reason=None)
        outcomes.append(outcome)

    async def _unavailable(self, job: Job, error: Unavailable) -> None:
        if not error.maybe_accepted:
            await self._snooze(job, str(error))
            return
        log.warning("job.in_doubt", key=job.key, kind=job.lane.kind, attempt=job.attempt, reason=str(error))
        await self._ledger.release(job)

    async def _snooze(self, job: Job, reason: str) -> None:
        due_at = self._ledger.seconds() + self._patience_s(job.snoozes + 1)
        await self._moves.record(job, Event.SNOOZED, reason=reason, due_at=due_at)

    def _patience_s(self, times: int) -> float:
        return backoff_s(times, self._rng.random(), floor_s=_SNOOZE_FLOOR_S, ceiling_s=_SNOOZE_CEILING_S)
