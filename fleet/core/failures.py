"""When a lane pauses because its jobs fail for want of access: a role that lost a permission fails them all.

One job without access may name a bucket of its own, and is given up. Many different ones in a row, with none completed
between, have a cause in common: the lane pauses and probes with one job at growing intervals until one completes. All
that failed for it are tried again, those of the streak as well, and none is given up while it is so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from fleet.core.job import Event
from fleet.core.pause import Pause
from fleet.core.policy import backoff_s

__all__ = ["Cause", "Failures", "cause_of", "completed", "failed", "is_access", "uncounted"]

_ACCESS: Final = ("NO_READ_ACCESS_TO_INPUT", "NO_WRITE_ACCESS_TO_OUTPUT", "NOT_ENOUGH_ACCESS")
"""How the codes begin at the head of a FAILED job's Message that tell of the data access role (facts sheet, 3.5)."""

_CAUSES: Final = (
    (_ACCESS, "access"),
    (("NO_INPUT", "INPUT_"), "input"),
    (("INVALID_", "UNSUPPORTED_", "ValidationException", "InvalidRequestException"), "request"),
    (("stopped by", "AWS no longer knows"), "stopped"),
)

_STREAK: Final = 5  # different jobs in a row
_PROBE_FLOOR_S: Final = 5.0
_PROBE_CEILING_S: Final = 300.0  # a probe holds a slot for some seconds and costs no more than its Start


class Cause(StrEnum):
    """Why a job failed, in few words: what a graph can tell apart."""

    ACCESS = "access"  # the data access role
    INPUT = "input"  # none, too large, not what was said
    REQUEST = "request"  # what the job asks for
    OUTPUT = "output"  # missing or unreadable
    STOPPED = "stopped"  # by somebody else, or gone
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """How the jobs of a lane fare. `probe_at` is monotonic seconds: no Start before it while there is a `pause`."""

    pause: Pause | None = None
    probe_at: float = float("-inf")
    probes: int = 0
    streak: frozenset[str] = frozenset()  # keys of the jobs that failed for want of access since one completed


def cause_of(reason: str | None) -> Cause:
    """The cause of a failure by how its reason begins."""
    for beginnings, cause in _CAUSES:
        if reason and reason.startswith(beginnings):
            return Cause(cause)
    return Cause.OTHER


def is_access(message: str | None) -> bool:
    """Whether a FAILED job's Message tells of the data access role."""
    return bool(message) and str(message).startswith(_ACCESS)


def uncounted(events: Iterable[tuple[Event, int, str | None]]) -> int:
    """How many of a job's attempts do not count against `[retry] attempts`, of its events (event, attempt, reason).

    All up to the last time it was reopened, and those since then that failed for want of access and were excused.
    """
    before = 0
    for event, attempt, reason in events:
        if event is Event.REOPENED:
            before = attempt
        elif event is Event.RETRIED and is_access(reason):
            before += 1
    return before


def failed(failures: Failures, key: str, message: str | None, *, now: float, at: float, jitter: float) -> Failures:
    """How the lane fares after this job FAILED; `at` is Unix seconds. Other causes than access change nothing."""
    if not is_access(message):
        return failures
    streak = failures.streak | {key}
    if len(streak) < _STREAK:
        return replace(failures, streak=streak)
    if failures.pause is not None and now < failures.probe_at:
        return failures  # what was under way when the lane paused
    probes = failures.probes + 1
    patience_s = backoff_s(probes, jitter, floor_s=_PROBE_FLOOR_S, ceiling_s=_PROBE_CEILING_S)
    since = failures.pause.since if failures.pause else at
    pause = Pause(reason=f"{len(streak)} jobs in a row failed, the last with {message}", since=since)
    return Failures(pause=pause, probe_at=now + patience_s, probes=probes, streak=streak)


def completed(failures: Failures) -> Failures:
    """How the lane fares after one of its jobs COMPLETED: the role has what it needs."""
    return Failures() if failures.streak else failures
