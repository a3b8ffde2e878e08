"""Move running jobs on by asking AWS.

Promises: a job leaves `running` only on a status that AWS told us, or when AWS has not known it for a whole grace
period; concurrent Describe calls stay within the lane's Describe rate; a poll that changes nothing writes nothing.
Does not: look at the output (verify does), or start anything again itself (a retried job goes back to submit).
"""

import random
from collections.abc import Sequence
from typing import Final

import anyio
import structlog

from fleet.aws.comprehend import TERMINAL, RemoteJob
from fleet.core.errors import Denied, Lost, Throttled, Unavailable
from fleet.core.job import Event, Job, State
from fleet.core.policy import Next, Retry, after_failure, first_poll_s, next_poll_s
from fleet.ledger.ledger import Ledger
from fleet.stages.calls import LaneCalls
from fleet.stages.moves import Moves

__all__ = ["Track", "decide"]

log = structlog.get_logger()

_IDLE_S: Final = 5.0
_LOST_GRACE_S: Final = 600.0
_STATUSES: Final = TERMINAL | {"SUBMITTED", "IN_PROGRESS", "STOP_REQUESTED"}


class Track:
    """The track stage of one lane. Polls are kept in memory only: after a restart every running job is due at once."""

    def __init__(
        self,
        ledger: Ledger,
        calls: LaneCalls,
        moves: Moves,
        *,
        retry: Retry,
        poll_floor_s: float,
        poll_ceiling_s: float,
        rng: random.Random,
    ) -> None:
        self.name = f"track {calls.lane}"
        self._ledger = ledger
        self._calls = calls
        self._moves = moves
        self._retry = retry
        self._floor_s = poll_floor_s
        self._ceiling_s = poll_ceiling_s
        self._rng = rng
        self._due: dict[int, float] = {}  # job id -> monotonic time of its next Describe

    async def tick(self, now: float) -> float:
        """Describe the jobs that are due, as many as one second of the rate allows, all at once."""
        running = await self._ledger.jobs(lane=self._calls.lane, states={State.RUNNING})
        self._schedule(running, now)
        due = sorted((job for job in running if self._due[job.id] <= now), key=lambda job: self._due[job.id])
        batch = due[: max(1, int(self._calls.quotas.describe_per_s))]
        async with anyio.create_task_group() as group:
            for job in batch:
                group.start_soon(self._ask, job, now)
        if len(batch) < len(due):
            return 0.0
        return max(0.01, min([self._due[job.id] - now for job in running if job.id in self._due] + [_IDLE_S]))

    def _schedule(self, running: Sequence[Job], now: float) -> None:
        known = self._due
        self._due = {
            job.id: known.get(job.id, now + first_poll_s(self._rng.random(), floor_s=self._floor_s)) for job in running
        }

    async def _ask(self, job: Job, now: float) -> None:
        age_s = self._ledger.seconds() - (job.submitted_at or job.updated_at)
        jitter = self._rng.random()
        self._due[job.id] = now + next_poll_s(age_s, jitter, floor_s=self._floor_s, ceiling_s=self._ceiling_s)
        try:
            remote = await self._calls.describe(job)
        except Lost as error:
            await self._lost(job, age_s, str(error))
        except (Throttled, Unavailable, Denied) as error:
            self._due[job.id] = now + self._ceiling_s * (0.5 + 0.5 * jitter)
            log.warning("job.unseen", key=job.key, kind=job.lane.kind, reason=str(error))
        else:
            await self._follow(job, remote)

    async def _follow(self, job: Job, remote: RemoteJob) -> None:
        if remote.status not in _STATUSES:
            log.warning("job.unknown_status", key=job.key, kind=job.lane.kind, status=remote.status)
        step = decide(job, remote, self._rng.random(), self._retry)
        if step is None:
            return
        facts: dict[str, object] = {"submitted_at": remote.submitted_at, "ended_at": remote.ended_at}
        if step.event is Event.RETRIED:
            facts = {"due_at": self._ledger.seconds() + step.wait_s}
        elif remote.output_uri:
            facts["output_uri"] = remote.output_uri
        detail = {"status": remote.status, "remote_id": remote.remote_id}
        await self._moves.record(job, step.event, detail=detail, reason=step.reason or None, **facts)

    async def _lost(self, job: Job, age_s: float, reason: str) -> None:
        """AWS does not know the job. Right after Start that is lag; after the grace period it is the truth.

        It is not started again by itself: it may have run and been paid for.
        """
        if age_s < _LOST_GRACE_S:
            log.warning("job.unseen", key=job.key, kind=job.lane.kind, reason=reason)
        else:
            await self._moves.record(job, Event.DISCARDED, reason=f"AWS no longer knows this job: {reason}")


def decide(job: Job, remote: RemoteJob, jitter: float, retry: Retry) -> Next | None:
    """What follows from what AWS says of a running job; None while it has not ended.

    A status that we do not know is not an end.
    """
    match remote.status:
        case "COMPLETED":
            return Next(event=Event.FINISHED, reason="")
        case "FAILED":
            return after_failure(job, remote.message, jitter, retry)
        case "STOPPED" if job.cancel_requested:
            return Next(event=Event.CANCELLED, reason="cancelled on request")
        case "STOPPED":
            return Next(event=Event.DISCARDED, reason="stopped by somebody else than fleet")
        case _:
            return None
