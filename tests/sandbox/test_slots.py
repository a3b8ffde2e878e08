"""Slots and makespans: checkers over spans, the same figures counted as it happens, and the bound that none beats."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.sandbox.kinds import KINDS
from fleet.sandbox.truth import Span, lanes, list_schedule_s, makespan_bound_s, makespan_s, peak_active, steady

Ask = Callable[..., Any]


def spans(*times: tuple[float, float | None], region: str = "us-east-1") -> list[Span]:
    return [Span("entities", start, end, "123456789012", region) for start, end in times]


def test_lanes_are_judged_apart() -> None:
    """The same kind in two Regions is two lanes; the peak of a kind is that of its fullest lane."""
    both = spans((0, 5), (1, 5)) + spans((0, 5), (2, 9), (3, 9), region="eu-west-1")

    assert {lane: len(found) for lane, found in lanes(both).items()} == {
        ("123456789012", "us-east-1", "entities"): 2,
        ("123456789012", "eu-west-1", "entities"): 3,
    }
    assert peak_active(both) == {"entities": 3}


def test_the_steady_state_is_between_full_and_the_last_few() -> None:
    """Two slots: full from 1, and from 30 on only one job is left. In between a slot was idle for 2 of 29 seconds."""
    found = steady(spans((0, 10), (1, 20), (11, 30), (21, 40)), slots=2)

    assert found is not None
    assert (found.begin, found.end) == (1, 30)
    assert found.utilisation == pytest.approx(1 - 2 / (2 * 29))


def test_there_may_be_no_steady_state() -> None:
    """Never full, or full for no time at all."""
    assert steady(spans((0, 10), (20, 30)), slots=2) is None
    assert steady([], slots=2) is None


def test_a_makespan_runs_from_the_first_start_to_the_last_known_end() -> None:
    """Of jobs that run, the start counts."""
    assert makespan_s(spans((5, 10), (7, None))) == 5
    assert makespan_s([]) == 0


@given(
    jobs=st.integers(0, 60),
    duration_s=st.integers(1, 600),
    slots=st.integers(1, 20),
    rate=st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0]),
)
def test_the_bound_is_reached_by_the_greedy_schedule(jobs: int, duration_s: int, slots: int, rate: float) -> None:
    """Jobs of one length, Starts 1/rate apart: the closed form is what the best schedule takes."""
    bound = makespan_bound_s(jobs, duration_s=duration_s, slots=slots, rate=rate)

    assert list_schedule_s([duration_s] * jobs, slots=slots, rate=rate) == pytest.approx(bound)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=30), st.integers(1, 5), st.integers(1, 5))
def test_no_schedule_beats_its_own_work(durations: list[int], slots: int, burst: int) -> None:
    """At least the longest job, the whole work shared by all slots, and no longer than one after the other."""
    found = list_schedule_s(durations, slots=slots, rate=1.0, burst=burst)

    assert found >= max(max(durations), sum(durations) / slots) - 1e-9
    assert found <= sum(durations) + len(durations)


def test_the_longest_first_is_shorter() -> None:
    """Why the order matters: one long job at the end keeps one slot busy alone."""
    late, early = ([10] * 9 + [100], [100] + [10] * 9)

    assert list_schedule_s(early, slots=5, rate=100.0) < list_schedule_s(late, slots=5, rate=100.0)


@given(
    seed=st.integers(0, 2**32),
    slots=st.integers(1, 6),
    jobs=st.integers(0, 40),
    queued=st.booleans(),
)
@settings(deadline=None)
def test_counting_as_it_happens_gives_what_the_checkers_give(
    ask: Ask, seed: int, slots: int, jobs: int, queued: bool
) -> None:
    """Over a whole run: peak, makespan, utilisation and steady state, foreign jobs and Stops included."""
    chance = random.Random(seed)
    cap = "queue" if queued else "reject"
    service = ask(active_jobs=slots, submitted_s=2.0, overhead_s=60.0, spread=0.6, seed=seed, cap=cap, stop_s=5.0)
    lane = service.service.shelf("123456789012", "us-east-1", KINDS["entities"])
    run_some(service, lane, chance, jobs)

    run_until(service, 1e9)

    found, use = service.service.spans(), lane.use
    assert use.peak == peak_active(found).get("entities", 0)
    assert use.makespan_s(1e9) == pytest.approx(makespan_s(found))
    exact = steady(found, slots=slots)
    counted = use.steady_utilisation(1e9)
    assert (exact is None) == (counted is None)
    assert exact is None or counted == pytest.approx(exact.utilisation)
    assert use.started + use.foreign == len(service.service.jobs)
    assert use.held == 0


def run_until(service: Any, now: float) -> None:
    while (due := service.service.lifecycle.next_due()) is not None and due <= now:
        service.run(due)


def run_some(service: Any, lane: Any, chance: random.Random, jobs: int) -> None:
    """Starts, Stops and jobs of somebody else, one at a time."""
    now = 0.0
    for _ in range(jobs):
        now += chance.uniform(0.5, 40.0)
        run_until(service, now)
        if chance.random() < 0.1:
            service.service.intrude(lane, 2, chance.uniform(1, 90), now)
        elif len(lane.active) < lane.use.slots or service.service.switches.cap == "queue":
            service.start(now=now)
        if chance.random() < 0.2 and lane.active:
            service.stop(next(iter(lane.active)), now=now)


def test_utilisation_knows_when_the_slots_have_changed(ask: Ask) -> None:
    """Four slots for 100 s of which two are held, then two slots that are full: 400 of 600 slot seconds."""
    service = ask(active_jobs=4, submitted_s=0.0, overhead_s=200.0)
    for _ in range(2):
        service.start(now=0.0)
    lane = service.service.shelf("123456789012", "us-east-1", KINDS["entities"])
    service.service.change(replace(service.service.switches, active_jobs=2), 100.0)

    assert lane.use.utilisation(200.0) == pytest.approx(400 / 600)
