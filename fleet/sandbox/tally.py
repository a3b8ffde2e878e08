"""The truth, counted as it happens, so that asking for it costs nothing however long the log is.

Promises: after each request the same answers as the checkers in truth.py give over the whole log, also for the part of
it that `log_max` has dropped.
"""

from collections import Counter, deque
from typing import Any

from fleet.sandbox.truth import ACCEPTED, CAPPED, THROTTLED, Entry

__all__ = ["Tally"]

_WINDOW_S = 1.0


class Tally:
    """What was asked so far."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self.starts_accepted = 0
        self.entries = 0
        self.worst_second: dict[str, int] = {}
        self.worst_second_sent: dict[str, int] = {}
        self._let_in: dict[tuple[str, str, str], deque[float]] = {}
        self._sent: dict[tuple[str, str, str], deque[float]] = {}
        self._first: dict[tuple[str, str], str] = {}
        self._again: dict[tuple[str, str], list[str]] = {}

    def add(self, entry: Entry) -> None:
        """One more request is counted; requests come in the order of time."""
        self.entries += 1
        self.requests[f"{entry.operation} {entry.outcome}"] += 1
        lane = (entry.account, entry.region, entry.operation)
        _count(self._sent, lane, entry.time, self.worst_second_sent)
        if entry.outcome != THROTTLED:
            _count(self._let_in, lane, entry.time, self.worst_second)
        if entry.outcome in (THROTTLED, CAPPED):
            self.throttled[entry.operation] += 1
        elif entry.outcome == ACCEPTED and entry.operation.startswith("Start"):
            self._started(entry)

    def duplicates(self) -> list[dict[str, Any]]:
        """Each input that more than one job was made for."""
        return [
            {"kind": kind, "input": uri, "job_ids": sorted(job_ids)} for (kind, uri), job_ids in self._again.items()
        ]

    def _started(self, entry: Entry) -> None:
        self.starts_accepted += 1
        work = (entry.kind, entry.input_uri)
        first = self._first.setdefault(work, entry.job_id)
        if first != entry.job_id:
            self._again.setdefault(work, [first]).append(entry.job_id)


def _count(
    windows: dict[tuple[str, str, str], deque[float]], lane: tuple[str, str, str], now: float, worst: dict[str, int]
) -> None:
    """One more request in the lane's last second, and the largest such second of the operation."""
    window = windows.get(lane)
    if window is None:
        window = windows[lane] = deque()
    window.append(now)
    while window[0] <= now - _WINDOW_S:
        window.popleft()
    operation = lane[2]
    if len(window) > worst.get(operation, 0):
        worst[operation] = len(window)
