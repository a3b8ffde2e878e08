"""How much to start now: what the lane's slots and its Start rate leave room for."""

from collections.abc import Sequence
from math import ceil
from typing import Final

from fleet.core.lane import Quotas

__all__ = ["batch", "guard_s", "makespan_s"]

_BATCH_S: Final = 0.5
_GUARD_FLOOR_S: Final = 0.02
_GUARD_CEILING_S: Final = 1.0
_LATENCIES_MIN: Final = 20
_FASTEST_SHARE: Final = 0.5  # with all of it, 1 call in 100 comes too early where a way takes 10 to 60 ms


def batch(rate_per_s: float, *, free: int, probing: bool = False) -> int:
    """How many jobs to claim now: never more than the free slots, and no more than half a second of the Start rate.

    A claimed job holds its slot while it waits for the limiter, so a longer batch would gain nothing. While `probing`
    (the last Start was refused because of the environment) one job finds out whether the cause has passed.
    """
    return min(free, 1 if probing else max(1, ceil(rate_per_s * _BATCH_S)))


def makespan_s(jobs: int, quotas: Quotas, job_s: float) -> float:
    """The shortest time in which one lane can end `jobs` jobs of `job_s` seconds each; 0 for none.

    Starts leave 1/rate apart and a slot holds one job at a time, so the last job cannot start earlier than both its
    turn in the row of Starts and the end of the jobs before it allow.
    """
    if jobs <= 0:
        return 0.0
    waves, rest = divmod(jobs - 1, quotas.active_jobs)
    return job_s + max((jobs - 1) / quotas.start_per_s, waves * job_s + rest / quotas.start_per_s)


def guard_s(latencies_s: Sequence[float], latency_s: float | None = None) -> float:
    """How much later than it left a call may have arrived: one that took `latency_s`, or one that is still under way.

    `latencies_s` are those of the last calls. A call can arrive late by as much as it was slower than the fastest there
    can be; one that is still under way, as late as the slowest of them. The fastest of some is not the fastest there
    can be, so only a share of it is relied on; while there are few, nothing. One hanging call must not stop the lane,
    hence a ceiling for those under way; one that was answered stops nothing any more, however long it took.
    """
    fastest_s = _FASTEST_SHARE * min(latencies_s) if len(latencies_s) >= _LATENCIES_MIN else 0.0
    slowest_s = max(latencies_s, default=0.0) if latency_s is None else latency_s
    late_s = max(_GUARD_FLOOR_S, slowest_s - fastest_s)
    return min(_GUARD_CEILING_S, late_s) if latency_s is None else late_s
