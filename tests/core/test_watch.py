"""Where to look next: cheap when nothing can have ended, close when something may have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.core.durations import Durations, Sample
from fleet.core.lane import Lane
from fleet.core.watch import SWEEP_CALLS, foreign, next_look_s, sweep_gap_s

LANE = Lane("123456789012", "us-east-1", "entities")
EIGHT_MINUTES = Durations.learn(Sample(duration_s=480.0 + number % 7) for number in range(50))
SIX_SECONDS = Durations.learn(Sample(duration_s=6.0 + number % 3 / 10) for number in range(50))

models = st.sampled_from([Durations(), EIGHT_MINUTES, SIX_SECONDS])
ages = st.lists(st.tuples(st.floats(0, 1e6), st.none() | st.integers(0, 10**9)), max_size=20)


def test_young_jobs_are_left_in_peace() -> None:
    """No eight-minute job ends in its first minute: a sweep every few seconds sees what other programs do."""
    assert sweep_gap_s(EIGHT_MINUTES, [(60.0, None)], list_per_s=10) == 5.0


def test_around_their_end_jobs_are_watched_to_a_hundredth() -> None:
    """A sweep every 1 % of the duration: half of that is lost in a slot, 0.5 %."""
    assert sweep_gap_s(EIGHT_MINUTES, [(480.0, None), (60.0, None)], list_per_s=10) == pytest.approx(4.83, abs=0.05)
    assert sweep_gap_s(SIX_SECONDS, [(6.0, None)], list_per_s=100) == pytest.approx(0.061, abs=0.002)


def test_an_hour_long_job_is_not_asked_every_second() -> None:
    """A straggler is asked every 1 % of its age, at most every half minute."""
    assert sweep_gap_s(SIX_SECONDS, [(3600.0, None)], list_per_s=10) == 30.0
    assert sweep_gap_s(Durations(), [(1000.0, None)], list_per_s=10) == 10.0


def test_a_lane_at_rest_is_swept_for_foreign_jobs_only() -> None:
    """Nothing of ours runs: every few seconds."""
    assert sweep_gap_s(SIX_SECONDS, [], list_per_s=10) == 5.0


@given(model=models, ages_s=ages, list_per_s=st.floats(0.1, 100))
def test_sweeps_leave_room_in_the_list_rate(model: Durations, ages_s: list, list_per_s: float) -> None:
    """Whatever the jobs wish: at most 80 % of the List rate, and never less than a sweep every half minute."""
    gap_s = sweep_gap_s(model, ages_s, list_per_s=list_per_s)

    assert SWEEP_CALLS / gap_s <= 0.8 * list_per_s * (1 + 1e-9)
    assert gap_s <= max(30.0, SWEEP_CALLS / (0.8 * list_per_s))


@given(model=models, age_s=st.floats(0, 1e6), jitter=st.floats(0, 1, exclude_max=True))
def test_describe_alone_stays_between_its_bounds(model: Durations, age_s: float, jitter: float) -> None:
    """Within 10 % of floor and ceiling, whatever the model says."""
    assert 0.9 <= next_look_s(model, age_s, None, jitter, floor_s=1.0, ceiling_s=30.0) <= 33.0


def test_describe_alone_waits_for_the_expected_end() -> None:
    """Long before the end as rarely as allowed, around it closely, long after it with growing gaps."""
    looks = [
        next_look_s(EIGHT_MINUTES, age_s, None, 0.5, floor_s=1.0, ceiling_s=300.0) for age_s in (0, 400, 482, 5000)
    ]

    assert looks == pytest.approx([300.0, 80.0, 4.83, 100.0], abs=0.1)


def test_foreign_is_what_neither_id_nor_name_explains() -> None:
    """Our running jobs are known by id, those being started by name; the rest belongs to somebody else."""
    active = [("ours", None), ("new", "fleet-x-1"), ("theirs", "nightly"), ("nameless", None)]

    assert foreign(active, {"ours"}, {"fleet-x-1"}) == 2
