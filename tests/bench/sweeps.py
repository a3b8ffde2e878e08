"""When a client was told that a job has ended: by a Describe of it, or by a complete List of all that is active.

A sweep is one List for each active status, in the order in which a job passes through them; what it does not show has
ended before it began. A job counts as seen by it when its last List arrives, a round trip before the client knows.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from fleet.sandbox.truth import ACCEPTED, Entry

__all__ = ["described_s", "seen_s", "sweeps"]

_ORDER: Final = ("SUBMITTED", "IN_PROGRESS", "STOP_REQUESTED")
_EXACT_S: Final = 0.001  # EndTime is shown in whole milliseconds


def described_s(log: Iterable[Entry], ended: Mapping[str, float]) -> dict[str, float]:
    """JobId -> seconds from its end to the first Describe of it after that; `ended` are Unix seconds."""
    waits: dict[str, float] = {}
    for entry in log:
        if entry.operation.startswith("Describe") and entry.outcome == ACCEPTED and entry.job_id in ended:
            late_s = entry.time - ended[entry.job_id]
            if late_s > -_EXACT_S:
                waits.setdefault(entry.job_id, max(0.0, late_s))
    return waits


def seen_s(
    described: Mapping[str, float], found: Sequence[tuple[float, float]], ended: Mapping[str, float]
) -> list[float]:
    """The same waits, each to a Describe or a sweep of the lane, whichever came first."""
    begins = [begin_s for begin_s, _ in found]
    waits = []
    for job_id, wait_s in described.items():
        place = bisect_left(begins, ended[job_id])
        swept_s = found[place][1] - ended[job_id] if place < len(found) else wait_s
        waits.append(min(wait_s, swept_s))
    return waits


def sweeps(log: Iterable[Entry], kind: str) -> list[tuple[float, float]]:
    """When each complete sweep of a kind began and ended, in the order of time. A refused List makes it none."""
    found: list[tuple[float, float]] = []
    begin_s, place = 0.0, len(_ORDER)
    for entry in log:
        if entry.kind != kind or entry.filter_status not in _ORDER:
            continue
        asked = _ORDER.index(entry.filter_status)
        if entry.outcome != ACCEPTED:
            place = len(_ORDER)
        elif asked == 0 and place != 0:
            begin_s, place = entry.time, 0
        elif asked == place + 1:
            place = asked
        elif asked != place:  # else the next page of the same status
            place = len(_ORDER)
        if place == len(_ORDER) - 1:
            if found and found[-1][0] == begin_s:
                found.pop()  # its last status had one more page
            found.append((begin_s, entry.time))
    return found
