"""What a person wants cancelled ends: before it begins, or by asking AWS to stop it; what AWS completed stays done."""

import pytest

from fleet.core.job import Event, Job, State, Verdict
from fleet.sandbox import read_fault
from fleet.stages.cancel import Cancel
from fleet.stages.moves import Moves
from tests.conftest import Rig


def stage(rig: Rig) -> Cancel:
    """The cancel stage of the rig's lane, as a process has it that has just begun."""
    return Cancel(rig.ledger, rig.calls, Moves(rig.ledger, rig.telemetry))


async def wish(rig: Rig, *jobs: Job) -> None:
    assert await rig.ledger.request_cancel([job.key for job in jobs]) == len(jobs)


async def started(rig: Rig, *prefixes: str) -> list[Job]:
    await rig.plan(*prefixes)
    while await rig.jobs(State.PENDING):
        await rig.tick("submit")
    return await rig.jobs()


def stops(rig: Rig) -> int:
    return sum(entry.operation.startswith("Stop") for entry in rig.sandbox.service.log)


async def stopped(rig: Rig) -> None:
    """Let the sandbox stop what it was asked to stop, and track see it."""
    while any(remote.status == "STOP_REQUESTED" for remote in rig.remote):
        rig.clock.advance(30)
        await rig.breathe()
    for _ in range(2):
        rig.clock.advance(30)
        await rig.tick("track")


async def test_a_pending_job_is_cancelled_at_once(rig: Rig) -> None:
    """Without a call to AWS, whether it was tried before or not; the others stay as they are."""
    jobs = await rig.plan("a/", "b/", "c/")
    await wish(rig, *jobs[:2])

    await stage(rig).tick(rig.clock.monotonic())

    states = {job.prefix: job.state for job in await rig.jobs()}
    assert [states[job.prefix] for job in jobs] == [State.CANCELLED, State.CANCELLED, State.PENDING]
    assert len(rig.sandbox.service.log) == 0


async def test_a_running_job_is_stopped_and_then_cancelled(rig: Rig) -> None:
    """One Stop, STOPPED seen by track, cancelled; its slot is free again."""
    (job,) = await started(rig, "a/")
    await wish(rig, job)
    cancel = stage(rig)

    for _ in range(5):
        await cancel.tick(rig.clock.monotonic())
        rig.clock.advance(2)
    during = await rig.job()
    await stopped(rig)

    after = await rig.job()
    assert during.state is State.RUNNING
    assert stops(rig) == 1
    assert (after.state, after.reason) == (State.CANCELLED, "cancelled on request")


async def test_a_job_that_aws_completed_first_is_done(rig: Rig) -> None:
    """COMPLETED before the Stop: the work is there and paid for, so it is verified, not thrown away."""
    (job,) = await started(rig, "a/")
    await wish(rig, job)
    await rig.complete()

    await stage(rig).tick(rig.clock.monotonic())
    for _ in range(2):
        rig.clock.advance(60)
        await rig.tick("track")
    await rig.tick("verify")

    after = await rig.job()
    assert (after.state, after.verdict) == (State.VERIFIED, Verdict.COMPLETE)


async def test_a_process_that_died_after_its_stop_asks_again_without_harm(rig: Rig) -> None:
    """kill -9 in between: the wish is in the ledger, and a second Stop changes nothing."""
    (job,) = await started(rig, "a/")
    await wish(rig, job)
    await stage(rig).tick(rig.clock.monotonic())
    rig.clock.advance(2)

    await stage(rig).tick(rig.clock.monotonic())
    await stopped(rig)

    assert stops(rig) == 2
    assert (await rig.job()).state is State.CANCELLED


async def test_stops_keep_their_rate(rig: Rig) -> None:
    """Ten wishes: one Stop a second, none throttled, and all ten end."""
    jobs = await started(rig, *(f"{number}/" for number in range(10)))
    await wish(rig, *jobs)
    cancel = stage(rig)

    while stops(rig) < 10:
        await cancel.tick(rig.clock.monotonic())
    await stopped(rig)

    truth = rig.sandbox.truth()
    assert truth["worst_second"]["StopEntitiesDetectionJob"] == 1
    assert truth["throttled"] in ({}, 0)
    assert {job.state for job in await rig.jobs()} == {State.CANCELLED}


@pytest.mark.parametrize(
    "fault",
    [
        {"what": "error", "code": "InternalServerException", "status": 500},
        {"what": "throttle"},
        {"what": "lose_answer"},
        {"what": "access_denied"},
    ],
    ids=lambda fault: fault["what"],
)
async def test_a_stop_that_fails_is_sent_again(rig: Rig, fault: dict[str, object]) -> None:
    """Down, throttled, unanswered or denied for a while: the job is stopped once Stop works."""
    rig.sandbox.faults.add(read_fault(fault | {"operation": "Stop*", "times": 3}))
    (job,) = await started(rig, "a/")
    await wish(rig, job)
    cancel = stage(rig)

    for _ in range(60):
        await cancel.tick(rig.clock.monotonic())
        rig.clock.advance(2)
        await rig.breathe()
    await stopped(rig)

    assert (await rig.job()).state is State.CANCELLED


async def test_a_job_in_doubt_is_left_to_rescue_first(rig: Rig) -> None:
    """Nobody knows whether AWS has it: it is looked up, adopted, and only then stopped."""
    rig.sandbox.faults.add(read_fault({"what": "lose_answer", "operation": "Start*", "times": 1}))
    (job,) = await rig.plan("a/")
    await rig.tick("submit")
    await wish(rig, job)
    cancel = stage(rig)

    await cancel.tick(rig.clock.monotonic())
    doubtful = await rig.job()
    await rig.tick("rescue")
    await cancel.tick(rig.clock.monotonic())
    await stopped(rig)

    assert doubtful.state is State.SUBMITTING
    assert ((await rig.job()).state, stops(rig)) == (State.CANCELLED, 1)


async def test_a_wish_outlives_a_failed_attempt(rig: Rig) -> None:
    """The job fails before it is stopped: it goes back to pending, and is cancelled there instead of started again."""
    rig.sandbox.faults.add(read_fault({"what": "fail_job", "operation": "Start*", "times": 1, "message": "INTERNAL"}))
    (job,) = await started(rig, "a/")
    await rig.complete()
    await wish(rig, job)
    for _ in range(2):
        rig.clock.advance(60)
        await rig.tick("track")
    retried = await rig.job()

    await stage(rig).tick(rig.clock.monotonic())

    assert (retried.state, retried.attempt) == (State.PENDING, 2)
    assert ((await rig.job()).state, len(rig.remote)) == (State.CANCELLED, 1)


async def test_thousands_of_wishes_are_one_matter_of_moments(rig: Rig) -> None:
    """More than one page of pending jobs: one tick, every one of them with its event."""
    jobs = await rig.plan(*(f"{number}/" for number in range(1200)), documents=None)
    await wish(rig, *jobs)

    await stage(rig).tick(rig.clock.monotonic())

    assert {job.state for job in await rig.jobs()} == {State.CANCELLED}
    (event,) = await rig.ledger.history(jobs[-1].id)
    assert event.event is Event.CANCELLED
