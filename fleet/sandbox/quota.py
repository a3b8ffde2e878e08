"""How many requests a second an operation takes, in two readings, without a clock of their own.

AWS's bucket model and burst are UNKNOWN (facts sheet 1.1). The window is the strictest reading of "requests per
second"; the bucket is what AWS describes for other services. `burst_s` loosens either.
"""

from collections import deque
from typing import Protocol

__all__ = ["Bucket", "Quota", "Window"]


class Quota(Protocol):
    """One operation's quota in one account and Region."""

    def take(self, now: float) -> bool:
        """True, and the request is counted, if there is room at `now`.

        A refused request is not counted, unless the quota counts refused ones too: then a client that hammers on is
        kept out until it rests.
        """
        ...

    def change(self, rate: float, burst_s: float) -> None:
        """The quota is another one from now on; what was taken stays taken."""
        ...


class Window:
    """At most `rate * burst_s` requests (at least one) in any stretch of time of that many requests' length.

    With `burst_s` 1 and a rate of 10, no half-open second ever holds an eleventh request.
    """

    __slots__ = ("_count_refused", "_taken", "limit", "window_s")

    def __init__(self, rate: float, burst_s: float = 1.0, *, count_refused: bool = False) -> None:
        self._count_refused = count_refused
        self._taken: deque[float] = deque()
        self.change(rate, burst_s)

    def change(self, rate: float, burst_s: float) -> None:
        """See `Quota.change`."""
        self.limit = max(1, round(rate * burst_s))
        self.window_s = self.limit / rate

    def take(self, now: float) -> bool:
        """See `Quota.take`."""
        taken = self._taken
        oldest = now - self.window_s
        while taken and taken[0] <= oldest:
            taken.popleft()
        room = len(taken) < self.limit
        if room or self._count_refused:
            taken.append(now)
        if not room and self._count_refused:
            taken.popleft()
        return room


class Bucket:
    """A token bucket of `rate * burst_s` tokens (at least one) that fills at `rate` a second, full at first.

    It lets a full bucket and a second's worth through within one second. A refused request that counts takes what
    fraction of a token is there.
    """

    __slots__ = ("_at", "_count_refused", "_tokens", "capacity", "rate")

    def __init__(self, rate: float, burst_s: float = 1.0, *, count_refused: bool = False) -> None:
        self._count_refused = count_refused
        self._at: float | None = None
        self._tokens = float("inf")
        self.change(rate, burst_s)

    def change(self, rate: float, burst_s: float) -> None:
        """See `Quota.change`."""
        self.rate = rate
        self.capacity = max(1.0, rate * burst_s)
        self._tokens = min(self._tokens, self.capacity)

    def take(self, now: float) -> bool:
        """See `Quota.take`."""
        if self._at is not None:
            # a hair more than nothing: 0.1 s at 10 a second must make a whole token in floating point too
            self._tokens = min(self.capacity, self._tokens + max(0.0, now - self._at) * self.rate + 1e-9)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return True
        if self._count_refused:
            self._tokens = 0.0
        return False
