"""Cancel what a person asked to have cancelled: what has not begun at once, what runs by asking AWS to stop it.

Promises: a pending job is cancelled without a call; a running one is asked to stop within the lane's Stop rate, and
again now and then until AWS says how it ended, so that a restart forgets nothing; a job that AWS completed first is
finished, not cancelled.
Does not: say that a running job has ended (track does, on a status of AWS), or touch a job while its Start is in doubt.
"""

from typing import Final

import anyio
import structlog

from fleet.core.errors import Denied, Lost, Rejected, Throttled, Unavailable
from fleet.core.job import Event, Job, State
from fleet.ledger.ledger import Ledger
from fleet.stages.calls import LaneCalls
from fleet.stages.moves import Moves

__all__ = ["Cancel"]

log = structlog.get_logger()

_IDLE_S: Final = 2.0
_AGAIN_S: Final = 300.0  # a job that was asked to stop takes minutes; one whose Stop got lost must not run on for ever
_RETRY_S: Final = 5.0
_PAGE: Final = 500


class Cancel:
    """The cancel stage of one lane. What it asked when is kept in memory only: a restart asks again, without harm."""

    def __init__(self, ledger: Ledger, calls: LaneCalls, moves: Moves) -> None:
        self.name = f"cancel {calls.lane}"
        self._ledger = ledger
        self._calls = calls
        self._moves = moves
        self._again_at: dict[int, float] = {}  # job id -> monotonic time of its next Stop

    async def tick(self, now: float) -> float:
        """Cancel the pending jobs, and ask AWS to stop as many running ones as one second of the rate allows."""
        running = await self._cancel_pending()
        self._again_at = {job.id: self._again_at.get(job.id, now) for job in running}
        due = [job for job in running if self._again_at[job.id] <= now]
        batch = due[: self._calls.room("stop", max(1, int(self._calls.quotas.stop_per_s)))]
        for job in batch:
            await self._stop(job, now)
        return self._calls.ready_in_s("stop") if len(batch) < len(due) else _IDLE_S

    async def _cancel_pending(self) -> list[Job]:
        """Cancel the pending ones of all that a person wants cancelled; the running ones."""
        running: list[Job] = []
        after_id = 0
        while page := await self._ledger.cancelling(self._calls.lane, limit=_PAGE, after_id=after_id):
            after_id = page[-1].id
            running += [job for job in page if job.state is State.RUNNING]
            async with anyio.create_task_group() as group:
                for job in page:
                    if job.state is State.PENDING:
                        group.start_soon(self._cancel, job)
        return running

    async def _cancel(self, job: Job) -> None:
        await self._moves.record(job, Event.CANCELLED, reason="cancelled on request, not running")

    async def _stop(self, job: Job, now: float) -> None:
        self._again_at[job.id] = now + _AGAIN_S
        try:
            status = await self._calls.stop(job)
        except (Rejected, Lost) as error:  # it has ended, or AWS does not show it yet: track finds out which
            log.debug("job.not_stopped", key=job.key, kind=job.lane.kind, reason=str(error))
        except (Denied, Throttled, Unavailable) as error:
            self._again_at[job.id] = now + _RETRY_S
            log.warning("job.not_stopped", key=job.key, kind=job.lane.kind, reason=str(error))
        else:
            log.info("job.stopping", key=job.key, kind=job.lane.kind, status=status)
