"""How many requests a second an operation takes: an exact sliding window, without a clock of its own."""

from collections import deque

__all__ = ["Window"]


class Window:
    """At most `rate * burst_s` requests (at least one) in any stretch of time of that many requests' length.

    With `burst_s` 1 and a rate of 10, no half-open second ever holds an eleventh request. A refused request is not
    counted. AWS's bucket model and burst are UNKNOWN (facts sheet 1.1); this is the strictest reading of "requests per
    second", and `burst_s` loosens it.
    """

    __slots__ = ("_taken", "limit", "window_s")

    def __init__(self, rate: float, burst_s: float = 1.0) -> None:
        self.limit = max(1, round(rate * burst_s))
        self.window_s = self.limit / rate
        self._taken: deque[float] = deque()

    def take(self, now: float) -> bool:
        """True, and the request is counted, if the window has room at `now`; else nothing changes."""
        taken = self._taken
        oldest = now - self.window_s
        while taken and taken[0] <= oldest:
            taken.popleft()
        if len(taken) >= self.limit:
            return False
        taken.append(now)
        return True
