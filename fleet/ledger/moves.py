"""How a job moves in the ledger: one change of its row, only if nobody changed it first, and the event beside it."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from fleet.core.errors import Conflict
from fleet.core.job import Event, Job, State, apply
from fleet.core.lane import Lane
from fleet.ledger.database import Transaction
from fleet.ledger.rows import event_params, job_from, move_params

__all__ = ["ABSURD_S", "adopted", "claim", "move", "set_reconciled"]

ABSURD_S: Final = 86_400.0
"""No job waits a day: one that is due later was put back before the clock was, and is due now."""

Happened = tuple[Event, int, dict[str, Any]]
"""An event, the attempt it belongs to, and its detail."""


def claim(
    tx: Transaction, lane: Lane, *, limit: int, holder: str, now: float, intent: Callable[[Job], str]
) -> list[Job]:
    """The next due jobs of the lane are submitting and `holder` has them. An intent that was there stays as it is."""
    found = _next(tx, str(lane), now=now, limit=limit)
    # a snoozed or rescued attempt may be known to AWS: it goes again with the very same bytes
    facts = ({"intent": job.intent or intent(job), "holder": holder, "updated_at": now} for job in found)
    taken = [apply(job, Event.CLAIMED, **fact) for job, fact in zip(found, facts, strict=True)]
    if tx.many("move", [move_params(job, moved) for job, moved in zip(found, taken, strict=True)]) != len(found):
        raise Conflict(f"lane {lane}: somebody claimed the same jobs")
    detail = {"holder": holder}
    tx.many("add_event", [event_params(job.id, now, Event.CLAIMED, job.attempt, detail) for job in taken])
    return taken


def _next(tx: Transaction, lane: str, *, now: float, limit: int) -> list[Job]:
    """The due jobs that go first: of the manifest that holds the fewest slots, and of that the largest input.

    Large inputs take longest, and what starts last ends last: so the tail of a run is short.
    """
    queues: dict[int, deque[Job]] = {}
    for (manifest_id,) in tx.all("waiting_manifests", lane=lane):
        due = {"lane": lane, "manifest_id": manifest_id, "now": now, "absurd": now + ABSURD_S, "limit": limit}
        queues[manifest_id] = deque(job_from(row) for row in tx.all("claimable", **due))
    if len(queues) == 1:
        return list(queues.popitem()[1])
    held: dict[int, int] = dict(tx.all("in_flight_manifests", lane=lane))
    chosen: list[Job] = []
    while len(chosen) < limit and (waiting := [manifest_id for manifest_id, queue in queues.items() if queue]):
        first = min(waiting, key=lambda manifest_id: (held.get(manifest_id, 0), manifest_id))
        chosen.append(queues[first].popleft())
        held[first] = held.get(first, 0) + 1
    return chosen


def move(tx: Transaction, job: Job, moved: Job, happened: list[Happened]) -> None:
    """The job's row is as `moved` says and the events are appended; `Conflict` if the job is not as it was."""
    if tx.run("move", **move_params(job, moved)) != 1:
        raise Conflict(f"job {job.key} is no longer {job.state} in attempt {job.attempt}: somebody moved it first")
    for event, attempt, detail in happened:
        tx.run("add_event", **event_params(job.id, moved.updated_at, event, attempt, detail))


def adopted(
    job: Job, *, attempt: int, remote_id: str, submitted_at: float | None, now: float, intent: Callable[[Job], str]
) -> tuple[Job, list[Happened]]:
    """The job as one that AWS already runs or ran under this attempt's name, and what happened to it for that."""
    facts: dict[str, Any] = {"remote_id": remote_id, "submitted_at": submitted_at, "updated_at": now}
    detail = {"adopted": True, "remote_id": remote_id, "submitted_at": submitted_at}
    if attempt != job.attempt:
        job = replace(job, attempt=attempt, intent=None)
    happened: list[Happened] = []
    if job.state is State.PENDING:
        job = apply(job, Event.CLAIMED, intent=job.intent or intent(job))
        happened.append((Event.CLAIMED, attempt, {"adopted": True}))
    elif job.intent is None:
        job = replace(job, intent=intent(job))
    happened.append((Event.ACCEPTED, attempt, detail))
    return apply(job, Event.ACCEPTED, **facts), happened


def set_reconciled(tx: Transaction, lane: str, *, at: float) -> None:
    """The lane is known to be whole until then."""
    tx.run("add_lane", name=lane)
    tx.run("set_reconciled", lane=lane, at=at)
