"""A process that dies and comes back, or a machine that sleeps and wakes: no Start storm, and the rate holds."""

import random

import pytest

from fleet.core.job import State
from fleet.sandbox.truth import worst_window
from fleet.stages.calls import LaneCalls
from fleet.stages.moves import Moves
from fleet.stages.rescue import Rescue
from fleet.stages.submit import Submit
from tests.conftest import Rig

LIVES = 15


@pytest.mark.rig(overhead_s=3600, start_per_s=1000)
async def test_a_restart_loop_is_no_start_storm(rig: Rig) -> None:
    """Fifteen processes, each dies after one pass: each reconciles first, and no second sees two Starts."""
    await rig.plan(*(f"{number:02}/" for number in range(10)))

    for life in range(LIVES):
        quotas, clients = rig.calls.quotas, rig.calls._clients
        calls = LaneCalls(rig.calls.lane, quotas, clients, clock=rig.clock, telemetry=rig.telemetry)
        moves, rng, holder = Moves(rig.ledger, rig.telemetry), random.Random(life), f"process {life}"
        seen = len(rig.sandbox.service.log)
        await Rescue(rig.ledger, calls, moves, holder=holder, consistency_s=5.0, rng=rng).reconcile()
        await Submit(rig.ledger, calls, moves, holder=holder, clock=rig.clock, rng=rng).tick(rig.clock.monotonic())
        assert rig.sandbox.service.log[seen].operation.startswith("List")

    log = list(rig.sandbox.service.log)
    starts = {name: most for name, most in worst_window(log, without=()).items() if "Start" in str(name)}
    assert set(starts.values()) == {1}
    assert len(rig.remote) == 10


@pytest.mark.rig(start_per_s=1000)
async def test_a_machine_that_slept_makes_no_burst(rig: Rig) -> None:
    """Everything ended meanwhile and all slots are free at once: still one Start a second, and every end is seen."""
    await rig.plan(*(f"{number:02}/" for number in range(16)))
    while len(rig.remote) < 10:
        await rig.tick("submit")
    await rig.complete()

    rig.clock.advance(8 * 3600)
    while await rig.jobs(State.PENDING):
        await rig.tick("track")
        await rig.tick("submit")

    log = list(rig.sandbox.service.log)
    starts = {name: most for name, most in worst_window(log, without=()).items() if "Start" in str(name)}
    assert set(starts.values()) == {1}
    assert len(await rig.jobs(State.FINISHED)) == 10
