"""Jobs that FAIL for want of access: one is its own fault, many in a row are the role's."""

from collections import Counter

import pytest
from structlog.testing import capture_logs

from fleet.core.job import State
from fleet.sandbox import read_fault
from tests.conftest import Rig

NO_ACCESS = "NO_READ_ACCESS_TO_INPUT: The provided data access role does not have proper access to the input data."


def lose_access(rig: Rig) -> None:
    """From here on every job FAILS for want of access."""
    rig.sandbox.faults.add(read_fault({"what": "fail_job", "operation": "Start*", "message": NO_ACCESS}))


async def work_for(rig: Rig, seconds: float) -> None:
    """Submit, track and AWS go on for so long."""
    until = rig.clock.monotonic() + seconds
    while rig.clock.monotonic() < until:
        waits = [await rig.tick("submit"), await rig.tick("track")]
        rig.clock.advance(max(0.5, min(*waits, 5.0)))
        await rig.breathe()


async def states(rig: Rig) -> Counter[State]:
    return Counter(job.state for job in await rig.jobs())


async def test_one_prefix_without_access_is_given_up(rig: Rig) -> None:
    """Its role is good for the others: one attempt, a reason, and the lane goes on."""
    rig.sandbox.faults.add(read_fault({"what": "fail_job", "operation": "Start*", "message": NO_ACCESS, "times": 1}))
    await rig.plan(*(f"{number}/" for number in range(4)))

    await work_for(rig, 300)

    assert await states(rig) == {State.FINISHED: 3, State.DISCARDED: 1}
    assert rig.submit.pause is None


async def test_a_role_that_lost_its_access_pauses_the_lane_and_costs_no_job(rig: Rig) -> None:
    """Sixteen jobs, twenty minutes without access: some probes, one warning, none given up; then all are done."""
    lose_access(rig)
    await rig.plan(*(f"{number:02d}/" for number in range(16)))

    with capture_logs() as logs:
        await work_for(rig, 1200)
        paused = rig.submit.pause
        sent = len(rig.remote)
        rig.sandbox.faults.clear()
        await work_for(rig, 900)

    assert paused is not None
    assert paused.reason.endswith(f"jobs in a row failed, the last with {NO_ACCESS}")
    assert sent <= 25
    assert await states(rig) == {State.FINISHED: 16}
    assert rig.submit.pause is None
    told = Counter(line["event"] for line in logs)
    assert (told["lane.paused"], told["lane.resumed"]) == (1, 1)


@pytest.mark.parametrize("message", ["NO_INPUT_FILES: none.", "INTERNAL_ERROR: try again.", None])
async def test_other_failures_pause_nothing(rig: Rig, message: str | None) -> None:
    """An empty prefix says nothing of the next one."""
    fault = {"what": "fail_job", "operation": "Start*"} | ({"message": message} if message else {})
    rig.sandbox.faults.add(read_fault(fault))
    await rig.plan(*(f"{number}/" for number in range(6)))

    await work_for(rig, 600)

    assert (await states(rig))[State.DISCARDED] == 6
    assert rig.submit.pause is None
