"""How long a job of this lane will take, learned from those that ended: overhead + size x slope, and the spread.

The facts: minutes of fixed overhead whatever the size, unknown growth with size, long tails (facts sheet, 3.3). So
everything here is medians and quantiles, which a few very long jobs do not move.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

__all__ = ["Durations", "Sample", "quantile"]

_FIRST_GUESS_S: Final = 480.0  # SubmitTime to EndTime of small inputs: 6 to 10 minutes (facts sheet, 3.3)
_KEPT: Final = 200
_ENOUGH: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One ended job: seconds from SubmitTime to EndTime, and the size of its input where that is known."""

    duration_s: float
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """A lane's model. `known` is false while it is the first guess; ratios are actual to expected, ascending."""

    overhead_s: float = _FIRST_GUESS_S
    per_byte_s: float = 0.0
    ratios: tuple[float, ...] = (0.7, 1.0, 1.3)
    known: bool = False

    def expected_s(self, size_bytes: int | None) -> float:
        """The median duration of a job of this size."""
        return self.overhead_s + self.per_byte_s * (size_bytes or 0)

    def within_s(self, size_bytes: int | None, share: float) -> float:
        """The duration that this share (0 to 1) of such jobs does not exceed."""
        return self.expected_s(size_bytes) * quantile(self.ratios, share)

    @classmethod
    def learn(cls, samples: Iterable[Sample]) -> "Durations":
        """The model that these samples, newest last, support; the first guess while they are too few."""
        kept = [sample for sample in samples if sample.duration_s > 0][-_KEPT:]
        if len(kept) < _ENOUGH:
            return cls()
        slope = _slope(kept)
        overhead_s = max(0.0, median(sample.duration_s - slope * (sample.size_bytes or 0) for sample in kept))
        model = cls(overhead_s=overhead_s, per_byte_s=slope, known=True)
        ratios = sorted(sample.duration_s / max(1e-9, model.expected_s(sample.size_bytes)) for sample in kept)
        return cls(overhead_s=overhead_s, per_byte_s=slope, ratios=tuple(ratios), known=True)


def quantile(ascending: Sequence[float], share: float) -> float:
    """The value that this share of the ascending values does not exceed, interpolated between neighbours."""
    place = share * (len(ascending) - 1)
    low = int(place)
    high = min(low + 1, len(ascending) - 1)
    return ascending[low] + (ascending[high] - ascending[low]) * (place - low)


def _slope(samples: Sequence[Sample]) -> float:
    """Seconds per byte from the medians of the smaller and the larger half; 0 where sizes say nothing."""
    sized = sorted(
        ((sample.size_bytes, sample.duration_s) for sample in samples if sample.size_bytes is not None),
    )
    if len(sized) < 2 * _ENOUGH:
        return 0.0
    half = len(sized) // 2
    small, large = sized[:half], sized[-half:]
    spread_bytes = median(size for size, _ in large) - median(size for size, _ in small)
    if spread_bytes <= 0:
        return 0.0
    growth_s = median(duration for _, duration in large) - median(duration for _, duration in small)
    return max(0.0, growth_s / spread_bytes)
