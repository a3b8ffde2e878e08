"""What the complete List sweeps of a lane say of our running jobs: which are to be described, whose slots are free.

A job that a sweep no longer shows is due for a Describe, for only that tells how it ended. If an earlier sweep had
shown it, List knew it and it has ended: its slot is free at once. Where that was wrong once (Describe still calls the
job active), absence proves nothing in this lane any more, and only Describe frees slots. How far List may be behind, or
whether two Lists may contradict each other, is UNKNOWN (facts sheet, 3.6).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from fleet.core.job import Job

__all__ = ["Sightings", "ended", "still_active", "swept"]

_LAG_CEILING_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sightings:
    """JobIds of running jobs: `shown` by any sweep, `gone` from the last. `lag_s`: how far List was behind at most.

    `trusted` is true until a job that had been shown, and was gone, turned out to be active.
    """

    shown: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    lag_s: float = 0.0
    trusted: bool = True

    @property
    def freed(self) -> frozenset[str]:
        """Those that hold no slot any more."""
        return self.shown & self.gone if self.trusted else frozenset()


def swept(before: Sightings, running: Iterable[Job], active: Collection[str], *, now_s: float) -> Sightings:
    """After a complete sweep that showed these JobIds as active; `now_s` is the ledger's time, in Unix seconds.

    A job that is younger than List is behind is not gone. A job from the future is old: the clock was set back since.
    """
    since_s = {str(job.remote_id): now_s - job.updated_at for job in running}
    gone = {job for job, age_s in since_s.items() if job not in active and not 0 <= age_s < before.lag_s}
    shown = {job for job in since_s if job in active or job in before.shown}
    return replace(before, shown=frozenset(shown), gone=frozenset(gone))


def still_active(before: Sightings, job: Job, *, now_s: float) -> Sightings:
    """After a Describe called this job active."""
    if job.remote_id not in before.gone:
        return before
    lag_s = min(_LAG_CEILING_S, max(before.lag_s, now_s - job.updated_at))
    trusted = before.trusted and job.remote_id not in before.shown
    return replace(before, gone=before.gone - {job.remote_id}, lag_s=lag_s, trusted=trusted)


def ended(before: Sightings, job: Job) -> Sightings:
    """After all is known of this job's end."""
    known = {str(job.remote_id)}
    return replace(before, shown=before.shown - known, gone=before.gone - known)
