"""The end of a run, told in advance: right on average, with a range that means something."""

import heapq
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.core.durations import Durations, Sample
from fleet.core.eta import Eta, lane_eta
from fleet.core.lane import Quotas

QUOTAS = Quotas(active_jobs=10, start_per_s=1, describe_per_s=10, list_per_s=10, stop_per_s=1)


def simulated_s(durations_s: list[float], quotas: Quotas) -> float:
    """The end of a real schedule: each job takes the first free slot, Starts leave 1/rate apart."""
    slots = [0.0] * quotas.active_jobs
    for number, duration_s in enumerate(durations_s):
        start_s = max(heapq.heappop(slots), number / quotas.start_per_s)
        heapq.heappush(slots, start_s + duration_s)
    return max(slots)


@pytest.mark.parametrize("spread", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("jobs", [40, 400])
def test_it_is_right_on_average_and_its_range_holds(jobs: int, spread: float) -> None:
    """Over 60 lanes, each with what it has learned: right within 5 % on average, three ends of five in the range."""
    rng = random.Random(7)
    ratios, inside = [], 0

    for _ in range(60):
        model = Durations.learn(Sample(duration_s=300 * rng.lognormvariate(0, spread)) for _ in range(100))
        eta = lane_eta(model, QUOTAS, pending=jobs, mean_size_bytes=None, running=(), draw=rng.random)
        end_s = simulated_s([300 * rng.lognormvariate(0, spread) for _ in range(jobs)], QUOTAS)
        assert eta is not None
        ratios.append(end_s / eta.expected_s)
        inside += eta.low_s <= end_s <= eta.high_s

    assert sum(ratios) / len(ratios) == pytest.approx(1.0, abs=0.05)
    assert inside >= 36


def test_it_says_when_it_guesses() -> None:
    """Before any job has ended there is only the eight minutes of the facts sheet, and `known` says so."""
    eta = lane_eta(Durations(), QUOTAS, pending=10, mean_size_bytes=None, running=(), draw=random.Random(1).random)

    assert eta is not None
    assert not eta.known
    assert eta.expected_s == pytest.approx(490, rel=0.75)


def test_a_lane_with_nothing_left_has_no_end_to_tell() -> None:
    """Done is done."""
    assert (
        lane_eta(Durations(), QUOTAS, pending=0, mean_size_bytes=None, running=(), draw=random.Random(1).random) is None
    )
    assert Eta.last([]) is None


@settings(max_examples=40, deadline=None)
@given(
    pending=st.integers(0, 10**6),
    running=st.lists(st.tuples(st.floats(0, 1e5), st.none() | st.integers(0, 10**9)), max_size=10),
)
def test_its_range_is_a_range(pending: int, running: list[tuple[float, int | None]]) -> None:
    """Low is not above expected, expected not above high, nothing is negative."""
    eta = lane_eta(
        Durations(), QUOTAS, pending=pending, mean_size_bytes=1e6, running=running, draw=random.Random(1).random
    )

    if eta is not None:
        assert 0 <= eta.low_s <= eta.expected_s <= eta.high_s
