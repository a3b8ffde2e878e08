"""One job's story: its events with the time between them, where it stands, why it waits, and what can be done.

Plain functions of the job, its events and its lane: nothing here asks anybody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fleet.core.job import ENDED, IN_FLIGHT, Event, Job, State, Verdict
from fleet.core.kinds import KINDS
from fleet.core.reasons import word_of
from fleet.core.report import duration

__all__ = ["Happening", "Surroundings", "commands", "document_errors", "happenings", "standing"]

_HIDDEN: Final = frozenset(
    {"reason", "errors", "submitted_at", "ended_at", "due_at", "holder", "verdict", "output_uri"}
)
_CODES_SHOWN: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One event as a person reads it. `after_s`: seconds since the one before it, None for the first."""

    at: float
    after_s: float | None
    event: Event
    attempt: int
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What decides when a job moves on: its lane's jobs and slots, and whether a fleet is there to move it."""

    now: float
    states: Mapping[State, int]
    slots: int | None
    running: bool
    usual_s: float | None = None

    @property
    def in_flight(self) -> int:
        """Jobs that hold one of the lane's slots."""
        return sum(self.states.get(state, 0) for state in IN_FLIGHT)


def happenings(events: Sequence[tuple[float, Event, int, Mapping[str, Any]]]) -> list[Happening]:
    """The events (time, event, attempt, detail) in order, each with the time since the one before."""
    found: list[Happening] = []
    for at, event, attempt, detail in events:
        after_s = at - found[-1].at if found else None
        found.append(Happening(at=at, after_s=after_s, event=event, attempt=attempt, told=_told(event, detail)))
    return found


def standing(job: Job, around: Surroundings) -> str:
    """Where the job is and why it is not further, in a sentence or two."""
    age = duration(max(0.0, around.now - job.updated_at))
    idle = "" if around.running else " Nothing is running that would move it on."
    match job.state:
        case State.PENDING:
            return _why_pending(job, around) + idle
        case State.SUBMITTING:
            doubt = (
                "is in doubt: fleet looks it up in AWS before it is sent again"
                if job.holder is None
                else "is on its way"
            )
            return f"Its Start {doubt} (since {age}).{idle}"
        case State.RUNNING:
            return _running(job, around) + idle
        case State.FINISHED:
            return f"AWS says COMPLETED since {age}; its output is being read.{idle}"
        case State.VERIFIED:
            whole = "and is whole" if job.verdict is Verdict.COMPLETE else f"and is {job.verdict}"
            return f"Its output was read {age} ago {whole}."
        case State.DISCARDED:
            return f"Given up {age} ago: {(job.reason or 'no reason is recorded').removesuffix('.')}."
        case State.CANCELLED:
            return f"Cancelled {age} ago."


def commands(job: Job) -> list[tuple[str, str]]:
    """What a person can do now: each command, and what it does."""
    name = job.key[:12]
    found: list[tuple[str, str]] = []
    if job.state not in ENDED and not job.cancel_requested:
        found.append((f"fleet cancel {name}", "give it up"))
    if job.state in (State.DISCARDED, State.CANCELLED):
        found.append((f"fleet retry {name}", "do it again, in a new attempt"))
    if job.state is State.DISCARDED and job.reason:
        found.append((f"fleet jobs --failed-like {_quoted(word_of(job.reason))}", "who has the same trouble"))
    if job.state is State.VERIFIED and job.verdict is not Verdict.COMPLETE:
        found.append((f"fleet retry {name}", "do it again, after the documents were mended"))
    if job.remote_id:
        kind = KINDS[job.lane.kind]
        operation = "".join(f"-{char.lower()}" if char.isupper() else char for char in kind.describe).lstrip("-")
        found.append(
            (f"aws comprehend {operation} --job-id {job.remote_id} --region {job.lane.region}", "what AWS says of it")
        )
    if job.output_uri and job.state is State.VERIFIED:
        found.append(
            (f"aws s3 cp {job.output_uri} ." + ("" if kind_is_archived(job) else " --recursive"), "its output")
        )
    return found


def kind_is_archived(job: Job) -> bool:
    """Whether the output is one archive, not an object per document."""
    return KINDS[job.lane.kind].archived


def document_errors(events: Sequence[tuple[float, Event, int, Mapping[str, Any]]]) -> list[str]:
    """What went wrong with which documents, in the last reading of the output: the codes, then the places."""
    errors: object = next((detail["errors"] for _, _, _, detail in reversed(events) if detail.get("errors")), [])
    if not isinstance(errors, list):
        return []
    counts: dict[str, list[str]] = {}
    for error in errors:
        line = error.get("line")
        place = f"{error.get('file')}" + (f" line {line}" if line is not None else "")
        counts.setdefault(str(error.get("code")), []).append(place)
    return [
        f"{len(places):,} x {code}: {', '.join(places[:_CODES_SHOWN])}" + (" ..." if len(places) > _CODES_SHOWN else "")
        for code, places in counts.items()
    ]


def _why_pending(job: Job, around: Surroundings) -> str:
    if job.cancel_requested:
        return "It waits, and is to be cancelled."
    why = f" Last: {job.reason}." if job.reason else ""
    if job.due_at > around.now:
        return f"It waits for {duration(job.due_at - around.now)} before it is tried again.{why}"
    if around.slots is not None and around.in_flight >= around.slots:
        others = around.states.get(State.PENDING, 0) - 1
        return (
            f"It waits for a slot: {around.in_flight} of {around.slots} of its lane are taken, and {others:,} other "
            f"jobs wait too.{why}"
        )
    if around.slots is None:
        return f"It waits: this configuration does not serve its lane {job.lane}.{why}"
    return f"It can start: {around.in_flight} of {around.slots} slots of its lane are taken.{why}"


def _running(job: Job, around: Surroundings) -> str:
    age_s = max(0.0, around.now - (job.submitted_at or job.updated_at))
    usual = f"; jobs of this kind take about {duration(around.usual_s)}" if around.usual_s else ""
    late = " It is late." if around.usual_s and age_s > 3 * around.usual_s else ""
    wish = " AWS is asked to stop it." if job.cancel_requested else ""
    return f"AWS runs it since {duration(age_s)}{usual}.{late}{wish}"


def _told(event: Event, detail: Mapping[str, Any]) -> str:
    parts = []
    if detail.get("verdict"):
        parts.append(str(detail["verdict"]))
    if detail.get("reason"):
        parts.append(str(detail["reason"]))
    hidden = _HIDDEN if event is Event.ACCEPTED else _HIDDEN | {"remote_id"}
    parts += [f"{_word(name)} {value}" for name, value in detail.items() if name not in hidden and _plain(value)]
    if event is Event.CLAIMED and detail.get("holder"):
        parts.append(f"by {detail['holder']}")
    return "; ".join(parts)


def _plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value != 0


def _word(name: str) -> str:
    return {"remote_id": "JobId", "request_id": "AWS request", "status": "AWS says"}.get(
        name, f"{name.replace('_', ' ')}:"
    )


def _quoted(word: str) -> str:
    return word if word.replace("_", "").isalnum() else "'" + word.replace("'", "'\\''") + "'"
