"""The duration model: right about what it has seen, calm about outliers, honest about what it has not."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.core.durations import Durations, Sample, quantile

MB = 1_000_000


def test_without_enough_samples_it_says_that_it_guesses() -> None:
    """A few samples prove nothing: eight minutes, and `known` is false."""
    model = Durations.learn([Sample(duration_s=5.0)] * 4)

    assert (model.known, model.expected_s(None)) == (False, 480.0)


def test_overhead_and_slope_are_found_again() -> None:
    """From 100 jobs of 60 s + 2 s a MB with 10 % noise: both within 15 %, and sizes it never saw extrapolate."""
    rng = random.Random(1)
    sizes = [rng.randint(1, 100) * MB for _ in range(100)]
    samples = [Sample(duration_s=(60 + 2 * size / MB) * rng.uniform(0.9, 1.1), size_bytes=size) for size in sizes]

    model = Durations.learn(samples)

    assert model.overhead_s == pytest.approx(60, rel=0.15)
    assert model.per_byte_s * MB == pytest.approx(2, rel=0.15)
    assert model.expected_s(200 * MB) == pytest.approx(460, rel=0.15)


def test_a_long_tail_does_not_move_the_expectation() -> None:
    """One job in ten takes ten times as long: the median stays, the upper range shows it."""
    samples = [Sample(duration_s=1000.0 if number % 10 == 0 else 100.0) for number in range(100)]

    model = Durations.learn(samples)

    assert model.expected_s(None) == 100.0
    assert model.within_s(None, 0.5) == 100.0
    assert model.within_s(None, 0.99) == 1000.0


def test_the_newest_samples_decide() -> None:
    """When AWS becomes faster the model follows: only the last 200 samples count."""
    samples = [Sample(duration_s=600.0)] * 500 + [Sample(duration_s=60.0)] * 200

    assert Durations.learn(samples).expected_s(None) == 60.0


durations = st.floats(min_value=0.01, max_value=1e6)
samples = st.lists(
    st.builds(Sample, duration_s=durations, size_bytes=st.none() | st.integers(0, 10**10)), min_size=5, max_size=300
)


@given(samples=samples, size=st.none() | st.integers(0, 10**10))
def test_its_range_is_a_range(samples: list[Sample], size: int | None) -> None:
    """Whatever it has seen: nothing negative, and a larger share never means less time."""
    model = Durations.learn(samples)

    shares = [model.within_s(size, share) for share in (0.0, 0.1, 0.5, 0.9, 1.0)]

    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert model.per_byte_s >= 0


@given(values=st.lists(durations, min_size=1, max_size=50).map(sorted), share=st.floats(0, 1))
def test_a_quantile_lies_within_the_values(values: list[float], share: float) -> None:
    """Between the smallest and the largest, and exactly those at the ends."""
    assert values[0] <= quantile(values, share) <= values[-1] * (1 + 1e-12)
    assert (quantile(values, 0), quantile(values, 1)) == (values[0], values[-1])
