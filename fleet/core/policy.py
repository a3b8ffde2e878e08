"""What next: when to ask again, when to try again, when to give up. Plain functions of their arguments."""

from dataclasses import dataclass
from typing import Final

from fleet.core.job import Event, Job

__all__ = ["PERMANENT_FAILURES", "Next", "Retry", "after_failure", "after_status", "backoff_s"]

PERMANENT_FAILURES: Final = (
    "NO_READ_ACCESS_TO_INPUT",
    "NO_WRITE_ACCESS_TO_OUTPUT",
    "NOT_ENOUGH_ACCESS",
    "NO_INPUT",
    "INPUT_",
    "INVALID_",
    "UNSUPPORTED_",
)
"""How the codes at the head of a FAILED job's Message begin that another attempt cannot cure.

Known are NO_READ_ACCESS_TO_INPUT, NO_WRITE_ACCESS_TO_OUTPUT and NOT_ENOUGH_ACCESS_TO_VPC (facts sheet, 3.5). The whole
list is UNKNOWN: what is wrong with the input (empty, too large, too many files) or with the request stays wrong. A code
that begins otherwise, or none at all, gets the attempts that `Retry` allows.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often and how patiently. `attempts` is the most that one job may use up by FAILED until it is reopened."""

    attempts: int = 3
    floor_s: float = 1.0
    ceiling_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What follows for one job: the event, why, and how long it must wait."""

    event: Event
    reason: str
    wait_s: float = 0.0


def backoff_s(failures: int, jitter: float, *, floor_s: float, ceiling_s: float) -> float:
    """Exponential back-off with equal jitter: between half and all of `floor_s * 2**(failures-1)`, capped.

    `jitter` is a random number in [0, 1). Half of the wait is kept, so that a first retry is never immediate.
    """
    whole_s = min(ceiling_s, floor_s * 2.0 ** min(failures - 1, 32))
    return whole_s * (0.5 + 0.5 * jitter)


def after_status(
    job: Job,
    status: str,
    message: str | None,
    jitter: float,
    retry: Retry,
    *,
    excused: bool = False,
    uncounted: int = 0,
) -> Next | None:
    """What follows from what AWS says of a running job, as Describe's JobStatus and Message; None while it has not
    ended. A status that we do not know is not an end. `excused` and `uncounted` are those of `after_failure`.
    """
    match status:
        case "COMPLETED":
            return Next(event=Event.FINISHED, reason="")
        case "FAILED":
            return after_failure(job, message, jitter, retry, excused=excused, uncounted=uncounted)
        case "STOPPED" if job.cancel_requested:
            return Next(event=Event.CANCELLED, reason="cancelled on request")
        case "STOPPED":
            return Next(event=Event.DISCARDED, reason="stopped by somebody else than fleet")
        case _:
            return None


def after_failure(
    job: Job, message: str | None, jitter: float, retry: Retry, *, excused: bool = False, uncounted: int = 0
) -> Next:
    """What follows when AWS says FAILED: a new attempt for causes that may pass, else discard with the Message.

    `excused`: the cause is known not to be the job's, so it is tried again however often it was before. `uncounted`:
    so many of its attempts do not count, because a person asked again after them, or they were excused.
    """
    reason = message or "FAILED without a message"
    if excused:
        return Next(event=Event.RETRIED, reason=reason, wait_s=retry.floor_s)
    if reason.startswith(PERMANENT_FAILURES):
        return Next(event=Event.DISCARDED, reason=reason)
    used = job.attempt - uncounted
    if used >= retry.attempts:
        return Next(event=Event.DISCARDED, reason=f"{reason} ({_used_up(used, retry.attempts, uncounted)})")
    wait_s = backoff_s(used, jitter, floor_s=retry.floor_s, ceiling_s=retry.ceiling_s)
    return Next(event=Event.RETRIED, reason=reason, wait_s=wait_s)


def _used_up(used: int, allowed: int, uncounted: int) -> str:
    if used > allowed:  # a reload allows fewer than before
        return f"attempt {used}, {allowed} allowed"
    return f"attempt {used} of {allowed}" + (f", {uncounted} earlier not counted" if uncounted else "")
