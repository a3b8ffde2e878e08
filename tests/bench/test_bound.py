"""The yardstick itself: the closed form, and the ideal schedule that the benchmark measures against."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.bound import Held, Limits, ideal_schedule, lower_bound_s

JOBS = st.integers(1, 120)
SLOTS = st.integers(1, 20)
LENGTHS = st.floats(0.1, 60)
RATES = st.sampled_from([0.25, 0.5, 1, 2, 5, 10, 20])


@given(jobs=JOBS, duration_s=LENGTHS, slots=SLOTS, start_per_s=RATES)
def test_the_closed_form_is_exact_for_paced_starts(
    jobs: int, duration_s: float, slots: int, start_per_s: float
) -> None:
    """Starts 1/rate apart and one job to a slot, as soon as both allow, end exactly at the bound."""
    starts = [0.0]
    for number in range(1, jobs):
        freed_s = starts[number - slots] + duration_s if number >= slots else 0.0
        starts.append(max(starts[-1] + 1 / start_per_s, freed_s))

    bound_s = lower_bound_s(jobs, duration_s=duration_s, slots=slots, start_per_s=start_per_s)

    assert bound_s == pytest.approx(starts[-1] + duration_s)


@given(jobs=JOBS, duration_s=LENGTHS, slots=SLOTS, start_per_s=RATES)
def test_nothing_ends_before_the_bound(jobs: int, duration_s: float, slots: int, start_per_s: float) -> None:
    """Where a window lets in several Starts at once, the ideal schedule still needs the bound for that burst."""
    limits = Limits(slots=slots, start_per_s=start_per_s)

    held = ideal_schedule([duration_s] * jobs, [limits])

    bound_s = lower_bound_s(jobs, duration_s=duration_s, slots=slots, start_per_s=start_per_s, burst=limits.burst)
    assert max(job.end_s for job in held) >= bound_s - 1e-6


@pytest.mark.parametrize(("start_per_s", "slots", "duration_s", "bound_s"), [(1, 10, 30, 129), (5, 10, 6, 25.8)])
def test_the_two_scenarios_of_the_issue(start_per_s: float, slots: int, duration_s: float, bound_s: float) -> None:
    """40 jobs: four waves of ten, the last of them 1/rate apart."""
    found_s = lower_bound_s(40, duration_s=duration_s, slots=slots, start_per_s=start_per_s)

    assert found_s == pytest.approx(bound_s)


@given(
    durations_s=st.lists(LENGTHS, min_size=1, max_size=60),
    slots=SLOTS,
    start_per_s=RATES,
    others=st.lists(st.tuples(st.floats(0, 100), st.floats(0.1, 50)), max_size=5),
)
def test_the_ideal_schedule_keeps_the_quotas(
    durations_s: list[float], slots: int, start_per_s: float, others: list[tuple[float, float]]
) -> None:
    """Never more Starts in a window than the rate allows, no Start without a free slot, beside foreign jobs too."""
    limits = Limits(slots=slots, start_per_s=start_per_s)
    foreign = [Held(start_s=begin_s, end_s=begin_s + length_s) for begin_s, length_s in others]

    held = ideal_schedule(durations_s, [limits], foreign)

    assert [job.end_s - job.start_s for job in held] == pytest.approx(durations_s)
    for first, later in zip(held, held[limits.burst :], strict=False):
        assert later.start_s >= first.start_s + limits.window_s - 1e-9
    for job in held:
        beside = sum(other.start_s <= job.start_s < other.end_s for other in (*held, *foreign) if other is not job)
        assert beside < slots


def test_a_storm_is_waited_out() -> None:
    """No job starts while there is no slot for anybody, and the next one starts at once when there is."""
    limits = [
        Limits(slots=2, start_per_s=1),
        Limits(at_s=4, slots=0, start_per_s=1),
        Limits(at_s=20, slots=3, start_per_s=1),
    ]

    held = ideal_schedule([5.0] * 5, limits)

    assert [job.start_s for job in held] == [0, 1, 20, 21, 22]


def test_no_slot_for_ever_is_an_error() -> None:
    """A schedule that can never begin says so instead of running for ever."""
    with pytest.raises(ValueError, match="never a slot"):
        ideal_schedule([1.0], [Limits(slots=0, start_per_s=1)])
