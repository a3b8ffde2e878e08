"""What AWS really allows a lane, where it differs from the configured quotas: other programs, other limits.

A refused Start looks the same whether the rate or the slots are spent (facts sheet, 1.2 and 1.5), so the lane's own
count decides which knob turns. If Starts were accepted just before, nearly as fast as the limiter lets them leave, it
was the rate; unless the next one at the slower rate is refused as well. If few were, or our own count with the foreign
jobs says full, or as many jobs as now were too many before, or one refusal after the other comes at one number of jobs,
it was the slots; unless more jobs, tried one a second, are accepted soon after. One more proves little, for ours may
have ended unseen: a limit has risen when several Starts say so, and where it has stood for a minute, 80 accepted
Starts, or five minutes, pay for each refused probe. The rate falls to what AWS accepted in the last seconds, stays just
there, and is probed again ever more rarely; so nearly all of a lower limit is used, and nearly nothing is refused.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import Final

from fleet.core.allowance import PROBE_FIRST_S, SLOT_PROBE_FIRST_S, Allowance, all_slots

__all__ = ["accepted", "eased", "foreign_seen", "measured_per_s", "refused"]

_CUT: Final = 0.7  # at most so much of the rate is left by one cut where nothing better is known
_KEEP: Final = 0.99  # just below what AWS accepted, so that jitter does not touch it
_FLOOR: Final = 0.02  # of the quota: never zero
_STEP: Final = 0.05  # of the quota, each time a step has held while probing
_STEP_SHARE: Final = 0.1  # and at most this of the rate: a true limit far below the quota is not jumped over
_STEP_MIN_SHARE: Final = 0.01
_HELD_CALLS: Final = 4.0  # a rate has held when so many calls went through at it
_PROBE_LAST_S: Final = 300.0
_DEBOUNCE_S: Final = 1.0
_RATE_SHARE: Final = 0.35  # of the rate: AWS accepting less than this before it refuses speaks for the slots
_SECOND_THOUGHTS_S: Final = 10.0
_SECOND_THOUGHTS_JOBS: Final = 2  # more than were refused: one may be in the place of a job that ended unseen
_SLOT_PROBE_LAST_S: Final = 300.0
_SLOT_PROBE_SCARCE_S: Final = 60.0  # the same while most of the slots are missing: then a late probe costs much
_NEW_S: Final = 4.0  # a limit that is probed so often is new, and may be one too high
_STOOD_S: Final = 60.0  # one that is probed so rarely has stood for a minute: from then on each refusal is paid for
_PRICE_CALLS: Final = 80  # Starts that AWS must accept before the next probe: 1 refused in 80 is well under 2 %
_ALIKE_CUTS: Final = 2  # cuts at one number of jobs: at one more, that number is the limit
_APART_S: Final = 1.1  # between two Starts beyond a limit: what refuses the second is not the rate
_HOLD_CALLS: Final = 3  # Starts accepted beyond a limit: so many make it likely that it has risen
_RISE_CALLS: Final = 5  # and so many certain
_RISE_JOBS: Final = 3  # or so many jobs beyond it at once,
_RISE_SHARE: Final = 0.04  # and more where that many can have ended unseen


def measured_per_s(accepted_at: Sequence[float], now: float, *, rate_per_s: float) -> float:
    """How many Starts a second AWS has shown to accept of late, from the times (ascending) at which it accepted some.

    The most in any span of the last moments, for a refusal is often heard before the acceptances around it. The span is
    a little shorter than what it is counted for, so that answers that jitter never bring two seconds' worth into it. It
    begins with the first of them: before that the lane had nothing to start, which says nothing of the rate.
    """
    over_s = max(1.0, 4.0 / rate_per_s)
    times = [at for at in accepted_at if at > now - 2 * over_s]
    if times:
        over_s = min(over_s, max(1.0, now - times[0]))
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
    known = allowance.least_slots is not None and in_flight >= allowance.least_slots - _one_too_high(allowance, now)
    if full or known:
        suspect = allowance.suspect_per_s and allowance.beyond_calls  # what was tried has measured the rate better
        return _fewer_slots(allowance, now, in_flight, max(allowance.suspect_per_s, measured_per_s) if suspect else 0.0)
    if now - allowance.cut_at < _DEBOUNCE_S:
        return allowance  # one burst of refusals is one piece of news
    if allowance.held_per_s and now - allowance.raised_at <= _held_s(allowance):
        return _slower(allowance, now, allowance.held_per_s, in_flight)  # a probe went one step too far
    if allowance.uncut_per_s:  # slower was refused too: it was not the rate
        return _fewer_slots(_uncut(allowance), now, in_flight, 0.0)
    alike = in_flight == allowance.cut_in_flight and allowance.alike_cuts >= _ALIKE_CUTS
    unknown = allowance.refused_slots is None
    if (alike and unknown) or measured_per_s < _RATE_SHARE * allowance.rate_per_s:
        return _fewer_slots(allowance, now, in_flight, measured_per_s)
    return _slower(allowance, now, measured_per_s, in_flight)


def _one_too_high(allowance: Allowance, now: float) -> bool:
    """Whether a slot limit may be one less than it seems: it is new, and the rate is already below what was refused."""
    slow = allowance.rate_per_s < allowance.refused_per_s and now - allowance.cut_at >= _DEBOUNCE_S
    return slow and now - allowance.raised_at > _held_s(allowance) and allowance.slot_probe_wait_s <= _NEW_S


def _uncut(allowance: Allowance) -> Allowance:
    wait_s = max(PROBE_FIRST_S, allowance.probe_wait_s / 2)
    return replace(allowance, rate_per_s=allowance.uncut_per_s, probe_wait_s=wait_s)


def _fewer_slots(allowance: Allowance, now: float, in_flight: int, suspect_per_s: float) -> Allowance:
    news = allowance.least_slots is None or in_flight < allowance.least_slots  # else a probe showed what was known
    wait_s = SLOT_PROBE_FIRST_S if news else allowance.slot_probe_wait_s
    limit, slots, beyond_calls = _limit(allowance, in_flight)
    return replace(
        allowance,
        slots=min(slots, allowance.quotas.active_jobs),
        refused_slots=limit,
        least_slots=in_flight if news else allowance.least_slots,
        beyond_calls=beyond_calls,
        growing=False,
        stepping=False,
        accepted_calls=0,
        price_calls=0 if news else _price_calls(allowance),
        refused_at=now,
        suspect_per_s=suspect_per_s,
        uncut_per_s=0.0,
        slot_probe_at=now + wait_s,
        slot_probe_wait_s=wait_s,
    )


def _limit(allowance: Allowance, in_flight: int) -> tuple[int, int, int]:
    """The limit after a refusal, how many jobs may be active (one more where it is likely), what speaks for more."""
    limit = allowance.refused_slots
    if limit is None or in_flight < limit or in_flight - limit >= _rise_jobs(limit):
        return in_flight, in_flight, 0
    if in_flight > limit and allowance.growing:
        return limit, limit + (allowance.beyond_calls >= _HOLD_CALLS), allowance.beyond_calls
    return limit, limit, 0


def _rise_jobs(limit: int) -> int:
    return max(_RISE_JOBS, ceil(_RISE_SHARE * limit))


def _price_calls(allowance: Allowance) -> int:
    """How many Starts must be accepted before the next slot probe: none if the limit is new, or this is a storm."""
    left = max(0, allowance.price_calls - allowance.accepted_calls)
    if allowance.slot_probe_wait_s < _STOOD_S or not allowance.accepted_calls:
        return left
    return min(4 * _PRICE_CALLS, left + _PRICE_CALLS)


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
        alike_cuts=allowance.alike_cuts + 1 if in_flight == allowance.cut_in_flight else 0,
        cut_at=now,
        probe_at=now + allowance.probe_wait_s,
        probe_wait_s=min(_PROBE_LAST_S, 2 * allowance.probe_wait_s),
    )


def accepted(allowance: Allowance, now: float, *, in_flight: int) -> Allowance:
    """The allowance after AWS accepted a Start, `in_flight` jobs of ours now being active as far as we know."""
    if in_flight > allowance.cut_in_flight or now - allowance.cut_at > 2 * _held_s(allowance):
        allowance = replace(allowance, uncut_per_s=0.0)  # not only a slot that a job of ours left
    allowance = replace(allowance, accepted_calls=allowance.accepted_calls + 1)
    limit = allowance.refused_slots
    return allowance if limit is None or in_flight <= limit else _beyond(allowance, now, in_flight, in_flight - limit)


def _beyond(allowance: Allowance, now: float, in_flight: int, over: int) -> Allowance:
    """The allowance after a Start was accepted with `over` jobs more than were refused before.

    Slots are free, or a job of ours has ended unseen: one more is tried at a time until the former is certain, then
    twice as many. If the refusal was a moment ago, it was the rate, not the slots.
    """
    calls = allowance.beyond_calls + 1
    risen = calls >= _RISE_CALLS or over >= _rise_jobs(in_flight - over)
    suspect = allowance.suspect_per_s > 0 and now - allowance.refused_at < _SECOND_THOUGHTS_S
    if suspect and (risen or over >= _SECOND_THOUGHTS_JOBS):
        return _slower(all_slots(allowance), now, allowance.suspect_per_s, in_flight)
    if risen and in_flight + allowance.foreign >= allowance.quotas.active_jobs:
        return all_slots(allowance)
    if risen and not allowance.growing:
        return replace(allowance, refused_slots=in_flight, beyond_calls=0)
    if allowance.growing and not risen:  # a moment later, so that a refusal then is not for the rate
        return replace(allowance, beyond_calls=calls, stepping=True, slot_probe_at=now + _APART_S)
    tried = in_flight + over if allowance.growing else 0
    slots = min(allowance.quotas.active_jobs, max(allowance.slots, tried))
    return replace(allowance, slots=slots, beyond_calls=calls)


def eased(allowance: Allowance, now: float, *, limiter_waited: bool) -> Allowance:
    """The allowance after a while without a refusal: slots and rate are tried again when their time has come.

    The rate goes up only while the limiter was really the thing that waited: else nothing would be learned.
    """
    allowance = _slots_eased(allowance, now)
    quota = allowance.quotas.start_per_s
    held = now - max(allowance.raised_at, allowance.cut_at) >= _held_s(allowance)
    if not (limiter_waited and held and now >= allowance.probe_at and allowance.rate_per_s < quota):
        return allowance
    rate = min(quota, allowance.rate_per_s + _step(allowance))
    wait_s = PROBE_FIRST_S if rate == quota else allowance.probe_wait_s
    return replace(allowance, rate_per_s=rate, raised_at=now, held_per_s=allowance.rate_per_s, probe_wait_s=wait_s)


def _slots_eased(allowance: Allowance, now: float) -> Allowance:
    """One slot more is tried when its time has come and the last refusal is paid for."""
    if now < allowance.slot_probe_at:
        return allowance
    if allowance.stepping:
        probe_at = now + allowance.slot_probe_wait_s
        slots = min(allowance.quotas.active_jobs, allowance.slots + 1)
        return replace(allowance, slots=slots, stepping=False, slot_probe_at=probe_at)
    if allowance.accepted_calls < allowance.price_calls and now < allowance.refused_at + _SLOT_PROBE_LAST_S:
        return replace(allowance, slot_probe_at=now + SLOT_PROBE_FIRST_S)
    quota = allowance.quotas.active_jobs
    last_s = _SLOT_PROBE_SCARCE_S if 2 * allowance.slots <= quota else _SLOT_PROBE_LAST_S
    wait_s, slots = min(last_s, 2 * allowance.slot_probe_wait_s), min(quota, allowance.slots + 1)
    probe_at = now + wait_s if slots < quota else float("inf")
    return replace(allowance, slots=slots, growing=True, slot_probe_at=probe_at, slot_probe_wait_s=wait_s)


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
    left = max(0, allowance.foreign - foreign)
    slots, limit = allowance.slots + left, allowance.refused_slots
    seen = replace(
        allowance,
        foreign=foreign,
        slots=min(slots, allowance.quotas.active_jobs),
        refused_slots=None if limit is None else limit + left,
        suspect_per_s=0.0 if left else allowance.suspect_per_s,
    )
    return seen if slots < allowance.quotas.active_jobs else all_slots(seen)
