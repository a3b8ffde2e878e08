"""How one lane's slots were used, counted as it happens: what /sandbox/truth says without a walk over all jobs.

Promises: the same figures as the checkers in truth.py give from the spans, at a constant cost for each job and each
question, as long as events come in the order of time.
"""

from collections import Counter, deque

__all__ = ["SlotUse"]


class SlotUse:
    """The slots of one account, Region and kind. A job of somebody else holds a slot like any other."""

    __slots__ = (
        "_area_s",
        "_ends",
        "_full",
        "_held_from_s",
        "_last_end",
        "_origin",
        "_since",
        "_slot_s",
        "foreign",
        "held",
        "peak",
        "slots",
        "started",
        "statuses",
    )

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.started = 0
        self.foreign = 0
        self.statuses: Counter[str] = Counter()
        self.held = 0
        self.peak = 0
        self._origin: float | None = None
        self._last_end: float | None = None
        self._area_s = 0.0  # of the jobs that have ended
        self._held_from_s = 0.0  # the sum of the starts of those that have not
        self._slot_s = 0.0  # slots x time up to `_since`
        self._since = 0.0
        self._full: tuple[float, float, float] | None = None
        self._ends: deque[tuple[float, float, float]] = deque(maxlen=slots)

    def accepted(self, status: str, *, foreign: bool) -> None:
        """There is one more job, with or without a slot."""
        if foreign:
            self.foreign += 1
        else:
            self.started += 1
            self.statuses[status] += 1

    def taken(self, now: float) -> None:
        """One more slot is held."""
        if self._origin is None:
            self._origin = now
        self.held += 1
        self.peak = max(self.peak, self.held)
        self._held_from_s += now - self._origin
        if self.held >= self.slots and self._full is None:
            self._full = self._areas(now - self._origin)

    def moved(self, before: str, after: str, *, foreign: bool) -> None:
        """A job has another status."""
        if not foreign:
            self.statuses[before] -= 1
            self.statuses[after] += 1

    def freed(self, now: float, start: float) -> None:
        """The slot that was taken at `start` is held no more."""
        origin = self._origin or 0.0
        self.held -= 1
        self._area_s += now - start
        self._held_from_s -= start - origin
        self._last_end = now if self._last_end is None else max(now, self._last_end)
        self._ends.append(self._areas(now - origin))

    def change(self, slots: int, now: float) -> None:
        """From `now` on there are so many slots."""
        if slots == self.slots:
            return
        if self._origin is not None:
            _, _, self._slot_s = self._areas(now - self._origin)
            self._since = now - self._origin
        self.slots = slots
        self._ends = deque(self._ends, maxlen=slots)

    def period(self, now: float) -> tuple[float, float] | None:
        """From the first Start to the last end, or to `now` while a job is active; None if there was no Start."""
        if self._origin is None:
            return None
        return self._origin, now if self.held or self._last_end is None else self._last_end

    def makespan_s(self, now: float) -> float:
        """How long that is; 0 if there was no Start."""
        begin, end = self.period(now) or (0.0, 0.0)
        return end - begin

    def utilisation(self, now: float) -> float:
        """The part of the slots' time in which they held a job, over the makespan; 0 where there was none."""
        _, held_s, slot_s = self._areas(self.makespan_s(now))
        return held_s / slot_s if slot_s else 0.0

    def steady_utilisation(self, now: float) -> float | None:
        """The same from when all slots were first full until fewer jobs than slots were left; None if never full.

        While jobs run nobody knows how many are left, so it is up to `now`.
        """
        if self._full is None or self._origin is None:
            return None
        last = self._areas(now - self._origin) if self.held or not self._ends else self._ends[0]
        held_s, slot_s = last[1] - self._full[1], last[2] - self._full[2]
        return held_s / slot_s if slot_s > 0 else None

    def _areas(self, at_s: float) -> tuple[float, float, float]:
        """A time since the first Start, the time that jobs held slots up to it, and what the slots had to give."""
        held_s = self._area_s + self.held * at_s - self._held_from_s
        return at_s, held_s, self._slot_s + self.slots * (at_s - self._since)
