"""What AWS has and the ledger does not know is adopted when its job comes, in whatever order the two are learned."""

import pytest

from fleet.core.job import Event, State
from fleet.ledger import Orphan
from tests.contract.conftest import FACTS, HOLDER, LANE, OTHER_LANE, Case, planned


def orphan(number: int, attempt: int = 1) -> Orphan:
    """What AWS has of the job of this number."""
    return Orphan(planned(number).key, attempt, remote_id=f"{attempt}" * 32, submitted_at=1_700_000_000.5)


@pytest.mark.parametrize("first", ["the manifest", "AWS"])
async def test_a_job_that_aws_has_is_not_started_again(case: Case, first: str) -> None:
    """Whichever is read first: the claim hands out the other job alone, and this one is running under its JobId."""
    if first == "AWS":
        await case.ledger.note_orphans(LANE, [orphan(0)])
    known, other = await case.plan(2)
    if first == "the manifest":
        await case.ledger.note_orphans(LANE, [orphan(0)])
    accepted = case.ledger.signal(Event.ACCEPTED)

    claimed = await case.ledger.claim(LANE, limit=2, holder=HOLDER)

    assert [job.id for job in claimed] == [other.id]
    adopted = await case.reread(known)
    assert (adopted.state, adopted.attempt, adopted.remote_id) == (State.RUNNING, 1, "1" * 32)
    assert adopted.submitted_at == 1_700_000_000.5
    assert await case.events(known) == [Event.CLAIMED, Event.ACCEPTED]
    assert "news" in repr(accepted)
    assert await case.ledger.check() == []


async def test_a_later_attempt_that_aws_has_is_adopted_when_it_is_its_turn(case: Case) -> None:
    """An old backup says attempt 1 runs, AWS has attempt 2 as well: after attempt 1 failed, 2 is adopted, not sent."""
    (job,) = await case.plan()
    job = await case.bring(job, State.RUNNING)
    await case.ledger.note_orphans(LANE, [orphan(0, attempt=2)])
    await case.ledger.record(job, Event.RETRIED, due_at=0.0)

    claimed = await case.ledger.claim(LANE, limit=1, holder=HOLDER)

    assert claimed == []
    adopted = await case.reread(job)
    assert (adopted.state, adopted.attempt, adopted.remote_id) == (State.RUNNING, 2, "2" * 32)


async def test_what_a_job_accounts_for_is_no_orphan(case: Case) -> None:
    """A job that runs, ended, or is further on leaves nothing behind to be adopted by mistake."""
    running, retried = await case.plan(2)
    running = await case.bring(running, State.RUNNING)
    retried = await case.bring(retried, State.RUNNING)
    retried = await case.ledger.record(retried, Event.RETRIED, **FACTS[Event.RETRIED])

    await case.ledger.note_orphans(LANE, [orphan(0), orphan(1), orphan(7)])
    case.wall.now_s = retried.due_at
    claimed = await case.ledger.claim(LANE, limit=2, holder=HOLDER)

    assert [(job.id, job.attempt) for job in claimed] == [(retried.id, 2)]
    assert await case.reread(running) == running
    assert await case.ledger.orphans() == 1


async def test_an_orphan_belongs_to_its_lane(case: Case) -> None:
    """A job that now belongs to another account, Region or kind cannot be followed there: it is not adopted."""
    (job,) = await case.plan(lane=OTHER_LANE)
    await case.ledger.note_orphans(LANE, [orphan(0)])

    claimed = await case.ledger.claim(OTHER_LANE, limit=1, holder=HOLDER)

    assert [found.id for found in claimed] == [job.id]


async def test_orphans_outlive_the_process_and_the_newest_counts(case: Case) -> None:
    """What was noted is durable; a newer attempt takes the place of an older one."""
    await case.ledger.note_orphans(LANE, [orphan(0)])
    await case.ledger.note_orphans(LANE, [orphan(0, attempt=3)])
    await case.reopen()
    (job,) = await case.plan()

    await case.ledger.claim(LANE, limit=1, holder=HOLDER)

    assert (await case.reread(job)).attempt == 3
    assert await case.ledger.orphans() == 0
