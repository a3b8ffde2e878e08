"""fleet dies wherever it can and goes on, in worlds where AWS answers each open question in one way or the other."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleet.sandbox.truth import again
from fleet.stages.calls import LaneCalls
from fleet.stages.rescue import Rescue
from tests.faults.simulation.forks import Ending, Explorer, anywhere, at
from tests.faults.simulation.gateway import Gateway
from tests.faults.simulation.options import Options, draw
from tests.faults.simulation.scenarios import Tally, crashes, heals, plain, storms
from tests.faults.simulation.world import live, silent

SEEDS = Path(__file__).with_name("seeds.txt").read_text().splitlines()
WORLDS = [world for world in plain() if (world.token_window_s == 600.0) == (world.downtime_s > 0)]
SMALL = Options(seed=1, jobs=2, slots=1, depth="off", switches={"overhead_s": 2.0, "submitted_s": 0.5})

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """Real clients for all worlds of this module, and no logs."""
    with pytest.MonkeyPatch.context() as patch, silent():
        patch.setenv("AWS_ACCESS_KEY_ID", "123456789012")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
        with Gateway() as opened:
            yield opened


def broken(tally: Tally) -> list[tuple[str, tuple[int, ...], tuple[str, ...]]]:
    """What went wrong, with all that is needed to replay it."""
    return [(options.text(), ending.crashes, ending.violations) for options, ending in tally.bad]


@pytest.mark.parametrize(
    "options", WORLDS, ids=lambda world: f"window {world.token_window_s}, {world.downtime_s:.0f} s"
)
def test_a_crash_anywhere_doubles_and_loses_nothing(gateway: Gateway, options: Options) -> None:
    """Wherever something outlives fleet, and in some recoveries a second time: each token window, two downtimes."""
    tally = Tally(name="crashes")

    crashes(options, gateway, tally, anywhere(options.seed, changes=True, again=0.03), deadline=math.inf)

    assert tally.points > 10
    assert broken(tally) == []


def test_a_crash_at_any_step_of_a_start_doubles_and_loses_nothing(gateway: Gateway) -> None:
    """Each single step around the first job's claim, Start and its answer, where AWS forgets tokens at once."""
    options, tally = replace(SMALL, jobs=1, token_window_s=0.0), Tally(name="steps")
    first, last = _steps_of_first_start(gateway, options)

    crashes(options, gateway, tally, lambda done, step, _: not done and first <= step <= last, deadline=math.inf)

    assert tally.points == last - first + 1
    assert broken(tally) == []


def _steps_of_first_start(gateway: Gateway, options: Options) -> tuple[int, int]:
    """Around the steps at which something changed for the first time since the manifest was read."""
    changes: list[int] = []

    def note(_: tuple[int, ...], step: int, changed: bool) -> bool:
        if changed:
            changes.append(step)
        return False

    live(options, gateway, Explorer(note))
    return changes[3], changes[3] + 24


@pytest.mark.parametrize("line", [line for line in SEEDS if not line.startswith("#")])
def test_what_once_broke_a_promise_keeps_it(gateway: Gateway, line: str) -> None:
    """The regression list: each world with a crash wherever something changed."""
    tally = Tally(name="regressions")

    crashes(Options.read(line), gateway, tally, anywhere(1, changes=True), deadline=math.inf)

    assert broken(tally) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_after_ten_bad_minutes_all_work_is_done_soon(gateway: Gateway, seed: int) -> None:
    """Throttles, errors, resets, hangs, denials, S3 that refuses; within the promised time after the last fault."""
    tally = Tally(name="heals")

    spare_s = heals(seed, gateway, tally)

    assert broken(tally) == []
    assert spare_s >= 0


def test_a_storm_costs_few_calls_and_no_memory_and_is_soon_forgotten(gateway: Gateway) -> None:
    """Ten minutes in which all is throttled: bounded calls, flat memory, no attempt burned, all slots full soon."""
    tally = Tally(name="storms")

    (storm,) = storms(["throttled"], gateway, tally).seen

    assert broken(tally) == []
    assert storm.calls["StartEntitiesDetectionJob"] > 0


def test_the_same_options_and_steps_are_the_same_run(gateway: Gateway) -> None:
    """So that one command replays what a failure printed."""
    options = draw(7, jobs=2)

    endings = [live(options, gateway, Explorer(at(90))) for _ in range(2)]

    assert endings[0] == endings[1]
    assert [ending.crashes for ending in endings[0]] == [(90,), ()]
    assert Options.read(options.text()) == options


def doubled(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, target: Any, name: str, value: Any) -> list[Ending]:
    """The crashes that double a job, or break the Start rate, in a fleet that lacks one of its parts."""
    monkeypatch.setattr(target, name, value)
    options = replace(SMALL, jobs=1, token_window_s=0.0)
    return [ending for ending in live(options, gateway, Explorer(anywhere(1, changes=True))) if ending.violations]


def test_a_fleet_that_looks_nothing_up_is_found_out(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness is worth something only if it finds what it looks for: here, jobs that are doubled."""

    async def none(*_: object, **__: object) -> list[object]:
        return []

    async def nothing(_: object) -> int:
        return 0

    monkeypatch.setattr(Rescue, "reconcile", nothing)

    found = doubled(gateway, monkeypatch, LaneCalls, "named", none)

    assert any(ending.doubled for ending in found)


def test_a_second_job_counts_as_doubled_unless_the_first_has_failed() -> None:
    """One that ran or succeeded makes the next a double; one that failed or was stopped before it does not."""

    def job(uri: str, job_id: str, start: float, end: float | None, status: str) -> tuple[Any, ...]:
        return ("entities", uri, job_id, start, end, status)

    jobs = [
        job("a", "a1", 0, 10, "FAILED"),
        job("a", "a2", 11, 20, "COMPLETED"),
        job("b", "b1", 0, 10, "COMPLETED"),
        job("b", "b2", 11, None, "IN_PROGRESS"),
        job("c", "c1", 0, 10, "FAILED"),
        job("c", "c2", 9, 20, "COMPLETED"),
        job("d", "d1", 0, None, "IN_PROGRESS"),
    ]

    found = again(jobs)

    assert found == {("entities", "b"): ["b1", "b2"], ("entities", "c"): ["c1", "c2"]}
