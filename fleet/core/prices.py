"""What a run may cost, in units of 100 characters and, where a price is known, in money."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Cost", "Prices", "cost", "units_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Unit prices and where they come from. A kind without a price has none that could be read anywhere."""

    unit_characters: int
    units_min: int
    currency: str
    source: str
    read_on: str
    per_unit: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """`units` of all measured jobs, and of those without a price; `money` of those that have one.

    `unmeasured` jobs are in none of these.
    """

    units: int
    unpriced_units: int
    money: float
    unmeasured: int
    unpriced_kinds: tuple[str, ...] = ()


def units_of(size_bytes: int, objects: int, prices: Prices) -> int:
    """At most so many units, as if every byte were a character; at least the minimum for every object."""
    return max(-(-size_bytes // prices.unit_characters), objects * prices.units_min)


def cost(sizes: Mapping[str, tuple[int, int]], prices: Prices) -> Cost:
    """The cost of jobs by kind, given as (units, jobs whose size is not known)."""
    unpriced = {kind: units for kind, (units, _) in sizes.items() if units and kind not in prices.per_unit}
    return Cost(
        units=sum(units for units, _ in sizes.values()),
        unpriced_units=sum(unpriced.values()),
        money=sum(units * prices.per_unit.get(kind, 0.0) for kind, (units, _) in sizes.items()),
        unmeasured=sum(unknown for _, unknown in sizes.values()),
        unpriced_kinds=tuple(unpriced),
    )
