"""The fuzzers' targets, driven by hypothesis: bounded, in every run of the tests."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.input.targets import TARGETS, seeds

SEEDS = {name: sorted(set(seeds(name))) for name in TARGETS}
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", TARGETS)
def test_every_row_of_the_catalogue_stands(name: str) -> None:
    """The fuzzers begin where the catalogue ends."""
    assert SEEDS[name]
    for seed in SEEDS[name]:
        TARGETS[name](seed)


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=400))
@quick
def test_no_bytes_break_a_reader(name: str, data: bytes) -> None:
    """Whatever the bytes are."""
    TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
@given(seed=st.integers(0, 1 << 30), changes=st.integers(1, 6))
@quick
def test_no_change_of_the_catalogue_breaks_a_reader(name: str, seed: int, changes: int) -> None:
    """Bytes that nearly make sense: cut, doubled, swapped and overwritten pieces of the catalogue."""
    rng = Random(seed)
    data = rng.choice(SEEDS[name])
    for _ in range(changes):
        data = rng.choice(CHANGES)(data, rng)

    TARGETS[name](data[:50_000])


def cut(data: bytes, rng: Random) -> bytes:
    begin = rng.randint(0, len(data))
    return data[:begin] + data[begin + rng.randint(0, 20) :]


def double(data: bytes, rng: Random) -> bytes:
    begin = rng.randint(0, len(data))
    return data[:begin] + data[begin : begin + rng.randint(1, 600)] * 2 + data[begin:]


def overwrite(data: bytes, rng: Random) -> bytes:
    place = rng.randint(0, len(data))
    return data[:place] + rng.choice(PIECES) + data[place + rng.randint(0, 3) :]


CHANGES: list[Callable[[bytes, Random], bytes]] = [cut, double, overwrite]
PIECES = [
    b"\0",
    b"\n",
    b"\r",
    b'"',
    b"{",
    b"}",
    b"[",
    b",",
    b"\xff",
    b"\\ud800",
    b"1e999",
    b"-1",
    b"null",
    b"\x1b",
    b" ",
]
