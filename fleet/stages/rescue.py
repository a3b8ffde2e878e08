"""Take back what a dead process or a lost answer left in doubt: ask AWS first, then move the ledger.

Promises: a job in doubt is looked up by its JobName before its Start may leave again; what AWS has is adopted; what
AWS twice did not show goes again with the same attempt, the same token and the same bytes. Before a lane starts its
first job, `reconcile` reads what AWS started in this lane since the ledger last knew, so that a lost or restored
ledger adopts jobs instead of doubling them, also those whose manifest is read later. A lookup that failed proves
nothing, and is made again; only where List was never allowed at all must the token alone keep a job from being doubled.
"""

import random
from collections.abc import Sequence
from typing import Final

import structlog

from fleet.aws.comprehend import RemoteJob
from fleet.core.errors import Conflict, Denied, Forbidden, Throttled, Unavailable
from fleet.core.job import Event, Job, State
from fleet.core.policy import backoff_s
from fleet.core.request import job_name, parse_job_name
from fleet.ledger import Ledger, Orphan
from fleet.stages.calls import LaneCalls
from fleet.stages.moves import Moves

__all__ = ["Rescue", "best"]

log = structlog.get_logger()

_IDLE_S: Final = 5.0
_CLOCK_SKEW_S: Final = 3600.0
_DROPPED_S: Final = 120.0  # much longer than the ledger takes to write down a claim, or what became of a Start

_DEAD: Final = ("FAILED", "STOPPED", "STOP_REQUESTED")

_Claim = tuple[int, int, int]
"""One claim of one job: its id, attempt and how often that went back to pending."""


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
        self._duplicates: set[str] = set()  # JobIds
        self._listed = False  # whether any List has ever been answered
        self._unseen_since: dict[_Claim, float] = {}  # monotonic time of the first empty lookup
        self._unheard: dict[str, tuple[int, float]] = {}  # target -> lookups refused in a row, and when the next may go
        self._idle_since: dict[_Claim, float] = {}  # when first seen ours, and neither waiting for its Start nor sent

    async def reconcile(self) -> int:
        """Adopt every job of ours that AWS knows and the ledger thinks is still to be started; how many.

        Reads only what was submitted since the lane was last reconciled (less an hour for clock skew). AWS is read
        before the ledger, so that a job recorded in between never looks unknown.
        """
        began = self._ledger.seconds()
        since = await self._ledger.reconciled_at(self._calls.lane)
        try:
            remotes = await self._calls.since(max(0.0, since - _CLOCK_SKEW_S))
        except Forbidden as error:  # fleet may be run without the permission to List
            log.warning("lane.not_reconciled", lane=str(self._calls.lane), reason=str(error))
            return 0
        self._listed = True
        self._tell_duplicates(remotes)
        adopted = 0
        found = newest(remotes)
        # first what no job accounts for yet: a manifest that is read meanwhile, or later, may ask for it
        await self._ledger.note_orphans(
            self._calls.lane,
            [Orphan(key, attempt, remote.remote_id, remote.submitted_at) for key, remote, attempt in found],
        )
        for key, remote, attempt in found:
            for job in await self._ledger.jobs(keys=[key], states={State.PENDING, State.SUBMITTING}):
                if job.attempt <= attempt:
                    adopted += await self._adopt(job, attempt, remote)
        await self._ledger.set_reconciled(self._calls.lane, began)
        return adopted

    async def tick(self, now: float) -> float:
        """Look up every job in doubt: submitting in nobody's hands, in those of a dead process, or for too long."""
        submitting = await self._ledger.jobs(lane=self._calls.lane, states={State.SUBMITTING})
        doubtful = [job for job in submitting if job.holder != self._holder or self._dropped(job, now)]
        claims = {_claim(job) for job in submitting}
        self._idle_since = {claim: since for claim, since in self._idle_since.items() if claim in claims}
        self._unseen_since = {claim: since for claim, since in self._unseen_since.items() if claim in claims}
        for job in doubtful:
            if not self._calls.room("list"):
                return max(0.1, self._calls.ready_in_s("list"))
            if self._unheard.get(job.target, (0, now))[1] <= now:
                await self._look_up(job, now)
        waits = [self._next_look(job, now) - now for job in doubtful]
        return max(0.1, min([*waits, _IDLE_S]))

    def _next_look(self, job: Job, now: float) -> float:
        """When the job is to be looked up again, in monotonic seconds."""
        since = self._unseen_since.get(_claim(job))
        due = now + _IDLE_S if since is None else since + self._consistency_s
        return max(due, self._unheard.get(job.target, (0, now))[1])

    def _dropped(self, job: Job, now: float) -> bool:
        """Whether our own submit let go of the job without a word, as when the ledger failed after the Start."""
        if job.id in self._calls.starting:
            self._idle_since.pop(_claim(job), None)
            return False
        return now - self._idle_since.setdefault(_claim(job), now) > _DROPPED_S

    async def _look_up(self, job: Job, now: float) -> None:
        try:
            found = await self._calls.named(job, job_name(job.key, job.attempt))
            self._listed = True
            self._unheard.pop(job.target, None)
            self._tell_duplicates(found)
            remote = best(found)
        except (Denied, Throttled, Unavailable) as error:
            log.warning("job.not_looked_up", key=job.key, kind=job.lane.kind, reason=str(error))
            if self._listed or not isinstance(error, Forbidden):
                failures = self._unheard.get(job.target, (0, now))[0] + 1
                patience_s = backoff_s(failures, self._rng.random(), floor_s=1.0, ceiling_s=60.0)
                self._unheard[job.target] = failures, now + patience_s
                return
            remote = None
        if remote is not None:
            await self._moves.record(
                job, Event.ACCEPTED, remote_id=remote.remote_id, submitted_at=remote.submitted_at, reason=None
            )
            self._moves.telemetry.adoptions.labels(job.lane.kind).inc()
            self._unseen_since.pop(_claim(job), None)
        elif now - self._unseen_since.setdefault(_claim(job), now) >= self._consistency_s:
            wait_s = backoff_s(job.snoozes + 1, self._rng.random(), floor_s=0.5, ceiling_s=60.0)
            await self._moves.record(job, Event.RESCUED, due_at=self._ledger.seconds() + wait_s)
            del self._unseen_since[_claim(job)]

    def _tell_duplicates(self, remotes: Sequence[RemoteJob]) -> None:
        """Count, once each, the live AWS jobs beyond the first under one name of ours: somebody pays for them."""
        first: dict[str, RemoteJob] = {}
        for remote in sorted(remotes, key=lambda remote: remote.submitted_at or 0.0):
            if parse_job_name(remote.name or "") is None or remote.status in _DEAD:
                continue
            kept = first.setdefault(str(remote.name), remote)
            if kept is not remote and remote.remote_id not in self._duplicates:
                self._duplicates.add(remote.remote_id)
                self._moves.telemetry.duplicates_detected.labels(self._calls.lane.kind).inc()
                log.error("job.duplicate", name=remote.name, remote_id=remote.remote_id, beside=kept.remote_id)

    async def _adopt(self, job: Job, attempt: int, remote: RemoteJob) -> bool:
        try:
            await self._ledger.adopt(job, attempt=attempt, remote_id=remote.remote_id, submitted_at=remote.submitted_at)
        except Conflict:
            return False
        self._moves.telemetry.adoptions.labels(job.lane.kind).inc()
        log.info("job.adopted", key=job.key, kind=job.lane.kind, attempt=attempt, remote_id=remote.remote_id)
        return True


def _claim(job: Job) -> _Claim:
    return job.id, job.attempt, job.snoozes


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
    return min(
        remotes, key=lambda remote: (remote.status in _DEAD, remote.submitted_at or 0.0, remote.remote_id), default=None
    )
