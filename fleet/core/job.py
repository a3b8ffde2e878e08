"""A job, its states, and the one table of what may follow what. Read this file first.

`TRANSITIONS` is the whole state machine, and `apply` is the only way on: no other file names a next state. States
are our words; none of them is one of AWS's six job statuses. Wishes ("please cancel") are columns, states are facts.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from fleet.core.errors import Conflict
from fleet.core.lane import Lane

__all__ = ["ENDED", "IN_FLIGHT", "TRANSITIONS", "Event", "Job", "PlannedJob", "State", "Verdict", "apply", "next_state"]


class State(StrEnum):
    """Where *we* say a job is. Each comment says who moves it on."""

    PENDING = "pending"  # waits for a slot; submit claims it
    SUBMITTING = "submitting"  # its intent is durable; submit calls Start, rescue cleans up after a dead process
    RUNNING = "running"  # AWS has it; track follows it
    FINISHED = "finished"  # AWS says COMPLETED; verify reads the output
    VERIFIED = "verified"  # the output was read; its verdict says how whole it is; a person may reopen it
    DISCARDED = "discarded"  # given up, with a reason; a person may reopen it
    CANCELLED = "cancelled"  # a person asked for it; a person may reopen it


class Event(StrEnum):
    """A fact that moved a job, in the past tense: the same word in the ledger, the log and the metrics."""

    CLAIMED = "claimed"  # token, JobName and request are durable; a Start may now leave
    ACCEPTED = "accepted"  # AWS gave it a JobId
    SNOOZED = "snoozed"  # AWS said later, or did not hear us; the same attempt goes again
    RETRIED = "retried"  # this attempt is over; a new attempt with a new token follows
    RESCUED = "rescued"  # its submitter died or could not tell; the same attempt, token and bytes go again
    FINISHED = "finished"  # AWS says COMPLETED
    VERIFIED = "verified"  # the output has a verdict
    DISCARDED = "discarded"  # it cannot succeed as it is
    CANCELLED = "cancelled"  # it was stopped because a person asked
    REOPENED = "reopened"  # a person asked for it again, or it was not to blame: a new attempt


TRANSITIONS: Final[dict[State, dict[Event, State]]] = {
    State.PENDING: {Event.CLAIMED: State.SUBMITTING, Event.CANCELLED: State.CANCELLED},
    State.SUBMITTING: {
        Event.ACCEPTED: State.RUNNING,
        Event.SNOOZED: State.PENDING,
        Event.RETRIED: State.PENDING,
        Event.RESCUED: State.PENDING,
        Event.DISCARDED: State.DISCARDED,
    },
    State.RUNNING: {
        Event.RETRIED: State.PENDING,
        Event.FINISHED: State.FINISHED,
        Event.DISCARDED: State.DISCARDED,
        Event.CANCELLED: State.CANCELLED,
    },
    State.FINISHED: {
        Event.RETRIED: State.PENDING,
        Event.VERIFIED: State.VERIFIED,
        Event.DISCARDED: State.DISCARDED,
    },
    State.VERIFIED: {Event.REOPENED: State.PENDING},
    State.DISCARDED: {Event.REOPENED: State.PENDING},
    State.CANCELLED: {Event.REOPENED: State.PENDING},
}

IN_FLIGHT: Final = frozenset({State.SUBMITTING, State.RUNNING})
"""The states in which a job holds one of its lane's slots."""

ENDED: Final = frozenset({State.VERIFIED, State.DISCARDED, State.CANCELLED})
"""The states in which fleet itself will do nothing more."""

_NEW_ATTEMPT: Final = frozenset({Event.RETRIED, Event.REOPENED})
_SAME_ATTEMPT: Final = frozenset({Event.SNOOZED, Event.RESCUED})  # it goes again; `snoozes` counts how often


class Verdict(StrEnum):
    """How whole the output of a COMPLETED job is."""

    COMPLETE = "complete"  # every document was analysed
    PARTIAL = "partial"  # some documents failed or are not in the output; they are named
    MISSING = "missing"  # there is no output object
    UNREADABLE = "unreadable"  # there is one, and it is not what Comprehend writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One unit of work: one input prefix x one kind. At most one live Comprehend job exists for it at any time.

    Times are Unix seconds. `attempt` counts from 1 and is part of the request token. `holder` names the process that
    has a submitting job in hand; it is None when nobody has, and then rescue looks the job up in AWS.
    """

    id: int
    key: str
    lane: Lane
    target: str
    prefix: str
    label: str | None = None
    state: State = State.PENDING
    attempt: int = 1
    snoozes: int = 0
    due_at: float = 0.0
    cancel_requested: bool = False
    holder: str | None = None
    request: str = "{}"  # canonical JSON of the Start request without S3Uri, token and JobName
    intent: str | None = None  # canonical JSON of the Start request exactly as it was or will be sent
    remote_id: str | None = None  # AWS JobId
    output_uri: str | None = None  # as Describe gave it
    submitted_at: float | None = None  # AWS SubmitTime
    ended_at: float | None = None  # AWS EndTime
    verdict: Verdict | None = None
    documents: int | None = None
    failed_documents: int | None = None
    reason: str | None = None  # why it waits, was retried, discarded or is partial
    updated_at: float = 0.0
    size_bytes: int | None = None  # of its input; None while it is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """What a manifest line asks for, before the ledger gives it a row. `request` is the Start request as canonical
    JSON without `InputDataConfig.S3Uri`, `ClientRequestToken` and `JobName`: jobs of one configuration share it."""

    key: str
    lane: Lane
    target: str
    prefix: str
    request: str
    label: str | None = None


def next_state(state: State, event: Event) -> State:
    """The state that follows; `Conflict` if the event cannot happen in this state."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise Conflict(f"a {state} job cannot be {event}") from None


def apply(job: Job, event: Event, **facts: Any) -> Job:
    """The job after the event, with its facts recorded; `Conflict` if the event cannot happen now.

    A new attempt forgets everything that belonged to the old one, so that no stale JobId or intent can be used again.
    """
    state = next_state(job.state, event)
    cleared: dict[str, Any] = {} if state is State.SUBMITTING else {"holder": None}
    if event in _SAME_ATTEMPT:
        cleared["snoozes"] = job.snoozes + 1
    if event in _NEW_ATTEMPT:
        cleared |= {
            "attempt": job.attempt + 1,
            "intent": None,
            "remote_id": None,
            "output_uri": None,
            "submitted_at": None,
            "ended_at": None,
            "verdict": None,
            "documents": None,
            "failed_documents": None,
        }
    if event is Event.REOPENED:
        cleared["cancel_requested"] = False  # who asks for a job again no longer wants it cancelled
    return replace(job, state=state, **(cleared | facts))
