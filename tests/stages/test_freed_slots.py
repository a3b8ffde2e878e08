"""A slot is free once a sweep shows that its job has ended, not only when Describe has told how."""

from dataclasses import replace

import pytest

from fleet.core.job import State
from fleet.sandbox import read_fault
from fleet.sandbox.truth import peak_active
from tests.conftest import Rig

QUIET = {"what": "throttle", "operation": "Describe*", "times": 10_000}


async def full(rig: Rig, pending: int) -> None:
    """Ten jobs hold all slots, a sweep has shown them, and more wait."""
    await rig.plan(*(f"{number:03}/" for number in range(10 + pending)))
    await fill(rig)
    await rig.tick("track")


async def sweep_behind(rig: Rig, list_delay_s: float) -> None:
    """A sweep that sees the world of so long ago."""
    rig.sandbox.service.change(replace(rig.sandbox.service.switches, list_delay_s=list_delay_s), rig.clock.now())
    rig.clock.advance(60)
    await rig.tick("track")


async def fill(rig: Rig) -> None:
    """Submit has started all that it may."""
    for _ in range(15):
        rig.clock.advance(1)
        await rig.tick("submit")


async def test_slots_are_filled_again_while_describe_is_silent(rig: Rig) -> None:
    """Every Describe is throttled: the sweep alone gives ten slots back, and no more than ten are ever held."""
    await full(rig, pending=10)
    await rig.complete()
    rig.sandbox.faults.add(read_fault(QUIET))

    rig.clock.advance(20)
    await rig.tick("track")
    freed = len(rig.calls.freed)
    await fill(rig)

    assert freed == 10
    assert len(await rig.jobs(State.RUNNING)) == 20
    assert set(peak_active(rig.sandbox.service.spans()).values()) == {10}


async def test_a_freed_slot_is_counted_once(rig: Rig) -> None:
    """When Describe tells of the end as well, there is no second slot to fill."""
    await full(rig, pending=15)
    await rig.complete()

    for _ in range(3):
        rig.clock.advance(20)
        await rig.tick("track")
        await fill(rig)

    assert len(await rig.jobs(State.FINISHED)) >= 10
    assert not rig.calls.freed
    assert set(peak_active(rig.sandbox.service.spans()).values()) == {10}


@pytest.mark.rig(overhead_s=36_000)
async def test_a_list_that_contradicts_itself_is_found_out_once(rig: Rig) -> None:
    """A sweep shows nothing of what runs: Describe says that it does, and from then on only Describe frees slots."""
    await full(rig, pending=5)
    await sweep_behind(rig, list_delay_s=3600)
    await sweep_behind(rig, list_delay_s=0)
    rig.sandbox.faults.add(read_fault(QUIET))
    await sweep_behind(rig, list_delay_s=7200)
    await fill(rig)

    assert not rig.calls.freed
    assert len(await rig.jobs(State.RUNNING)) == 10
    assert set(peak_active(rig.sandbox.service.spans()).values()) == {10}
