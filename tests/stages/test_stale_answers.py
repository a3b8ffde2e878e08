"""Answers that come twice, too early or too late: what fleet knows only moves forward, and nothing is started twice."""

import pytest

from fleet.core.job import Event, State
from fleet.sandbox import read_fault
from tests.conftest import Rig


async def events(rig: Rig) -> list[Event]:
    return [recorded.event for recorded in await rig.ledger.history((await rig.job()).id)]


async def test_a_start_that_is_delivered_twice_is_one_job(rig: Rig) -> None:
    """A proxy sends it again: same token, one job, the second answer is never heard of."""
    rig.sandbox.faults.add(read_fault({"what": "deliver_twice", "operation": "Start*"}))
    await rig.plan("a/")

    await rig.tick("submit")

    assert len(rig.remote) == 1
    assert (await rig.job()).remote_id == rig.remote[0].job_id
    assert await events(rig) == [Event.CLAIMED, Event.ACCEPTED]


@pytest.mark.parametrize("way", ["rescue", "reconcile"])
async def test_a_job_that_completed_before_its_start_was_written_down_is_done(rig: Rig, way: str) -> None:
    """Its answer was lost and nobody looked until AWS had COMPLETED it: adopted, seen to have ended, verified."""
    rig.sandbox.faults.add(read_fault({"what": "lose_answer", "operation": "Start*", "times": 1}))
    await rig.plan("a/")
    await rig.tick("submit")
    await rig.complete()

    await (rig.rescue.reconcile() if way == "reconcile" else rig.tick("rescue"))
    for _ in range(2):
        rig.clock.advance(60)
        await rig.tick("track")
    await rig.tick("verify")

    assert (await rig.job()).state is State.VERIFIED
    assert await events(rig) == [Event.CLAIMED, Event.ACCEPTED, Event.FINISHED, Event.VERIFIED]
    assert len(rig.remote) == 1


@pytest.mark.rig(list_delay_s=600)
async def test_a_list_that_shows_an_ended_job_as_running_takes_nothing_back(rig: Rig) -> None:
    """Describe said COMPLETED, List goes on for ten minutes: finished stays finished, and is no foreign job."""
    await rig.plan("a/", "b/")
    while await rig.jobs(State.PENDING):
        await rig.tick("submit")
    await rig.complete()
    while await rig.jobs(State.RUNNING):
        rig.clock.advance(60)
        await rig.tick("track")
    await rig.plan("c/")  # so that the lane is still looked at
    rig.clock.advance(30)

    await rig.tick("track")

    assert [job.state for job in await rig.jobs()] == [State.FINISHED, State.FINISHED, State.PENDING]
    assert rig.calls.foreign == 0


@pytest.mark.rig(sweep=False)
async def test_a_status_that_steps_back_is_never_asked_for_again(rig: Rig) -> None:
    """IN_PROGRESS after COMPLETED: the job has left `running`, and no later answer brings it back."""
    await rig.plan("a/")
    await rig.tick("submit")
    await rig.complete()
    rig.clock.advance(60)
    await rig.tick("track")
    rig.clock.advance(60)
    await rig.tick("track")
    rig.sandbox.faults.add(read_fault({"what": "replace_member", "member": "JobStatus", "value": "IN_PROGRESS"}))

    for _ in range(5):
        rig.clock.advance(60)
        await rig.tick("track")
        await rig.tick("rescue")

    assert (await rig.job()).state is State.FINISHED


@pytest.mark.rig(sweep=False, describe_delay_s=90)
async def test_a_job_that_describe_does_not_know_yet_is_waited_for(rig: Rig) -> None:
    """JobNotFound for a minute and a half after Start: still running, one job, and its end is seen."""
    await rig.plan("a/")
    await rig.tick("submit")
    for _ in range(4):
        rig.clock.advance(15)
        await rig.tick("track")
    early = (await rig.job()).state
    await rig.complete()

    for _ in range(8):
        rig.clock.advance(60)
        await rig.tick("track")

    assert early is State.RUNNING
    assert (await rig.job()).state is State.FINISHED
    assert len(rig.remote) == 1
