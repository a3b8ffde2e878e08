"""Calls that fail again and again: few are spent, other operations go on, and full speed comes back with AWS."""

from dataclasses import replace

import anyio
import pytest
from structlog.testing import capture_logs

from fleet.core.job import State
from fleet.sandbox import read_fault
from tests.conftest import Rig


def broken(rig: Rig, operation: str) -> None:
    """Every request of this family gets a 500 from here on."""
    rig.sandbox.faults.add(
        read_fault({"what": "error", "operation": operation, "status": 500, "code": "InternalServerException"})
    )


def requests(rig: Rig, family: str) -> int:
    return sum(count for operation, _, count in rig.telemetry.api_counts() if operation.startswith(family))


async def live(rig: Rig, seconds: float, *stages: str) -> None:
    """Let these stages run side by side for so long, each when it wants to."""
    due = dict.fromkeys(stages, rig.clock.monotonic())
    until = rig.clock.monotonic() + seconds
    while (now := rig.clock.monotonic()) < until:
        for name in [name for name, at in due.items() if at <= now]:
            due[name] = rig.clock.monotonic() + max(0.05, await rig.tick(name))
        rig.clock.advance(max(0.05, min(min(due.values()), until) - rig.clock.monotonic()))


@pytest.mark.rig(overhead_s=36_000)
async def test_a_storm_on_start_costs_few_calls_and_heals_quickly(rig: Rig) -> None:
    """Twenty minutes of 500: about two Starts a minute, no attempt counted; two minutes later all slots are full."""
    await rig.plan(*(f"{number}/" for number in range(10)))
    broken(rig, "Start*")

    with capture_logs() as logs:
        await live(rig, 1200, "submit", "rescue")
        spent = requests(rig, "Start")
        rig.sandbox.faults.clear()
        await live(rig, 120, "submit", "rescue")

    assert spent <= 55
    assert {(job.state, job.attempt) for job in await rig.jobs()} == {(State.RUNNING, 1)}
    assert len(rig.remote) == 10
    said = [entry["event"] for entry in logs if entry["event"].startswith("operation.")]
    assert said == ["operation.failing", "operation.recovered"]


@pytest.mark.rig(overhead_s=600)
async def test_trouble_with_describe_does_not_stop_start(rig: Rig) -> None:
    """Describe down for half an hour: Starts go on in free slots, Describe is asked rarely, then all is seen."""
    await rig.plan(*(f"{number}/" for number in range(5)))
    broken(rig, "Describe*")

    await live(rig, 60, "submit", "track")
    started = len(rig.remote)
    await rig.complete()
    described = requests(rig, "Describe")
    await live(rig, 1800, "submit", "track")
    spent = requests(rig, "Describe") - described
    rig.sandbox.faults.clear()
    await live(rig, 120, "submit", "track")

    assert started == 5
    assert spent <= 80
    assert {job.state for job in await rig.jobs()} == {State.FINISHED}


@pytest.mark.rig(overhead_s=600)
async def test_trouble_with_start_does_not_stop_describe(rig: Rig) -> None:
    """Start down: what runs is still followed to its end."""
    await rig.plan("a/", "b/")
    await live(rig, 10, "submit")
    broken(rig, "Start*")
    await rig.plan("c/", "d/", "e/", "f/")

    await live(rig, 300, "submit", "rescue", "track")
    await rig.complete()
    await live(rig, 60, "submit", "rescue", "track")

    assert len(await rig.jobs(State.FINISHED)) == 2


@pytest.mark.parametrize(
    "sweeps", [pytest.param(sweeps, marks=pytest.mark.rig(overhead_s=60, sweep=sweeps)) for sweeps in (True, False)]
)
async def test_the_first_answer_after_a_storm_ends_all_patience(rig: Rig, sweeps: bool) -> None:
    """Two minutes of throttling: once one of ten Describes is answered, it takes a second to see all that has ended.

    Meanwhile each of ten jobs is asked every 15 to 30 s, and a sweep is tried every 5 to 10 s.
    """
    await rig.plan(*(f"{number}/" for number in range(10)))
    await live(rig, 30, "submit", "track")
    rig.sandbox.faults.add(read_fault({"what": "throttle"}))
    await live(rig, 120, "track")
    while any(job.status == "IN_PROGRESS" for job in rig.remote):
        await rig.breathe()
    rig.sandbox.faults.clear()

    seen_at = []
    while len(seen_at) < 10:
        await live(rig, 0.25, "track")
        seen_at += [rig.clock.monotonic()] * (len(await rig.jobs(State.FINISHED)) - len(seen_at))

    assert seen_at[-1] - seen_at[0] <= 1.5
    assert requests(rig, "List") == 0 or sweeps


@pytest.mark.rig(overhead_s=36_000)
async def test_a_region_that_is_gone_costs_a_bounded_number_of_calls(rig: Rig) -> None:
    """Everything fails for an hour: a few calls a minute in all, nothing lost, nothing counted, nothing doubled."""
    await rig.plan(*(f"{number}/" for number in range(10)))
    await live(rig, 5, "submit")
    rig.sandbox.faults.add(read_fault({"what": "reset_before"}))

    before = sum(count for _, _, count in rig.telemetry.api_counts())
    await live(rig, 3600, "submit", "track")
    spent = sum(count for _, _, count in rig.telemetry.api_counts()) - before
    rig.sandbox.faults.clear()
    await live(rig, 150, "submit", "rescue", "track")

    assert spent <= 60 * 6
    assert {(job.state, job.attempt) for job in await rig.jobs()} == {(State.RUNNING, 1)}
    assert len(rig.remote) == 10


@pytest.mark.rig(sweep=False)
async def test_what_hangs_is_capped(rig: Rig) -> None:
    """A brown-out: every Describe hangs. No more calls are in flight than half a second of the rate allows."""
    flying: list[str] = []

    async def hang(_: str, remote_id: str) -> None:
        flying.append(remote_id)
        await anyio.sleep_forever()

    await rig.plan(*(f"{number}/" for number in range(10)))
    await live(rig, 30, "submit")
    await rig.tick("track")  # what runs is known, and due some time later
    rig.calls._any_client.describe = hang  # type: ignore[method-assign,assignment]
    rig.calls._clients = {}
    rig.calls.quotas = replace(rig.calls.quotas, describe_per_s=6)
    rig.clock.advance(100)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(rig.tick, "track")
            while len(flying) < 3:
                await rig.breathe()
            for _ in range(20):
                await rig.breathe()
            group.cancel_scope.cancel()

    assert len(flying) == 3


@pytest.mark.rig(overhead_s=36_000)
async def test_one_lost_packet_slows_nothing(rig: Rig) -> None:
    """A single failure is followed by the next Start a second later."""
    rig.sandbox.faults.add(read_fault({"what": "reset_before", "operation": "Start*", "times": 1}))
    await rig.plan(*(f"{number}/" for number in range(6)))
    began = rig.clock.monotonic()

    while len(rig.remote) < 5:
        await rig.tick("submit")

    assert rig.clock.monotonic() - began < 12
