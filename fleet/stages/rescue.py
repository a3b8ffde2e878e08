"""Take back what a dead process or a lost answer left in doubt: ask AWS first, then move the ledger.

Promises: a job in doubt is looked up by its JobName before its Start may leave again; what AWS has is adopted; what
AWS twice did not show goes again with the same attempt, the same token and the same bytes. Before a lane starts its
first job, `reconcile` reads what AWS started in this lane since the ledger last knew, so that a lost or restored
ledger adopts jobs instead of doubling them.
"""

import random
from collections.abc import Sequence
from typing import Final

import structlog

from fleet.aws.comprehend import RemoteJob
from fleet.core.errors import Conflict, Denied
from fleet.core.job import Event, Job, State
from fleet.core.policy import backoff_s
from fleet.core.request import job_name, parse_job_name
from fleet.ledger.ledger import Ledger
from fleet.stages.calls import LaneCalls
from fleet.stages.moves import Moves

__all__ = ["Rescue", "best"]

log = structlog.get_logger()

_IDLE_S: Final = 5.0
_CLOCK_SKEW_S: Final = 3600.0
_IN_HAND_S: Final = 120.0  # much longer than a claim waits for the limiter and its call for an answer


class Rescue:
    """The rescue stage of one lane. `consistency_s`: how long a List may lag behind a Start."""

    def __init__(
        self,
        ledger: Ledger,
        calls: LaneCalls,
        moves: Moves,
        *,
        holder: str,
        consistency_s: float,
        rng: random.Random,
    ) -> None:
        self.name = f"rescue {calls.lane}"
        self._ledger = ledger
        self._calls = calls
        self._moves = moves
        self._holder = holder
        self._consistency_s = consistency_s
        self._rng = rng
        self._unseen_since: dict[int, float] = {}  # job id -> monotonic time of the first empty lookup
        self._ours_since: dict[tuple[int, int], float] = {}  # (job id, snoozes) -> when first seen in our own hands

    async def reconcile(self) -> int:
        """Adopt every job of ours that AWS knows and the ledger thinks is still to be started; how many.

        Reads only what was submitted since the lane was last reconciled (less an hour for clock skew). AWS is read
        before the ledger, so that a job recorded in between never looks unknown.
        """
        began = self._ledger.seconds()
        since = await self._ledger.reconciled_at(self._calls.lane)
        try:
            remotes = await self._calls.since(max(0.0, since - _CLOCK_SKEW_S))
        except Denied as error:
            log.warning("lane.not_reconciled", lane=str(self._calls.lane), reason=str(error))
            return 0
        adopted = 0
        for key, remote, attempt in newest(remotes):
            for job in await self._ledger.jobs(keys=[key], states={State.PENDING, State.SUBMITTING}):
                if job.attempt <= attempt:
                    adopted += await self._adopt(job, attempt, remote)
        await self._ledger.set_reconciled(self._calls.lane, began)
        return adopted

    async def tick(self, now: float) -> float:
        """Look up every job in doubt: submitting in nobody's hands, in those of a dead process, or for too long."""
        submitting = await self._ledger.jobs(lane=self._calls.lane, states={State.SUBMITTING})
        doubtful = [job for job in submitting if job.holder != self._holder or self._dropped(job, now)]
        in_hand = {(job.id, job.snoozes) for job in submitting}
        self._ours_since = {claim: since for claim, since in self._ours_since.items() if claim in in_hand}
        self._unseen_since = {job.id: self._unseen_since[job.id] for job in doubtful if job.id in self._unseen_since}
        for job in doubtful:
            await self._look_up(job, now)
        waits = [since + self._consistency_s - now for since in self._unseen_since.values()]
        return max(0.1, min([*waits, _IDLE_S]))

    def _dropped(self, job: Job, now: float) -> bool:
        """Whether our own submit let go of the job without a word, as when the ledger failed after the Start."""
        return now - self._ours_since.setdefault((job.id, job.snoozes), now) > _IN_HAND_S

    async def _look_up(self, job: Job, now: float) -> None:
        try:
            remote = best(await self._calls.named(job, job_name(job.key, job.attempt)))
        except Denied as error:
            log.warning("job.not_looked_up", key=job.key, kind=job.lane.kind, reason=str(error))
            remote = None
        if remote is not None:
            await self._moves.record(
                job, Event.ACCEPTED, remote_id=remote.remote_id, submitted_at=remote.submitted_at, reason=None
            )
            self._unseen_since.pop(job.id, None)
        elif now - self._unseen_since.setdefault(job.id, now) >= self._consistency_s:
            wait_s = backoff_s(job.snoozes + 1, self._rng.random(), floor_s=0.5, ceiling_s=60.0)
            await self._moves.record(job, Event.RESCUED, due_at=self._ledger.seconds() + wait_s)
            del self._unseen_since[job.id]

    async def _adopt(self, job: Job, attempt: int, remote: RemoteJob) -> bool:
        try:
            await self._ledger.adopt(job, attempt=attempt, remote_id=remote.remote_id, submitted_at=remote.submitted_at)
        except Conflict:
            return False
        log.info("job.adopted", key=job.key, kind=job.lane.kind, attempt=attempt, remote_id=remote.remote_id)
        return True


def newest(remotes: Sequence[RemoteJob]) -> list[tuple[str, RemoteJob, int]]:
    """Of each of our keys the best AWS job of its highest attempt: (key, job, attempt). Foreign jobs are left out."""
    found: dict[str, dict[int, list[RemoteJob]]] = {}
    for remote in remotes:
        ours = parse_job_name(remote.name or "")
        if ours is not None:
            key, attempt = ours
            found.setdefault(key, {}).setdefault(attempt, []).append(remote)
    return [(key, chosen, top) for key, attempts in found.items() if (chosen := best(attempts[top := max(attempts)]))]


def best(remotes: Sequence[RemoteJob]) -> RemoteJob | None:
    """The AWS job to adopt where several carry one name: the oldest that did not fail or stop, else the oldest."""
    dead = ("FAILED", "STOPPED", "STOP_REQUESTED")
    return min(
        remotes, key=lambda remote: (remote.status in dead, remote.submitted_at or 0.0, remote.remote_id), default=None
    )
