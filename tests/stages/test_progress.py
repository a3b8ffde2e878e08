"""Whether every stage moves: only what a restart may help is called a stall."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.stages.progress import TICK_LIMIT_S, TRANSFER_LIMIT_S, Progress

TIMES = st.floats(0, 1e9)


def test_a_tick_that_never_ends_is_named() -> None:
    """Within the limit all is in order; beyond it the sentence says which stage, and for how long."""
    progress = Progress()
    progress.began("submit main", 100.0)
    progress.began("track main", 100.0)
    progress.rested("track main", 101.0, 1e6)

    assert progress.stalled(100.0 + TICK_LIMIT_S) == []
    assert progress.stalled(101.0 + TICK_LIMIT_S) == [
        "submit main has been in one tick for 901 s; 900 s is the most it should take"
    ]


def test_a_wait_that_outlasts_itself_is_named() -> None:
    """A stage that asked for 5 s and sleeps for minutes: its event loop or its timer is broken."""
    progress = Progress()
    progress.began("rescue main", 0.0)
    progress.rested("rescue main", 10.0, 5.0)

    assert progress.stalled(16.0) == []
    assert progress.stalled(100.0) == ["rescue main has slept for 90 s; it wanted to go on after 5 s"]


def test_reading_whole_outputs_may_take_longer() -> None:
    """A stage that moves gigabytes has a limit of its own."""
    progress = Progress()
    progress.began("verify", 0.0, TRANSFER_LIMIT_S)

    assert progress.stalled(TICK_LIMIT_S + 1) == []
    assert progress.stalled(TRANSFER_LIMIT_S + 1) != []


def test_what_has_ended_is_no_longer_watched() -> None:
    """A stage that left, even before it began, stalls nothing."""
    progress = Progress()
    progress.began("measure", 0.0)
    progress.ended("measure")
    progress.ended("never began")

    assert progress.stalled(1e9) == []
    assert progress.last_s(1e9) == {}


@given(began=TIMES, took_s=st.floats(0, TICK_LIMIT_S), wait_s=st.floats(0, 3600), asked_s=st.floats(-10, 30))
def test_what_keeps_its_times_never_stalls(began: float, took_s: float, wait_s: float, asked_s: float) -> None:
    """Neither while a tick is within its limit, nor while a wait is, nor where the clock seems to step back."""
    progress = Progress()
    progress.began("stage", began)
    during = progress.stalled(began + took_s)
    progress.rested("stage", began + took_s, wait_s)

    assert during == []
    assert progress.stalled(began + took_s + wait_s + asked_s) == []
    assert progress.last_s(began)["stage"] >= 0
