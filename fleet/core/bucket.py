"""The limiter's arithmetic: at most so many calls in *any* sliding window, and still the full rate.

A sliding log of the last grants is both exact and full speed at the rates AWS allows (1 to a few hundred a second). The
usual token bucket is not: it grants up to twice its rate in its first second. Waiting is somebody else's work: `take`
says how long, and never sleeps.
"""

from bisect import insort
from collections.abc import Iterable
from math import ceil

__all__ = ["Bucket"]


class Bucket:
    """Grants at most `ceil(rate_per_s)` calls in any 1 s window, and `rate_per_s` in the long run.

    `rate_per_s` may be lowered, and raised up to its first value, at any time. What counts is when a call arrives, not
    when it leaves: calls that left 1 s apart may arrive closer together. Until `arrived` tells more of a call, it is
    taken to arrive `guard_s`, which may change too, after its grant. A new bucket is empty unless it is told the
    `recent` calls: its first grant comes one window after `now`, so that a process that restarts in a loop never adds
    up to more than the rate.
    """

    def __init__(
        self, rate_per_s: float, *, now: float, guard_s: float = 0.0, recent: Iterable[float] | None = None
    ) -> None:
        if not 0 < rate_per_s < float("inf"):
            raise ValueError(f"a rate must be a positive number of calls a second, not {rate_per_s!r}")
        self.rate_per_s = rate_per_s
        self.guard_s = guard_s
        self.granted = 0
        calls = ceil(rate_per_s)
        before = [(now + guard_s if recent is None else float("-inf"), 0)] * calls
        self._arrivals = sorted([*before, *((at + guard_s, 0) for at in recent or ())])[-calls:]

    @property
    def calls(self) -> int:
        """How many calls any window may hold."""
        return min(ceil(self.rate_per_s), len(self._arrivals))

    @property
    def window_s(self) -> float:
        """The sliding window, in seconds, in which at most `calls` arrive."""
        return self.calls / self.rate_per_s

    def __repr__(self) -> str:
        return f"<Bucket {self.calls} calls in any {self.window_s:g} s>"

    def wait_s(self, now: float) -> float:
        """Seconds until the next call would be granted; 0 means now. Changes nothing."""
        calls = self.calls
        return max(0.0, self._arrivals[-calls][0] + calls / self.rate_per_s - now)

    def take(self, now: float) -> float:
        """Grant one call and return 0, or grant nothing and return the seconds to wait before asking again.

        `now` is monotonic seconds. A clock that stands still or steps back only makes the wait longer. The call's
        number is in `granted`.
        """
        wait_s = self.wait_s(now)
        if wait_s == 0.0:
            self.granted += 1
            del self._arrivals[0]
            insort(self._arrivals, (now + self.guard_s, self.granted))
        return wait_s

    def arrived(self, call: int, by: float) -> None:
        """The granted call of this number arrived by then, at the latest. Nothing, if it no longer counts."""
        for index in range(len(self._arrivals) - 1, -1, -1):
            if self._arrivals[index][1] == call:
                del self._arrivals[index]
                insort(self._arrivals, (by, call))
                return

    def ready(self, now: float) -> int:
        """How many calls would be granted at once if they were asked for now."""
        return sum(arrival + self.window_s <= now for arrival, _ in self._arrivals[-self.calls :])
