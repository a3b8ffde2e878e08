"""Where to look next: when a List sweep pays, which jobs a sweep says have ended, when to ask about one by itself."""

from collections.abc import Collection, Iterable
from typing import Final

from fleet.core.durations import Durations

__all__ = ["SWEEP_CALLS", "foreign", "next_look_s", "sweep_gap_s"]

SWEEP_CALLS: Final = 3  # one List per active status, while each fits on one page
_LIST_SHARE: Final = 0.8  # of the List rate: lookups and reconciling need the rest
_LAG_SHARE: Final = 0.01  # of a job's duration: how much later than its end it may be seen
_GAP_CEILING_S: Final = 30.0
_GUESSING_S: Final = 0.5  # between two sweeps while nothing is known of this lane's durations
_QUIET_S: Final = 5.0  # between two sweeps while nothing of ours can end: foreign jobs may
_EARLY: Final = 0.02  # the share of jobs that may end before anybody looks closely
_LATE: Final = 0.98


def sweep_gap_s(model: Durations, ages_s: Iterable[tuple[float, int | None]], *, list_per_s: float) -> float:
    """Seconds until the next sweep of a lane whose running jobs have these ages and sizes.

    A hundredth of a job's duration between two sweeps costs half of that in slots, and nothing is gained by asking
    more often; while no job can have ended yet, there is little to ask: only what other programs do.
    """
    cheapest_s = SWEEP_CALLS / (_LIST_SHARE * list_per_s)
    wishes = [_sweep_wish_s(model, age_s, size_bytes) for age_s, size_bytes in ages_s]
    return max(cheapest_s, min(wishes, default=_QUIET_S))


def _sweep_wish_s(model: Durations, age_s: float, size_bytes: int | None) -> float:
    """How soon one running job wants the next sweep."""
    if not model.known:
        return min(_GAP_CEILING_S, max(_GUESSING_S, _LAG_SHARE * age_s))
    lag_s = min(_GAP_CEILING_S, _LAG_SHARE * max(model.expected_s(size_bytes), age_s))
    early_s = model.within_s(size_bytes, _EARLY) - age_s
    return max(lag_s, min(early_s, _QUIET_S))


def foreign(active: Iterable[tuple[str, str | None]], remote_ids: Collection[str], names: Collection[str]) -> int:
    """How many active jobs, given as (JobId, JobName), are known neither by id nor, being started, by name."""
    return sum(remote_id not in remote_ids and name not in names for remote_id, name in active)


def next_look_s(
    model: Durations, age_s: float, size_bytes: int | None, jitter: float, *, floor_s: float, ceiling_s: float
) -> float:
    """When to Describe a job that no sweep watches: rarely before its expected end, closely around it.

    Without a model, or long after the expected end: every 2 % of its age. Always within floor and ceiling, +/- 10 %.
    """
    gap_s = 0.02 * age_s
    if model.known:
        early_s, late_s = model.within_s(size_bytes, _EARLY), model.within_s(size_bytes, _LATE)
        if age_s < early_s:
            gap_s = early_s - age_s
        elif age_s <= late_s:
            gap_s = _LAG_SHARE * model.expected_s(size_bytes)
    return min(ceiling_s, max(floor_s, gap_s)) * (0.9 + 0.2 * jitter)
