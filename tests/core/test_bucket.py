"""The limiter's arithmetic, held against every window that it was ever asked about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.core.bucket import Bucket

gaps = st.lists(st.floats(min_value=0, max_value=3, allow_nan=False), min_size=1, max_size=200)


@given(rate=st.sampled_from([0.25, 0.5, 1, 1.5, 2.5, 5, 10]), gaps=gaps)
def test_no_window_of_one_second_has_a_call_too_many(rate: float, gaps: list[float]) -> None:
    """However the caller behaves, any sliding 1 s window holds at most ceil(rate) grants."""
    bucket = Bucket(rate, now=0.0)
    now, grants = 0.0, []

    for gap in gaps:
        now += gap
        if bucket.take(now) == 0.0:
            grants.append(now)

    for first in grants:
        assert sum(first <= grant < first + 1 - 1e-9 for grant in grants) <= bucket.calls


@given(rate=st.sampled_from([0.5, 1, 2.5, 10, 100]), calls=st.integers(min_value=1, max_value=300))
def test_a_patient_caller_gets_the_full_rate(rate: float, calls: int) -> None:
    """Waiting exactly as told, `calls` grants take no longer than the rate says, and not less either."""
    bucket = Bucket(rate, now=0.0)
    now = 0.0

    for _ in range(calls):
        while (wait_s := bucket.take(now)) > 0:
            now += wait_s

    windows = -(-calls // bucket.calls)
    assert abs(now - windows * bucket.calls / rate) < 1e-6


def test_a_new_bucket_is_empty() -> None:
    """A process that restarts in a loop starts nothing in its first window: restarts cannot add up to a burst."""
    bucket = Bucket(2, now=100.0)

    waits = [bucket.take(100.0), bucket.take(100.5), bucket.take(101.0), bucket.take(101.0), bucket.take(101.0)]

    assert waits == [1.0, 0.5, 0.0, 0.0, 1.0]


def test_a_guard_lengthens_the_window() -> None:
    """With a guard, two grants of a 1/s bucket are at least 1 s + guard apart."""
    bucket = Bucket(1, now=0.0, guard_s=0.05)

    assert bucket.take(1.0) > 0
    assert bucket.take(1.05) == 0.0
    assert bucket.wait_s(1.05) == 1.05


def test_a_clock_that_steps_back_only_waits_longer() -> None:
    """Time going backwards never grants a call too many."""
    bucket = Bucket(1, now=0.0)
    assert bucket.take(10.0) == 0.0

    assert bucket.take(5.0) == 6.0
    assert bucket.ready(5.0) == 0
    assert bucket.ready(11.0) == 1


@given(rates=st.lists(st.floats(min_value=0.1, max_value=10), min_size=1, max_size=50), gaps=gaps)
def test_a_rate_that_changes_is_never_exceeded(rates: list[float], gaps: list[float]) -> None:
    """Lowered and raised at will below the first rate: no 1 s window holds more than the first rate's calls."""
    bucket = Bucket(10, now=0.0)
    now, grants = 0.0, []

    for number, gap in enumerate(gaps):
        bucket.rate_per_s = rates[number % len(rates)]
        now += gap / 10
        if bucket.take(now) == 0.0:
            grants.append(now)

    for first in grants:
        assert sum(first <= grant < first + 1 - 1e-9 for grant in grants) <= 10


def test_a_lowered_rate_holds_from_the_next_call() -> None:
    """After a cut from 10 to 2 a second, two calls a second are granted, counting those just made."""
    bucket = Bucket(10, now=0.0, recent=[])
    assert [bucket.take(0.0) for _ in range(3)] == [0.0, 0.0, 0.0]

    bucket.rate_per_s = 2

    assert bucket.take(0.5) == 0.5
    assert [bucket.take(1.0) for _ in range(3)] == [0.0, 0.0, 1.0]


def test_a_bucket_that_knows_the_recent_calls_need_not_wait() -> None:
    """After a restart the calls of the last second count, and nothing else does."""
    assert Bucket(2, now=100.0, recent=[]).take(100.0) == 0.0
    assert Bucket(2, now=100.0, recent=[99.5, 99.7, 42.0]).take(100.0) == 0.5


@given(
    rate=st.sampled_from([1, 2, 5, 10]),
    ways=st.lists(st.tuples(st.floats(0.01, 0.9), st.floats(0.01, 0.9)), min_size=5, max_size=80),
)
def test_what_arrives_keeps_to_the_rate_however_late(rate: float, ways: list[tuple[float, float]]) -> None:
    """Each call takes its own time to AWS and back; told of each answer, no second at AWS holds a call too many.

    The caller waits for an answer before it asks again, so each arrival is known, at the latest by its answer.
    """
    bucket, now, arrivals = Bucket(rate, now=0.0), 0.0, []

    for there_s, back_s in ways:
        while wait_s := bucket.take(now):
            now += wait_s
        arrivals.append(now + there_s)
        now += there_s + back_s
        bucket.arrived(bucket.granted, now)

    for first in arrivals:
        assert sum(first <= arrival < first + 1 - 1e-9 for arrival in arrivals) <= rate


def test_one_slow_call_delays_only_what_follows_it_within_a_second() -> None:
    """It may have arrived as late as its answer came; after that the full rate holds again."""
    bucket = Bucket(1, now=0.0, recent=[])
    assert bucket.take(0.0) == 0.0

    bucket.arrived(bucket.granted, 0.6)

    assert bucket.take(1.0) == pytest.approx(0.6)
    assert bucket.take(1.6) == 0.0
    assert bucket.take(2.6) == 0.0


def test_an_answer_to_a_call_of_long_ago_changes_nothing() -> None:
    """Other calls have taken its place in the log."""
    bucket = Bucket(1, now=0.0, recent=[])
    bucket.take(0.0)
    old = bucket.granted
    bucket.take(1.0)

    bucket.arrived(old, 50.0)

    assert bucket.take(2.0) == 0.0
