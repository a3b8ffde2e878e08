"""What a person may ask of the ledger, also while a fleet holds it: cancel these jobs, do those again.

Both are short transactions that change a job only if it still is where it was seen, so they may be put between those
of the process that holds the ledger. It notices them when it looks next, which a lane does every few seconds.
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Final

from fleet.core.errors import Conflict
from fleet.core.job import Event, Job, apply
from fleet.ledger import moves
from fleet.ledger.database import Transaction
from fleet.ledger.rows import job_from, json_list
from fleet.ledger.search import Search

__all__ = ["Wishes"]

_BATCH: Final = 500  # a holder's transactions wait for ours no longer than these take


class Wishes(Search):
    """The part of a ledger that takes a person's wishes."""

    async def request_cancel(self, keys: Collection[str]) -> int:
        """How many of these jobs were not ended and are now wished to be cancelled. Their states do not change."""
        rows = [{"key": bytes.fromhex(key), "now": self._wall()} for key in keys]
        return await self._database.write(lambda tx: tx.many("request_cancel", rows))

    async def reopen(self, jobs: Sequence[Job], *, why: str | None = None) -> int:
        """How many of these ended jobs are pending again, in a new attempt. What moved since it was seen is left."""
        reopened = 0
        for begin in range(0, len(jobs), _BATCH):
            work = partial(_reopen, jobs=jobs[begin : begin + _BATCH], now=self._wall(), why=why)
            reopened += await self._database.write(work, committed=self._reopened)
        return reopened

    async def close(self) -> None:
        """What was asked for before is durable, and somebody else may open the ledger. Twice is harmless."""
        await self._database.close()

    def _reopened(self) -> None:
        """Jobs were reopened by this process: whoever waits for that in it is told."""


def _reopen(tx: Transaction, jobs: Sequence[Job], now: float, why: str | None) -> int:
    seen = {job.id: (job.state, job.attempt) for job in jobs}
    reopened = 0
    for row in tx.all("reopenable_jobs", ids=json_list(list(seen))):
        job = job_from(row)
        if (job.state, job.attempt) != seen[job.id]:
            continue
        try:
            moved = apply(job, Event.REOPENED, due_at=0.0, reason=None, updated_at=now)
        except Conflict:
            continue
        moves.move(tx, job, moved, [(Event.REOPENED, job.attempt, {"why": why, "after": job.reason})])
        reopened += 1
    return reopened
