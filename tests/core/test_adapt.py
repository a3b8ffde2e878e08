"""The adaptive allowance, alone and against a service that means something else than the configuration says."""

import itertools
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.core.adapt import accepted, eased, foreign_seen, measured_per_s, refused
from fleet.core.allowance import Allowance, free_slots
from fleet.core.bucket import Bucket
from fleet.core.lane import Quotas


def quotas(rate: float = 10, slots: int = 10) -> Quotas:
    return Quotas(active_jobs=slots, start_per_s=rate, describe_per_s=10, list_per_s=10, stop_per_s=1)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("refused"), st.integers(0, 50), st.integers(0, 30)),
        st.tuples(st.just("eased"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("foreign"), st.integers(0, 40), st.just(0)),
        st.tuples(st.just("time"), st.integers(0, 2000), st.just(0)),
    ),
    max_size=120,
)


@given(steps=steps, rate=st.sampled_from([0.5, 1, 5, 100]), slots=st.integers(1, 500))
def test_it_stays_between_nothing_and_the_quotas(steps: list[tuple[str, int, int]], rate: float, slots: int) -> None:
    """Whatever happens, the rate is never zero and never above the quota, and slots never exceed the quota."""
    allowance, now = Allowance.of(quotas(rate, slots)), 0.0

    for what, first, second in steps:
        if what == "refused":
            allowance = refused(allowance, now, measured_per_s=first, in_flight=second)
        elif what == "eased":
            allowance = eased(allowance, now, limiter_waited=bool(first))
        elif what == "foreign":
            allowance = foreign_seen(allowance, first)
        now += first / 10 if what == "time" else 0.01

        assert 0 < allowance.rate_per_s <= rate
        assert 0 <= allowance.slots <= slots
        assert free_slots(allowance, in_flight=0) <= max(0, slots - allowance.foreign)


@given(steps=steps)
def test_after_enough_quiet_everything_is_back(steps: list[tuple[str, int, int]]) -> None:
    """A service that refuses no more gets the full rate and all slots again, whatever happened before."""
    allowance, now = Allowance.of(quotas()), 0.0
    for what, first, second in steps:
        allowance = refused(allowance, now, measured_per_s=first, in_flight=second) if what == "refused" else allowance
        now += 0.5

    allowance = foreign_seen(allowance, 0)
    for _ in range(4000):
        now += 1.0
        allowance = eased(allowance, now, limiter_waited=True)

    assert (allowance.rate_per_s, allowance.slots) == (10, 10)


def test_a_refusal_at_a_full_count_turns_the_slots_not_the_rate() -> None:
    """Our own count says full, or foreign jobs fill the rest: the rate was not the cause."""
    ours = refused(Allowance.of(quotas()), 0.0, measured_per_s=3, in_flight=10)
    shared = refused(foreign_seen(Allowance.of(quotas()), 4), 0.0, measured_per_s=3, in_flight=6)

    assert ours.rate_per_s == shared.rate_per_s == 10
    assert (ours.slots, shared.slots) == (10, 6)


def test_a_refusal_out_of_the_blue_means_that_others_hold_the_slots() -> None:
    """Nothing was started for seconds and still AWS refuses: it cannot be our rate."""
    allowance = refused(Allowance.of(quotas()), 0.0, measured_per_s=0, in_flight=7)

    assert (allowance.rate_per_s, free_slots(allowance, in_flight=7)) == (10, 0)
    assert free_slots(allowance, in_flight=6) == 1
    assert free_slots(eased(allowance, 6.0, limiter_waited=False), in_flight=7) == 1


def test_slots_that_others_leave_are_taken_back_at_once() -> None:
    """A sweep that shows three foreign jobs fewer gives three slots back, without waiting for a probe."""
    allowance = refused(foreign_seen(Allowance.of(quotas()), 4), 0.0, measured_per_s=0, in_flight=6)

    assert free_slots(allowance, in_flight=6) == 0
    assert free_slots(foreign_seen(allowance, 1), in_flight=6) == 3


@dataclass
class Service:
    """A service with another Start rate than it says, exact in any sliding second, and some network before it."""

    rate: int
    rng: random.Random
    accepted: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)

    def start(self, sent_at: float) -> bool:
        at = sent_at + self.rng.uniform(0.03, 0.05)
        recent = [before for before in self.accepted[-2 * self.rate :] if at - 1.0 < before]
        (self.accepted if len(recent) < self.rate else self.refusals).append(at)
        return len(recent) < self.rate


@pytest.mark.parametrize(("configured", "true"), [(10, 5), (20, 10), (2, 1), (100, 50), (10, 9)])
def test_most_of_a_lower_limit_is_used_and_nearly_nothing_refused(configured: int, true: int) -> None:
    """The true limit is lower than configured: after a minute at least 95 % of it is used, under 2 % refused."""
    service, now = Service(true, random.Random(1)), 0.0
    allowance = Allowance.of(quotas(configured, 100_000))
    bucket = Bucket(allowance.rate_per_s, now=now, guard_s=0.02)

    while now < 660:
        wait_s = bucket.take(now)
        if wait_s:
            now += wait_s
            allowance = eased(allowance, now, limiter_waited=True)
        elif not service.start(now):
            measured = measured_per_s(sorted(service.accepted[-200:]), now, rate_per_s=allowance.rate_per_s)
            allowance = refused(allowance, now, measured_per_s=measured, in_flight=len(service.accepted))
        else:
            allowance = accepted(allowance, now, in_flight=len(service.accepted))
        bucket.rate_per_s = allowance.rate_per_s
        now += 0.001

    late = [at for at in service.accepted if at >= 60]
    refusals = [at for at in service.refusals if at >= 60]
    assert len(late) >= 0.95 * true * 600
    assert len(refusals) <= 0.02 * (len(late) + len(refusals))


def test_where_the_quota_is_the_truth_nothing_changes() -> None:
    """No refusal, no change: easing leaves a full allowance as it is."""
    allowance = Allowance.of(quotas())

    assert eased(allowance, 100.0, limiter_waited=True) == allowance


def test_one_job_more_than_was_refused_leads_to_the_next() -> None:
    """A probe that succeeds says that the next one may; a job that only refills what is known says nothing."""
    allowance = refused(Allowance.of(quotas()), 0.0, measured_per_s=0, in_flight=3)

    refilled = accepted(allowance, 1.0, in_flight=3)
    probed = accepted(eased(allowance, 5.0, limiter_waited=False), 5.0, in_flight=4)
    soon, later = (eased(probed, at, limiter_waited=False) for at in (5.9, 6.2))

    assert (refilled.slots, probed.slots) == (3, 4)
    assert (soon.slots, later.slots) == (4, 5)  # a second later: what refuses it then is not the rate


def test_after_a_long_storm_the_next_probe_is_at_most_a_minute_away() -> None:
    """Ten minutes in which every Start is refused: no slot is left, and still each minute one is tried."""
    allowance, now, probes = Allowance.of(quotas()), 0.0, []

    while now < 600:
        now += 1.0
        allowance = eased(allowance, now, limiter_waited=False)
        if free_slots(allowance, in_flight=0):
            probes.append(now)
            allowance = refused(allowance, now, measured_per_s=0, in_flight=0)

    assert len(probes) <= 16
    assert max(later - probe for probe, later in itertools.pairwise(probes)) <= 61


def stood(slots: int) -> tuple[Allowance, float]:
    """A limit that has refused every probe for minutes, while the slots below it were taken again and again."""
    allowance, now = refused(Allowance.of(quotas(slots=20)), 0.0, measured_per_s=0, in_flight=slots), 0.0
    while now < 400:
        now += 1.0
        allowance = accepted(eased(allowance, now, limiter_waited=False), now, in_flight=slots)
        if free_slots(allowance, in_flight=slots):
            allowance = refused(allowance, now, measured_per_s=1, in_flight=slots)
    while not free_slots(allowance, in_flight=slots):
        now += 1.0
        allowance = eased(accepted(allowance, now, in_flight=slots), now, limiter_waited=False)
    return refused(allowance, now, measured_per_s=1, in_flight=slots), now


def test_each_refusal_of_a_limit_that_has_stood_is_paid_for() -> None:
    """The next slot is tried after 80 accepted Starts, not before, however long that takes within five minutes."""
    allowance, now = stood(10)

    for _ in range(79):
        allowance = accepted(allowance, now + 100, in_flight=10)
    unpaid = eased(allowance, now + 290, limiter_waited=False)
    paid = eased(accepted(unpaid, now + 290, in_flight=10), now + 292, limiter_waited=False)

    assert free_slots(unpaid, in_flight=10) == 0
    assert now + 290 < unpaid.slot_probe_at <= now + 292  # neither long after nor without a pause
    assert free_slots(paid, in_flight=10) == 1


def test_where_few_jobs_start_a_slot_is_tried_after_five_minutes() -> None:
    """A lane of long jobs would never pay for a probe: it still finds slots that have become free."""
    allowance, now = stood(10)

    waiting = eased(accepted(allowance, now + 200, in_flight=10), now + 299, limiter_waited=False)
    due = eased(waiting, now + 301, limiter_waited=False)

    assert free_slots(waiting, in_flight=10) == 0
    assert free_slots(due, in_flight=10) == 1


def test_a_job_that_ended_unseen_does_not_move_the_limit() -> None:
    """The probe took its place and the next Start was refused: back to what was known, after one refusal."""
    allowance, now = stood(10)

    probing = eased(allowance, now + 301, limiter_waited=False)
    taken = eased(accepted(probing, now + 301, in_flight=11), now + 302.2, limiter_waited=False)
    back = refused(taken, now + 302.3, measured_per_s=2, in_flight=11)

    assert free_slots(taken, in_flight=11) == 1
    assert (back.slots, back.refused_slots) == (10, 10)


def test_a_limit_that_rose_a_little_is_found_and_kept() -> None:
    """One slot more is held while it is taken again and again, and then it is the limit: nothing is refused for it."""
    allowance, now = stood(10)
    for _ in range(3):  # each time the slot beyond is taken, and one more is refused
        now += 301
        allowance = accepted(eased(allowance, now, limiter_waited=False), now, in_flight=11)
        allowance = refused(allowance, now, measured_per_s=1, in_flight=11)
    held = allowance

    for _ in range(2):
        allowance = accepted(allowance, now + 1, in_flight=11)

    assert (held.slots, held.refused_slots) == (11, 10)
    assert (allowance.slots, allowance.refused_slots) == (11, 11)


def test_slots_that_others_leave_move_the_limit() -> None:
    """With three foreign jobs fewer, three more of ours are no surprise: the next refusal is one of ten, not of six."""
    allowance = refused(foreign_seen(Allowance.of(quotas(slots=20)), 4), 0.0, measured_per_s=0, in_flight=6)

    seen = foreign_seen(allowance, 1)

    assert (seen.slots, seen.refused_slots) == (9, 9)
    assert refused(seen, 5.0, measured_per_s=1, in_flight=8).slots == 8


def test_what_was_tried_measures_the_rate_better_than_a_quiet_moment() -> None:
    """One Start a second was wanted when AWS refused; a probe of the slots then had two accepted: so much is kept."""
    allowance = refused(Allowance.of(quotas(slots=20)), 0.0, measured_per_s=1, in_flight=4)

    tried = accepted(eased(allowance, 1.0, limiter_waited=False), 1.0, in_flight=5)
    tried = refused(tried, 1.2, measured_per_s=2, in_flight=5)
    after_all = accepted(accepted(eased(tried, 4.0, limiter_waited=False), 4.0, in_flight=5), 4.1, in_flight=6)

    assert after_all.rate_per_s == pytest.approx(0.99 * 2)
    assert after_all.slots == 20


def test_cut_after_cut_at_one_number_of_jobs_is_a_limit_of_the_slots() -> None:
    """Short jobs in few slots are accepted nearly as fast as a slow limiter lets them leave: their count tells."""
    allowance = Allowance.of(quotas(slots=10))

    for cut in range(4):
        before = allowance
        allowance = refused(allowance, 10.0 * cut, measured_per_s=0.9 * allowance.rate_per_s, in_flight=4)
        allowance = accepted(allowance, 10.0 * cut + 5, in_flight=4)  # and the cut proves nothing any more

    assert before.refused_slots is None
    assert (allowance.slots, allowance.refused_slots) == (4, 4)


def test_what_was_accepted_before_the_lane_began_is_not_held_against_the_rate() -> None:
    """One Start in the only second so far is one a second, not a third of one; an hour later it is what it was."""
    assert measured_per_s([0.0], 0.9, rate_per_s=1.2) == 1.0
    assert measured_per_s([0.0, 3600.0], 3600.9, rate_per_s=1.2) == 1.0
    assert measured_per_s([3595.0, 3600.0], 3600.9, rate_per_s=1.2) == pytest.approx(0.3)
