"""The limiter's arithmetic: at most so many calls in *any* sliding window, and still the full rate.

A sliding log of the last grant times is both exact and full speed at the rates AWS allows (1 to a few hundred a
second). The usual token bucket is not: it grants up to twice its rate in its first second. Waiting is somebody
else's work: `take` says how long, and never sleeps.
"""

from collections import deque
from collections.abc import Iterable
from math import ceil

__all__ = ["Bucket"]


class Bucket:
    """Grants at most `ceil(rate_per_s)` calls in any 1 s window, and `rate_per_s` in the long run.

    `rate_per_s` may be lowered, and raised up to its first value, at any time. `guard_s`, which may change too,
    lengthens the window: calls that left 1 s apart may arrive closer together, because the network adds jitter between
    us and the service. A new bucket is empty unless it is told the `recent` calls: its first grant comes one window
    after `now`, so that a process that restarts in a loop never adds up to more than the rate.
    """

    def __init__(
        self, rate_per_s: float, *, now: float, guard_s: float = 0.0, recent: Iterable[float] | None = None
    ) -> None:
        if not 0 < rate_per_s < float("inf"):
            raise ValueError(f"a rate must be a positive number of calls a second, not {rate_per_s!r}")
        self.rate_per_s = rate_per_s
        self.guard_s = guard_s
        calls = ceil(rate_per_s)
        self._grants: deque[float] = deque([now if recent is None else float("-inf")] * calls, maxlen=calls)
        self._grants.extend(sorted(recent or ()))

    @property
    def calls(self) -> int:
        """How many calls any window may hold."""
        return min(ceil(self.rate_per_s), len(self._grants))

    @property
    def window_s(self) -> float:
        """The sliding window, in seconds, in which at most `calls` are granted."""
        return self.calls / self.rate_per_s + self.guard_s

    def __repr__(self) -> str:
        return f"<Bucket {self.calls} calls in any {self.window_s:g} s>"

    def wait_s(self, now: float) -> float:
        """Seconds until the next call would be granted; 0 means now. Changes nothing."""
        return max(0.0, self._grants[-self.calls] + self.window_s - now)

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
        latest = list(self._grants)[-self.calls :]
        return sum(grant + self.window_s <= now for grant in latest)
