"""What a job's history tells to who asks AWS's support, and how its attempts are counted."""

from fleet.core.job import Event, Job, State
from fleet.sandbox import read_fault
from tests.conftest import Rig


async def happened(rig: Rig, job: Job) -> dict[Event, dict[str, object]]:
    """The last detail of each event of the job."""
    return {told.event: dict(told.detail) for told in await rig.ledger.history(job.id)}


async def try_once(rig: Rig) -> None:
    """One attempt: started, brought to its end in AWS, and seen."""
    rig.clock.advance(600)
    await rig.tick("submit")
    await rig.complete()
    await rig.tick("track")


async def test_the_history_has_the_request_ids_of_start_and_describe(rig: Rig) -> None:
    """The Start that was accepted, and the Describe that told the end, are named by what AWS calls them."""
    await rig.plan("a/")

    await try_once(rig)

    details = await happened(rig, await rig.job())
    accepted, finished = details[Event.ACCEPTED]["request_id"], details[Event.FINISHED]["request_id"]
    assert len(str(accepted)) == len(str(finished)) == 36
    assert accepted != finished


async def test_a_refused_start_has_its_request_id(rig: Rig) -> None:
    """Also where AWS says no: in the event, while the reason stays the same for all jobs that share it."""
    rig.sandbox.faults.add(read_fault({"what": "throttle", "operation": "Start*", "times": 1}))
    await rig.plan("a/")

    await rig.tick("submit")

    job = await rig.job()
    request_id = str((await happened(rig, job))[Event.SNOOZED]["request_id"])
    assert len(request_id) == 36
    assert request_id not in str(job.reason)


async def test_a_persons_retry_allows_all_attempts_again(rig: Rig) -> None:
    """Three attempts, given up; reopened, three more; and each time the reason says what is true."""
    rig.sandbox.faults.add(read_fault({"what": "fail_job", "operation": "Start*", "message": "INTERNAL_ERROR: again"}))
    await rig.plan("a/")

    for _ in range(3):
        await try_once(rig)
    given_up = await rig.job()
    await rig.ledger.reopen([given_up])
    for _ in range(3):
        await try_once(rig)
    again = await rig.job()

    assert (given_up.state, given_up.attempt) == (State.DISCARDED, 3)
    assert given_up.reason == "INTERNAL_ERROR: again (attempt 3 of 3)"
    assert (again.state, again.attempt) == (State.DISCARDED, 6)
    assert again.reason == "INTERNAL_ERROR: again (attempt 3 of 3, 3 earlier not counted)"
