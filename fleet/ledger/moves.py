"""How a job moves in the ledger: one change of its row, only if nobody changed it first, and the event beside it."""

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
    rows = tx.all("claimable", lane=str(lane), now=now, absurd=now + ABSURD_S, limit=limit)
    claimed = []
    for job in map(job_from, rows):
        # a snoozed or rescued attempt may be known to AWS: it goes again with the very same bytes
        facts = {"intent": job.intent or intent(job), "holder": holder, "updated_at": now}
        taken = apply(job, Event.CLAIMED, **facts)
        move(tx, job, taken, [(Event.CLAIMED, job.attempt, {"holder": holder})])
        claimed.append(taken)
    return claimed


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
