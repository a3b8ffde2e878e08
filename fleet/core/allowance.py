"""What a lane may do now: how fast it starts jobs, and how many may be active. `core/adapt.py` changes it."""

from dataclasses import dataclass, replace
from typing import Final

from fleet.core.lane import Quotas

__all__ = ["PROBE_FIRST_S", "SLOT_PROBE_FIRST_S", "Allowance", "all_slots", "free_slots"]

PROBE_FIRST_S: Final = 30.0
"""How long after the first cut a higher rate is tried."""

SLOT_PROBE_FIRST_S: Final = 1.0
"""How long after the first refusal for want of a slot one more is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What the lane believes it may do now: never more than the quotas, never nothing for ever.

    `slots` is how many of our own jobs may be active, `refused_slots` how many were when AWS refused one more,
    `least_slots` the fewest of those since it allowed all, `beyond_calls` the Starts accepted beyond `refused_slots`;
    while `growing`, none of those was refused, and while `stepping`, the next is tried at `slot_probe_at`.
    `accepted_calls` are the Starts (those of one moment are one) accepted since the last refusal, `price_calls` how
    many must be before the next probe. `suspect_per_s` is what AWS had accepted a second just before it refused, where
    it may have been the rate after all. `held_per_s` is the last rate that went without a refusal, `refused_per_s` the
    last that did not, and `uncut_per_s` the one before a cut, at `cut_in_flight` jobs, that nothing has proved yet;
    `alike_cuts` cuts before that one came at as many jobs. Times are monotonic seconds.
    """

    quotas: Quotas
    rate_per_s: float
    slots: int
    foreign: int = 0
    cut_at: float = float("-inf")
    probe_at: float = float("-inf")
    probe_wait_s: float = PROBE_FIRST_S
    raised_at: float = float("-inf")
    held_per_s: float = 0.0
    refused_per_s: float = 0.0
    uncut_per_s: float = 0.0
    cut_in_flight: int = 0
    alike_cuts: int = 0
    slot_probe_at: float = float("inf")
    slot_probe_wait_s: float = SLOT_PROBE_FIRST_S
    refused_slots: int | None = None
    least_slots: int | None = None
    beyond_calls: int = 0
    growing: bool = False
    stepping: bool = False
    accepted_calls: int = 0
    price_calls: int = 0
    refused_at: float = float("-inf")
    suspect_per_s: float = 0.0

    @classmethod
    def of(cls, quotas: Quotas) -> "Allowance":
        """As much as the quotas say: what a lane believes before AWS says otherwise."""
        return cls(quotas=quotas, rate_per_s=quotas.start_per_s, slots=quotas.active_jobs)


def free_slots(allowance: Allowance, *, in_flight: int) -> int:
    """How many more jobs may become active, beside ours in flight and those of other programs."""
    ours = min(allowance.slots, allowance.quotas.active_jobs - allowance.foreign)
    return max(0, ours - in_flight)


def all_slots(allowance: Allowance) -> Allowance:
    """The allowance with as many slots as the quota has, and nothing known against it."""
    return replace(
        allowance,
        slots=allowance.quotas.active_jobs,
        refused_slots=None,
        least_slots=None,
        beyond_calls=0,
        growing=False,
        stepping=False,
        price_calls=0,
        suspect_per_s=0.0,
        slot_probe_at=float("inf"),
        slot_probe_wait_s=SLOT_PROBE_FIRST_S,
    )
