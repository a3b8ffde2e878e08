"""The limiter's arithmetic: at most so many calls in *any* sliding window, and still the full rate.

A sliding log of the last grant times is both exact and full speed at the rates AWS allows (1 to a few hundred a
second). The usual token bucket is not: it grants up to twice its rate in its first second. Waiting is somebody
else's work: `take` says how long, and never sleeps.
"""

from collections import deque
from math import ceil

__all__ = ["Bucket"]


class Bucket:
    """Grants at most `ceil(rate_per_s)` calls in any 1 s window, and `rate_per_s` in the long run.

    `guard_s` lengthens the window, and may be changed at any time: calls that left 1 s apart may arrive closer
    together, because the network adds jitter between us and the service. A new bucket is empty: its first grant comes
    one window after `now`, so that a process that restarts in a loop never adds up to more than the rate.
    """

    def __init__(self, rate_per_s: float, *, now: float, guard_s: float = 0.0) -> None:
        if not 0 < rate_per_s < float("inf"):
            raise ValueError(f"a rate must be a positive number of calls a second, not {rate_per_s!r}")
        self.rate_per_s = rate_per_s
        self.calls = ceil(rate_per_s)
        self.guard_s = guard_s
        self._grants: deque[float] = deque([now] * self.calls, maxlen=self.calls)

    @property
    def window_s(self) -> float:
        """The sliding window, in seconds, in which at most `calls` are granted."""
        return self.calls / self.rate_per_s + self.guard_s

    def __repr__(self) -> str:
        return f"<Bucket {self.calls} calls in any {self.window_s:g} s>"

    def wait_s(self, now: float, calls: int = 1) -> float:
        """Seconds until `calls` (at most `self.calls`) can be granted at once; 0 means now. Changes nothing."""
        return max(0.0, self._grants[calls - 1] + self.window_s - now)

    def take(self, now: float) -> float:
        """Grant one call and return 0, or grant nothing and return the seconds to wait before asking again.

        `now` is monotonic seconds. A clock that stands still or steps back only makes the wait longer.
        """
        wait_s = self.wait_s(now)
        if wait_s == 0.0:
            self._grants.append(max(now, self._grants[-1]))
        return wait_s

    def ready(self, now: float) -> int:
        """How many calls would be granted at once if they were asked for now."""
        return sum(grant + self.window_s <= now for grant in self._grants)
