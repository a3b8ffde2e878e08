"""Whether calls of one operation may leave: an operation that keeps failing is asked ever more rarely.

Each operation of each lane has a circuit of its own, so that trouble with Describe never stops Start. What counts as a
failure is that no answer came, or a 5xx; an error that the service declares is an answer.
"""

from dataclasses import dataclass
from typing import Final

from fleet.core.policy import backoff_s

__all__ = ["Circuit", "broke", "is_open", "room", "wait_s"]

_TOLERATED: Final = 2  # failures in a row that slow nothing down: one lost packet is no outage
_FLOOR_S: Final = 1.0
_CEILING_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """How many times in a row the operation failed, when that was last known, and when the next call may leave.

    Times are monotonic seconds. A new one is whole; so is one after any answer: forget the old.
    """

    failures: int = 0
    failed_at: float = float("-inf")
    next_at: float = float("-inf")


def broke(circuit: Circuit, *, began: float, now: float, jitter: float) -> Circuit:
    """The circuit after a call that began at `began` failed. Calls that failed side by side are one piece of news."""
    if began < circuit.failed_at:
        return circuit
    failures = circuit.failures + 1
    patience_s = 0.0
    if failures > _TOLERATED:
        patience_s = backoff_s(failures - _TOLERATED, jitter, floor_s=_FLOOR_S, ceiling_s=_CEILING_S)
    return Circuit(failures=failures, failed_at=now, next_at=now + patience_s)


def is_open(circuit: Circuit) -> bool:
    """Whether so many calls failed in a row that only one probe at a time may leave."""
    return circuit.failures > _TOLERATED


def room(circuit: Circuit, now: float, wanted: int) -> int:
    """How many of the wanted calls may leave now: all, or while the circuit is open one probe at its time, or none."""
    if not is_open(circuit):
        return wanted
    return min(wanted, 1) if now >= circuit.next_at else 0


def wait_s(circuit: Circuit, now: float) -> float:
    """Seconds until there is room for a call; 0 means now."""
    return max(0.0, circuit.next_at - now) if is_open(circuit) else 0.0
