"""When a lane will be done, with a range, from what is left and what its jobs have taken so far."""

import bisect
import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from fleet.core.durations import Durations, quantile
from fleet.core.lane import Quotas

__all__ = ["Eta", "lane_eta"]

_PLAYS: Final = 25
_PLAYED_MAX: Final = 500  # jobs played one by one; more of them only add their mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Eta:
    """Seconds until the end: expected, and the range in which four of five ends lie.

    `known` is false where no job of the lane has ended yet, so that a guess stands in for its durations.
    """

    low_s: float
    expected_s: float
    high_s: float
    known: bool

    @classmethod
    def last(cls, etas: Iterable["Eta"]) -> "Eta | None":
        """When the last of several lanes will be done; None for no lane."""
        found = list(etas)
        if not found:
            return None
        return cls(
            low_s=max(eta.low_s for eta in found),
            expected_s=max(eta.expected_s for eta in found),
            high_s=max(eta.high_s for eta in found),
            known=all(eta.known for eta in found),
        )


def lane_eta(
    model: Durations,
    quotas: Quotas,
    *,
    pending: int,
    mean_size_bytes: float | None,
    running: Iterable[tuple[float, int | None]],
    draw: Callable[[], float],
) -> Eta | None:
    """When a lane with so many pending jobs and these running ones (age, size) will be done; None if it is.

    The rest of the run is played through some times with durations like those that were seen; `draw` gives random
    numbers in [0, 1). How little has been seen is part of the range.
    """
    running = list(running)
    if not pending and not running:
        return None
    usual_s = model.expected_s(None if mean_size_bytes is None else int(mean_size_bytes))
    ends_s = sorted(_play(model, quotas, pending, usual_s, running, draw) for _ in range(_PLAYS))
    low_s, expected_s, high_s = (quantile(ends_s, share) for share in (0.1, 0.5, 0.9))
    return Eta(low_s=low_s, expected_s=expected_s, high_s=high_s, known=model.known)


def _play(
    model: Durations,
    quotas: Quotas,
    pending: int,
    usual_s: float,
    running: Sequence[tuple[float, int | None]],
    draw: Callable[[], float],
) -> float:
    """One possible end: every job takes the first free slot, Starts leave 1/rate apart."""
    # the mean that we know comes from some samples: another few samples would have had another mean
    mean = fmean(model.ratios)
    doubt = fmean(_ratio(model, draw) for _ in model.ratios) / mean
    slots = [_rest_s(model, age_s, size_bytes, draw) for age_s, size_bytes in running]
    slots += [0.0] * max(0, quotas.active_jobs - len(slots))
    heapq.heapify(slots)
    played = min(pending, _PLAYED_MAX)
    for number in range(played):
        start_s = max(heapq.heappop(slots), number / quotas.start_per_s)
        heapq.heappush(slots, start_s + usual_s * doubt * _ratio(model, draw))
    skipped = pending - played
    return max(slots) + skipped * max(usual_s * doubt * mean / quotas.active_jobs, 1 / quotas.start_per_s)


def _ratio(model: Durations, draw: Callable[[], float]) -> float:
    return model.ratios[int(draw() * len(model.ratios))]


def _rest_s(model: Durations, age_s: float, size_bytes: int | None, draw: Callable[[], float]) -> float:
    """What is left of a running job: as of those that took longer than its age, a tenth of that if late."""
    expected_s = model.expected_s(size_bytes)
    longer = model.ratios[bisect.bisect_right(model.ratios, age_s / expected_s if expected_s else 0.0) :]
    return expected_s * longer[int(draw() * len(longer))] - age_s if longer else 0.1 * age_s
