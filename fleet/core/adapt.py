"""What AWS really allows a lane, where it differs from the configured quotas: other programs, other limits.

A refused Start looks the same whether the rate or the slots are spent (facts sheet, 1.2 and 1.5), so the lane's own
count decides which knob turns. If Starts were accepted just before, it was the rate; if not one was, or our own count
with the foreign jobs says full, it was the slots. The rate falls to what AWS accepted in the last seconds, stays just
there, and is probed again ever more rarely; so nearly all of a lower limit is used, and nearly nothing is refused.
"""

from dataclasses import dataclass, replace
from typing import Final

from fleet.core.lane import Quotas

__all__ = ["Allowance", "accepted", "eased", "foreign_seen", "free_slots", "measured_over_s", "refused"]

_CUT: Final = 0.7  # at most so much of the rate is left by one cut where nothing better is known
_KEEP: Final = 0.98  # just below what AWS accepted, so that jitter does not touch it
_FLOOR: Final = 0.02  # of the quota: never zero
_STEP: Final = 0.05  # of the quota, each time a step has held while probing
_HELD_CALLS: Final = 4.0  # a rate has held when so many calls went through at it
_PROBE_FIRST_S: Final = 30.0
_PROBE_LAST_S: Final = 600.0
_DEBOUNCE_S: Final = 1.0
_SLOT_PROBE_FIRST_S: Final = 1.0
_SLOT_PROBE_LAST_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What the lane believes it may do now: never more than the quotas, never nothing for ever.

    `slots` is how many of our own jobs may be active, `refused_slots` how many were when AWS refused one more,
    `held_per_s` the last rate that went without a refusal.
    Times are monotonic seconds.
    """

    quotas: Quotas
    rate_per_s: float
    slots: int
    foreign: int = 0
    cut_at: float = float("-inf")
    probe_at: float = float("-inf")
    probe_wait_s: float = _PROBE_FIRST_S
    raised_at: float = float("-inf")
    held_per_s: float = 0.0
    slot_probe_at: float = float("inf")
    slot_probe_wait_s: float = _SLOT_PROBE_FIRST_S
    refused_slots: int | None = None

    @classmethod
    def of(cls, quotas: Quotas) -> "Allowance":
        """As much as the quotas say: what a lane believes before AWS says otherwise."""
        return cls(quotas=quotas, rate_per_s=quotas.start_per_s, slots=quotas.active_jobs)


def free_slots(allowance: Allowance, *, in_flight: int) -> int:
    """How many more jobs may become active, beside ours in flight and those of other programs."""
    ours = min(allowance.slots, allowance.quotas.active_jobs - allowance.foreign)
    return max(0, ours - in_flight)


def measured_over_s(rate_per_s: float) -> float:
    """The seconds over which accepted Starts are counted to tell what AWS accepts: some Starts' worth, at least 1."""
    return max(1.0, 4.0 / rate_per_s)


def refused(allowance: Allowance, now: float, *, accepted: int, in_flight: int) -> Allowance:
    """The allowance after AWS refused a Start.

    `accepted` counts the Starts that AWS took within the last `measured_over_s`; `in_flight` our jobs that AWS has.
    """
    full = in_flight + allowance.foreign >= allowance.quotas.active_jobs
    if full or not accepted:
        return _fewer_slots(allowance, now, in_flight)
    if now - allowance.cut_at < _DEBOUNCE_S:
        return allowance  # one burst of refusals is one piece of news
    return _slower(allowance, now, accepted / measured_over_s(allowance.rate_per_s))


def _fewer_slots(allowance: Allowance, now: float, in_flight: int) -> Allowance:
    return replace(
        allowance,
        slots=min(in_flight, allowance.quotas.active_jobs),
        refused_slots=in_flight,
        slot_probe_at=now + allowance.slot_probe_wait_s,
        slot_probe_wait_s=min(_SLOT_PROBE_LAST_S, 2 * allowance.slot_probe_wait_s),
    )


def _slower(allowance: Allowance, now: float, measured_per_s: float) -> Allowance:
    quota = allowance.quotas.start_per_s
    lowest = max(_FLOOR * quota, _CUT * allowance.rate_per_s if allowance.rate_per_s < 0.75 * quota else 0.0)
    rate = min(allowance.rate_per_s * _KEEP, max(lowest, measured_per_s * _KEEP))
    if 0 < allowance.held_per_s < allowance.rate_per_s:
        rate = allowance.held_per_s  # a probe went one step too far: what held before is a better measure
    return replace(
        allowance,
        rate_per_s=rate,
        held_per_s=0.0,
        cut_at=now,
        probe_at=now + allowance.probe_wait_s,
        probe_wait_s=min(_PROBE_LAST_S, 2 * allowance.probe_wait_s),
    )


def accepted(allowance: Allowance, *, in_flight: int) -> Allowance:
    """The allowance after AWS accepted a Start: one more than it last refused means that the cause has passed."""
    if allowance.refused_slots is None or in_flight <= allowance.refused_slots:
        return allowance
    return _all_slots(allowance)


def _all_slots(allowance: Allowance) -> Allowance:
    return replace(
        allowance,
        slots=allowance.quotas.active_jobs,
        refused_slots=None,
        slot_probe_at=float("inf"),
        slot_probe_wait_s=_SLOT_PROBE_FIRST_S,
    )


def eased(allowance: Allowance, now: float, *, limiter_waited: bool) -> Allowance:
    """The allowance after a while without a refusal: slots and rate are tried again when their time has come.

    The rate goes up only while the limiter was really the thing that waited: else nothing would be learned.
    """
    if now >= allowance.slot_probe_at:
        probed = replace(allowance, slots=allowance.slots + 1, slot_probe_at=now + allowance.slot_probe_wait_s)
        allowance = probed if probed.slots < allowance.quotas.active_jobs else _all_slots(allowance)
    quota = allowance.quotas.start_per_s
    held = now - max(allowance.raised_at, allowance.cut_at) >= max(1.0, _HELD_CALLS / allowance.rate_per_s)
    due = now >= allowance.probe_at and held
    if not (limiter_waited and due and allowance.rate_per_s < quota):
        return allowance
    rate = min(quota, allowance.rate_per_s + _STEP * quota)
    wait_s = _PROBE_FIRST_S if rate == quota else allowance.probe_wait_s
    return replace(allowance, rate_per_s=rate, raised_at=now, held_per_s=allowance.rate_per_s, probe_wait_s=wait_s)


def foreign_seen(allowance: Allowance, foreign: int) -> Allowance:
    """The allowance after a complete sweep showed so many active jobs of other programs: slots they left are ours."""
    slots = allowance.slots + max(0, allowance.foreign - foreign)
    seen = replace(allowance, foreign=foreign, slots=min(slots, allowance.quotas.active_jobs))
    return seen if slots < allowance.quotas.active_jobs else _all_slots(seen)
