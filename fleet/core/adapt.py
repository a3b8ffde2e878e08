"""What AWS really allows a lane, where it differs from the configured quotas: other programs, other limits.

A refused Start looks the same whether the rate or the slots are spent (facts sheet, 1.2 and 1.5), so the lane's own
count decides which knob turns. If Starts were accepted just before, nearly as fast as the limiter lets them leave, it
was the rate; unless the next one at the slower rate is refused as well. If few were, or our own count with the foreign
jobs says full, or as many jobs as now were too many before, it was the slots; unless one more job is accepted soon
after. The rate falls to what AWS accepted in the last seconds, stays just there, and is probed again ever more rarely;
so nearly all of a lower limit is used, and nearly nothing is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from fleet.core.lane import Quotas

__all__ = ["Allowance", "accepted", "eased", "foreign_seen", "free_slots", "measured_per_s", "refused"]

_CUT: Final = 0.7  # at most so much of the rate is left by one cut where nothing better is known
_KEEP: Final = 0.99  # just below what AWS accepted, so that jitter does not touch it
_FLOOR: Final = 0.02  # of the quota: never zero
_STEP: Final = 0.05  # of the quota, each time a step has held while probing
_STEP_SHARE: Final = 0.1  # and at most this of the rate: a true limit far below the quota is not jumped over
_STEP_MIN_SHARE: Final = 0.01
_HELD_CALLS: Final = 4.0  # a rate has held when so many calls went through at it
_PROBE_FIRST_S: Final = 30.0
_PROBE_LAST_S: Final = 300.0
_DEBOUNCE_S: Final = 1.0
_RATE_SHARE: Final = 0.35  # of the rate: AWS accepting less than this before it refuses speaks for the slots
_SECOND_THOUGHTS_S: Final = 10.0
_SLOT_PROBE_FIRST_S: Final = 1.0
_SLOT_PROBE_LAST_S: Final = 300.0
_SLOT_PROBE_SCARCE_S: Final = 60.0  # the same while most of the slots are missing: then a late probe costs much


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What the lane believes it may do now: never more than the quotas, never nothing for ever.

    `slots` is how many of our own jobs may be active, `refused_slots` how many were when AWS refused one more,
    `suspect_per_s` what AWS had accepted a second just before that, where it may have been the rate after all.
    `held_per_s` is the last rate that went without a refusal, `refused_per_s` the last that did not, and `uncut_per_s`
    the one before a cut, at `cut_in_flight` jobs, that nothing has proved yet.
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
    refused_per_s: float = 0.0
    uncut_per_s: float = 0.0
    cut_in_flight: int = 0
    slot_probe_at: float = float("inf")
    slot_probe_wait_s: float = _SLOT_PROBE_FIRST_S
    refused_slots: int | None = None
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


def measured_per_s(accepted_at: Sequence[float], now: float, *, rate_per_s: float) -> float:
    """How many Starts a second AWS has shown to accept of late, from the times (ascending) at which it accepted some.

    The most in any span of the last moments, for a refusal is often heard before the acceptances around it. The span is
    a little shorter than what it is counted for, so that answers that jitter never bring two seconds' worth into it.
    """
    over_s = max(1.0, 4.0 / rate_per_s)
    times = [at for at in accepted_at if at > now - 2 * over_s]
    first, most = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - 0.9 * over_s:
            first += 1
        most = max(most, last - first + 1)
    return most / over_s


def refused(allowance: Allowance, now: float, *, measured_per_s: float, in_flight: int) -> Allowance:
    """The allowance after AWS refused a Start.

    `measured_per_s` is how many it has just shown to accept, `in_flight` how many of our jobs it has.
    """
    full = in_flight + allowance.foreign >= allowance.quotas.active_jobs
    known = allowance.refused_slots is not None and in_flight >= allowance.refused_slots
    if full or known:
        return _fewer_slots(allowance, now, in_flight, 0.0)
    if now - allowance.cut_at < _DEBOUNCE_S:
        return allowance  # one burst of refusals is one piece of news
    if allowance.held_per_s and now - allowance.raised_at <= _held_s(allowance):
        return _slower(allowance, now, allowance.held_per_s, in_flight)  # a probe went one step too far
    if allowance.uncut_per_s:  # slower was refused too: it was not the rate
        return _fewer_slots(_uncut(allowance), now, in_flight, 0.0)
    if measured_per_s < _RATE_SHARE * allowance.rate_per_s:
        return _fewer_slots(allowance, now, in_flight, measured_per_s)
    return _slower(allowance, now, measured_per_s, in_flight)


def _uncut(allowance: Allowance) -> Allowance:
    return replace(
        allowance, rate_per_s=allowance.uncut_per_s, probe_wait_s=max(_PROBE_FIRST_S, allowance.probe_wait_s / 2)
    )


def _fewer_slots(allowance: Allowance, now: float, in_flight: int, suspect_per_s: float) -> Allowance:
    lowest = allowance.refused_slots
    news = lowest is None or in_flight < lowest  # else a probe has shown only what was known
    wait_s = _SLOT_PROBE_FIRST_S if news else allowance.slot_probe_wait_s
    return replace(
        allowance,
        slots=min(in_flight, allowance.quotas.active_jobs),
        refused_slots=in_flight if lowest is None else min(in_flight, lowest),
        refused_at=now,
        suspect_per_s=suspect_per_s,
        uncut_per_s=0.0,
        slot_probe_at=now + wait_s,
        slot_probe_wait_s=wait_s,
    )


def _slower(allowance: Allowance, now: float, measured_per_s: float, in_flight: int) -> Allowance:
    quota = allowance.quotas.start_per_s
    lowest = max(_FLOOR * quota, _CUT * allowance.rate_per_s if allowance.rate_per_s < 0.75 * quota else 0.0)
    rate = min(allowance.rate_per_s * _KEEP, max(lowest, measured_per_s * _KEEP))
    if 0 < allowance.held_per_s < allowance.rate_per_s:
        rate = allowance.held_per_s  # a better measure than the last moment's
    return replace(
        allowance,
        rate_per_s=rate,
        held_per_s=0.0,
        refused_per_s=allowance.rate_per_s,
        uncut_per_s=allowance.rate_per_s,
        cut_in_flight=in_flight,
        cut_at=now,
        probe_at=now + allowance.probe_wait_s,
        probe_wait_s=min(_PROBE_LAST_S, 2 * allowance.probe_wait_s),
    )


def accepted(allowance: Allowance, now: float, *, in_flight: int) -> Allowance:
    """The allowance after AWS accepted a Start.

    One more than it last refused means that slots have become free, and twice as many more are tried next: perhaps it
    was only a job of ours that ended a moment ago. If the refusal was a moment ago, it was the rate, not the slots.
    """
    if in_flight > allowance.cut_in_flight or now - allowance.cut_at > 2 * _held_s(allowance):
        allowance = replace(allowance, uncut_per_s=0.0)  # not only a slot that a job of ours left
    if allowance.refused_slots is None or in_flight <= allowance.refused_slots:
        return allowance
    if allowance.suspect_per_s and now - allowance.refused_at < _SECOND_THOUGHTS_S:
        return _slower(_all_slots(allowance), now, allowance.suspect_per_s, in_flight)
    slots = max(allowance.slots, 2 * in_flight - allowance.refused_slots)
    return replace(allowance, slots=slots) if slots < allowance.quotas.active_jobs else _all_slots(allowance)


def _all_slots(allowance: Allowance) -> Allowance:
    return replace(
        allowance,
        slots=allowance.quotas.active_jobs,
        refused_slots=None,
        suspect_per_s=0.0,
        slot_probe_at=float("inf"),
        slot_probe_wait_s=_SLOT_PROBE_FIRST_S,
    )


def eased(allowance: Allowance, now: float, *, limiter_waited: bool) -> Allowance:
    """The allowance after a while without a refusal: slots and rate are tried again when their time has come.

    The rate goes up only while the limiter was really the thing that waited: else nothing would be learned.
    """
    if now >= allowance.slot_probe_at:
        scarce = 2 * allowance.slots <= allowance.quotas.active_jobs
        last_s = _SLOT_PROBE_SCARCE_S if scarce else _SLOT_PROBE_LAST_S
        wait_s = min(last_s, 2 * allowance.slot_probe_wait_s)
        probed = replace(allowance, slots=allowance.slots + 1, slot_probe_at=now + wait_s, slot_probe_wait_s=wait_s)
        allowance = probed if probed.slots < allowance.quotas.active_jobs else _all_slots(allowance)
    quota = allowance.quotas.start_per_s
    held = now - max(allowance.raised_at, allowance.cut_at) >= _held_s(allowance)
    due = now >= allowance.probe_at and held
    if not (limiter_waited and due and allowance.rate_per_s < quota):
        return allowance
    rate = min(quota, allowance.rate_per_s + _step(allowance))
    wait_s = _PROBE_FIRST_S if rate == quota else allowance.probe_wait_s
    return replace(allowance, rate_per_s=rate, raised_at=now, held_per_s=allowance.rate_per_s, probe_wait_s=wait_s)


def _step(allowance: Allowance) -> float:
    """How much faster to try next: half of what is left to the rate that AWS refused last, and a little beyond it."""
    step = min(_STEP * allowance.quotas.start_per_s, _STEP_SHARE * allowance.rate_per_s)
    left = allowance.refused_per_s - allowance.rate_per_s
    return min(step, max(_STEP_MIN_SHARE * allowance.rate_per_s, left / 2)) if left > 0 else step


def _held_s(allowance: Allowance) -> float:
    """How long a rate must go without a refusal to count as held."""
    return max(1.0, _HELD_CALLS / allowance.rate_per_s)


def foreign_seen(allowance: Allowance, foreign: int) -> Allowance:
    """The allowance after a complete sweep showed so many active jobs of other programs: slots they left are ours."""
    slots = allowance.slots + max(0, allowance.foreign - foreign)
    left = foreign < allowance.foreign
    seen = replace(
        allowance,
        foreign=foreign,
        slots=min(slots, allowance.quotas.active_jobs),
        suspect_per_s=0.0 if left else allowance.suspect_per_s,
    )
    return seen if slots < allowance.quotas.active_jobs else _all_slots(seen)
