"""A job as a row, and back: nothing is lost on the way."""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from fleet.core.job import Event, Job, State, Verdict
from fleet.core.lane import Lane

__all__ = ["NO_LIMIT", "Recorded", "event_params", "job_from", "json_list", "lane_of", "move_params", "recorded_from"]

NO_LIMIT: Final = 2**63 - 1

_STATES: Final = {str(state): state for state in State}
_EVENTS: Final = {str(event): event for event in Event}
_VERDICTS: Final[dict[str | None, Verdict | None]] = {None: None, **{str(verdict): verdict for verdict in Verdict}}
_encode: Final = msgspec.json.Encoder(order="sorted").encode

lane_of: Final = lru_cache(maxsize=4096)(Lane.parse)
"""The lane of this name; the same few names come again and again."""


class Recorded(NamedTuple):
    """One event of a job's history. `at` is Unix seconds; `attempt` is the attempt that the event belongs to."""

    at: float
    event: Event
    attempt: int
    detail: dict[str, Any]


def job_from(row: tuple[Any, ...]) -> Job:
    """The job of a row of the view `job_rows`."""
    return Job(
        id=row[0],
        key=row[1].hex(),
        lane=lane_of(row[2]),
        target=row[3],
        prefix=row[4],
        label=row[5],
        state=_STATES[row[6]],
        attempt=row[7],
        snoozes=row[8],
        due_at=row[9],
        cancel_requested=row[10] == 1,
        holder=row[11],
        request=row[12],
        intent=row[13],
        remote_id=row[14],
        output_uri=row[15],
        submitted_at=row[16],
        ended_at=row[17],
        verdict=_VERDICTS[row[18]],
        documents=row[19],
        failed_documents=row[20],
        reason=row[21],
        updated_at=row[22],
        size_bytes=row[23],
    )


def move_params(job: Job, moved: Job) -> dict[str, Any]:
    """The parameters of the query `move`, from the job as it was to the job as it is now."""
    # a person may have asked meanwhile: what this move does not change, it must not write
    wish = None if moved.cancel_requested == job.cancel_requested else int(moved.cancel_requested)
    return {
        "id": job.id,
        "current_state": job.state.value,
        "current_attempt": job.attempt,
        "state": moved.state.value,
        "attempt": moved.attempt,
        "snoozes": moved.snoozes,
        "due_at": moved.due_at,
        "cancel_requested": wish,
        "holder": moved.holder,
        "intent": moved.intent,
        "remote_id": moved.remote_id,
        "output_uri": moved.output_uri,
        "submitted_at": moved.submitted_at,
        "ended_at": moved.ended_at,
        "verdict": None if moved.verdict is None else moved.verdict.value,
        "documents": moved.documents,
        "failed_documents": moved.failed_documents,
        "reason": moved.reason,
        "updated_at": moved.updated_at,
    }


def event_params(job_id: int, at: float, event: Event, attempt: int, detail: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the query `add_event`. What is None in the detail is left out."""
    kept = {name: value for name, value in detail.items() if value is not None}
    text = _encode(kept).decode() if kept else None
    return {"job_id": job_id, "at": at, "event": event.value, "attempt": attempt, "detail": text}


def recorded_from(row: Sequence[Any]) -> Recorded:
    """The event of a row of the query `history`."""
    at, event, attempt, detail = row
    return Recorded(at, _EVENTS[event], attempt, msgspec.json.decode(detail) if detail else {})


def json_list(values: Collection[Any] | None) -> str | None:
    """A list as one parameter; None stays None."""
    return None if values is None else _encode(list(_plain(values))).decode()


def _plain(values: Iterable[Any]) -> Iterable[Any]:
    return (str(value) if isinstance(value, str) else value for value in values)
