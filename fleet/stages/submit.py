"""Keep every slot of one lane full, and never one more.

Promises: a Start leaves only after its intent is durable in the ledger; never more jobs in flight than the lane has
slots; an outcome that cannot be told (time-out, 5xx, nonsense) leaves the job submitting without a holder, so that
rescue asks AWS before anything is sent again.
Does not: follow accepted jobs (track does), or look anything up in AWS (rescue does).
"""

import json
import random

import anyio
import structlog

from fleet.core.errors import Denied, Rejected, Throttled, Unavailable
from fleet.core.job import IN_FLIGHT, Event, Job, State
from fleet.core.pace import room
from fleet.core.policy import backoff_s
from fleet.ledger.ledger import Ledger
from fleet.stages.calls import LaneCalls
from fleet.stages.moves import Moves

__all__ = ["Submit"]

log = structlog.get_logger()

_IDLE_S = 5.0
_SNOOZE_FLOOR_S = 1.0
_SNOOZE_CEILING_S = 60.0


class Submit:
    """The submit stage of one lane. `holder` names this process in the ledger."""

    def __init__(self, ledger: Ledger, calls: LaneCalls, moves: Moves, *, holder: str, rng: random.Random) -> None:
        self.name = f"submit {calls.lane}"
        self._ledger = ledger
        self._calls = calls
        self._moves = moves
        self._holder = holder
        self._rng = rng
        self._refusals = 0  # Starts in a row that the environment refused: back-off only, safe to forget

    async def tick(self, now: float) -> float:
        """Claim what fits and start it; returns when the slots, the rate or the refusals call for a wait."""
        lane = self._calls.lane
        counts = (await self._ledger.counts()).get(lane, {})
        in_flight = sum(counts.get(state, 0) for state in IN_FLIGHT)
        limit = room(self._calls.quotas, in_flight=in_flight, probing=self._refusals > 0)
        if not limit or not counts.get(State.PENDING):
            return _IDLE_S
        jobs = await self._ledger.claim(lane, limit=limit, holder=self._holder)
        if not jobs:
            due_in_s = await self._ledger.due_in(lane)
            return _IDLE_S if due_in_s is None else min(max(due_in_s, 0.05), _IDLE_S)
        refused: list[bool] = []
        async with anyio.create_task_group() as group:
            for job in jobs:
                group.start_soon(self._start, job, refused)
        if not any(refused):
            self._refusals = 0
            return 0.0
        self._refusals += 1
        return self._patience_s(self._refusals)

    async def _start(self, job: Job, refused: list[bool]) -> None:
        """Send one Start and write down what came of it."""
        try:
            remote = await self._calls.start(job, json.loads(job.intent or "{}"))
        except Throttled as error:
            refused.append(True)
            await self._snooze(job, str(error))
        except Denied as error:
            refused.append(True)
            log.warning("lane.refused", lane=str(job.lane), reason=str(error))
            await self._snooze(job, str(error))
        except Rejected as error:
            await self._moves.record(job, Event.DISCARDED, reason=str(error))
        except Unavailable as error:
            await self._unavailable(job, error)
        else:
            await self._moves.record(job, Event.ACCEPTED, remote_id=remote.remote_id, reason=None)

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
