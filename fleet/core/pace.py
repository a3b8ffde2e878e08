"""How much to start now: what the lane's slots and its Start rate leave room for."""

from math import ceil

from fleet.core.lane import Quotas

__all__ = ["makespan_s", "room"]

_PREPARED_S = 0.5


def room(quotas: Quotas, *, in_flight: int, probing: bool = False) -> int:
    """How many jobs to claim now: never more than the free slots, and no more than half a second of the Start rate.

    A claimed job holds its slot while it waits for the limiter, so a longer batch would gain nothing. While `probing`
    (the last Start was refused because of the environment) one job finds out whether the cause has passed.
    """
    free = max(0, quotas.active_jobs - in_flight)
    return min(free, 1 if probing else max(1, ceil(quotas.start_per_s * _PREPARED_S)))


def makespan_s(jobs: int, quotas: Quotas, job_s: float) -> float:
    """The shortest time in which one lane can end `jobs` jobs of `job_s` seconds each; 0 for none.

    Starts leave 1/rate apart and a slot holds one job at a time, so the last job cannot start earlier than both its
    turn in the row of Starts and the end of the jobs before it allow.
    """
    if jobs <= 0:
        return 0.0
    waves, rest = divmod(jobs - 1, quotas.active_jobs)
    return job_s + max((jobs - 1) / quotas.start_per_s, waves * job_s + rest / quotas.start_per_s)
