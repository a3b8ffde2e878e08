"""How a job moves in the ledger: one change of its row, only if nobody changed it first, and the event beside it."""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Final, NamedTuple

from fleet.core.errors import Conflict
from fleet.core.job import Event, Job, State, apply
from fleet.core.lane import Lane
from fleet.ledger.database import Transaction
from fleet.ledger.rows import event_params, job_from, move_params

__all__ = ["ABSURD_S", "Orphan", "adopt", "claim", "move", "note_orphans", "set_reconciled"]

ABSURD_S: Final = 86_400.0
"""No job waits a day: one that is due later was put back before the clock was, and is due now."""

Happened = tuple[Event, int, dict[str, Any]]
"""An event, the attempt it belongs to, and its detail."""


class Orphan(NamedTuple):
    """What AWS has under one of our names: the key and attempt of the name, the JobId, and SubmitTime if known."""

    key: str
    attempt: int
    remote_id: str
    submitted_at: float | None


def claim(
    tx: Transaction,
    lane: Lane,
    *,
    limit: int,
    holder: str,
    now: float,
    intent: Callable[[Job], str],
    adopted: list[Job],
    avoided: Collection[int] = frozenset(),
) -> list[Job]:
    """The next due jobs of the lane are submitting and `holder` has them. An intent that was there stays as it is.

    Those that AWS has already are running instead, and are appended to `adopted`.
    """
    adopted.clear()  # the work may run twice
    found = []
    for job in _next(tx, str(lane), now=now, limit=limit, avoided=avoided):
        if orphan := _orphan(tx, job):
            adopted.append(adopt(tx, job, orphan, now=now, intent=intent))
        else:
            found.append(job)
    # a snoozed or rescued attempt may be known to AWS: it goes again with the very same bytes
    facts = ({"intent": job.intent or intent(job), "holder": holder, "updated_at": now} for job in found)
    taken = [apply(job, Event.CLAIMED, **fact) for job, fact in zip(found, facts, strict=True)]
    if tx.many("move", [move_params(job, moved) for job, moved in zip(found, taken, strict=True)]) != len(found):
        raise Conflict(f"lane {lane}: somebody claimed the same jobs")
    detail = {"holder": holder}
    tx.many("add_event", [event_params(job.id, now, Event.CLAIMED, job.attempt, detail) for job in taken])
    return taken


def _next(tx: Transaction, lane: str, *, now: float, limit: int, avoided: Collection[int]) -> list[Job]:
    """The due jobs that go first: of the manifest that holds the fewest slots, and of that the largest input.

    Large inputs take longest, and what starts last ends last: so the tail of a run is short.
    """
    queues: dict[int, deque[Job]] = {}
    for (manifest_id,) in tx.all("waiting_manifests", lane=lane):
        due = {"lane": lane, "manifest_id": manifest_id, "now": now, "absurd": now + ABSURD_S}
        found = map(job_from, tx.all("claimable", **due, limit=limit + len(avoided)))
        queues[manifest_id] = deque([job for job in found if job.id not in avoided][:limit])
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


def adopt(tx: Transaction, job: Job, orphan: Orphan, *, now: float, intent: Callable[[Job], str]) -> Job:
    """The job is running: AWS runs or ran it under the orphan's name. `Conflict` if it is not as it was."""
    moved, happened = _adopted(job, orphan, now=now, intent=intent)
    move(tx, job, moved, happened)
    tx.run("forget_orphan", lane=str(job.lane), key=bytes.fromhex(job.key))
    return moved


def note_orphans(tx: Transaction, lane: str, orphans: Collection[Orphan]) -> None:
    """What no job of the ledger accounts for is kept for the job that will."""
    tx.run("add_lane", name=lane)
    tx.many("note_orphan", [{**orphan._asdict(), "lane": lane, "key": bytes.fromhex(orphan.key)} for orphan in orphans])


def _orphan(tx: Transaction, job: Job) -> Orphan | None:
    row = tx.one("orphan", lane=str(job.lane), key=bytes.fromhex(job.key), attempt=job.attempt)
    return Orphan(job.key, *row) if row else None


def _adopted(job: Job, orphan: Orphan, *, now: float, intent: Callable[[Job], str]) -> tuple[Job, list[Happened]]:
    """The job as AWS has it, and what happened to it for that."""
    facts: dict[str, Any] = {"remote_id": orphan.remote_id, "submitted_at": orphan.submitted_at, "updated_at": now}
    detail = {"adopted": True, "remote_id": orphan.remote_id, "submitted_at": orphan.submitted_at}
    if orphan.attempt != job.attempt:
        job = replace(job, attempt=orphan.attempt, intent=None)
    happened: list[Happened] = []
    if job.state is State.PENDING:
        job = apply(job, Event.CLAIMED, intent=job.intent or intent(job))
        happened.append((Event.CLAIMED, orphan.attempt, {"adopted": True}))
    elif job.intent is None:
        job = replace(job, intent=intent(job))
    happened.append((Event.ACCEPTED, orphan.attempt, detail))
    return apply(job, Event.ACCEPTED, **facts), happened


def set_reconciled(tx: Transaction, lane: str, *, at: float) -> None:
    """The lane is known to be whole until then."""
    tx.run("add_lane", name=lane)
    tx.run("set_reconciled", lane=lane, at=at)
