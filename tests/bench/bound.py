"""The physical limit of a lane: the closed form for jobs of one length, and the ideal schedule for any lengths.

Both know the quotas as the sandbox counts them (so many Starts in any window, so many slots), see every end at the
instant it happens and lose no time between two calls. Nothing that obeys the quotas starts these jobs in this order
sooner. Plain functions of numbers, without a clock.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Held", "Limits", "ideal_schedule", "lower_bound_s"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What AWS allows from `at_s` on: slots, and Starts a second (in any one second, where the rate is 1 or more)."""

    at_s: float = float("-inf")
    slots: int
    start_per_s: float

    @property
    def burst(self) -> int:
        """How many Starts one window takes, all of them at once if need be."""
        return max(1, round(self.start_per_s))

    @property
    def window_s(self) -> float:
        """The length of the window in which at most `burst` Starts are let in."""
        return self.burst / self.start_per_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """From when to when a job holds its slot, in seconds."""

    start_s: float
    end_s: float


def lower_bound_s(jobs: int, *, duration_s: float, slots: int, start_per_s: float, burst: int = 1) -> float:
    """The seconds from the first Start that `jobs` jobs of one duration need at least; 0 for none.

    With `burst` 1 (Starts leave 1/rate apart) it is exact:
    `T* = d + max((N-1)/r, floor((N-1)/k) * d + ((N-1) mod k) / r)`. Where the quota lets in `burst` Starts in any
    `burst / rate` seconds, they may leave at once, and the bound holds, but is not always reached.
    """
    if jobs <= 0:
        return 0.0
    window_s = burst / start_per_s
    waves, rest = divmod(jobs - 1, slots)
    return duration_s + max((jobs - 1) // burst * window_s, waves * duration_s + rest // burst * window_s)


def ideal_schedule(durations_s: Sequence[float], limits: Sequence[Limits], foreign: Sequence[Held] = ()) -> list[Held]:
    """When each job holds its slot if, in this order, each is started at the first instant that the quotas allow.

    Time 0 is the first Start. `limits` are in the order of time, the first one holds from the beginning; `foreign` are
    jobs of others, which take their slots whatever we do.
    """
    held: list[Held] = []
    ends: list[float] = []
    starts: list[float] = []
    changes = sorted(
        {limit.at_s for limit in limits} | {at for other in foreign for at in (other.start_s, other.end_s)}
    )
    now_s = 0.0
    for duration_s in durations_s:
        while (later := _blocked_until(now_s, starts, ends, limits, foreign, changes)) is not None:
            now_s = later
        starts.append(now_s)
        heapq.heappush(ends, now_s + duration_s)
        held.append(Held(start_s=now_s, end_s=now_s + duration_s))
    return held


def _blocked_until(
    now_s: float,
    starts: Sequence[float],
    ends: list[float],
    limits: Sequence[Limits],
    foreign: Sequence[Held],
    changes: Sequence[float],
) -> float | None:
    """None if a Start is allowed now; else the next instant at which that may be otherwise. Past ends are dropped."""
    while ends and ends[0] <= now_s:
        heapq.heappop(ends)
    limit = next(limit for limit in reversed(limits) if limit.at_s <= now_s)
    others = sum(other.start_s <= now_s < other.end_s for other in foreign)
    allowed_at_s = starts[-limit.burst] + limit.window_s if len(starts) >= limit.burst else now_s
    if allowed_at_s > now_s:
        return min([allowed_at_s, *_after(now_s, changes)])
    if len(ends) + others < limit.slots:
        return None
    coming = [*ends[:1], *_after(now_s, changes)]
    if not coming:
        raise ValueError("there is never a slot for the next job")
    return min(coming)


def _after(now_s: float, times_s: Sequence[float]) -> Iterator[float]:
    return (at_s for at_s in times_s if at_s > now_s)
