"""Who gets which job: in order, when it is due, each job for one claimer alone, with its intent written first."""

import asyncio
import json
from dataclasses import replace

import pytest

from fleet.core.identity import intent, job_name, request_token
from fleet.core.job import Event, State
from fleet.ledger import Ledger
from tests.contract.conftest import HOLDER, LANE, OTHER_LANE, Case, planned


async def test_claims_follow_the_order_of_the_manifest(case: Case) -> None:
    """Jobs of one size go in order, at most as many as asked for, and only those of the lane."""
    await case.plan(3, lane=OTHER_LANE, source="other")
    jobs = await case.plan(5, start=10)

    first = await case.ledger.claim(LANE, limit=2, holder=HOLDER)
    rest = await case.ledger.claim(LANE, limit=9, holder=HOLDER)

    assert [job.id for job in first] == [job.id for job in jobs[:2]]
    assert [job.id for job in rest] == [job.id for job in jobs[2:]]
    assert await case.ledger.claim(LANE, limit=1, holder=HOLDER) == []


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_claim_of_nothing_is_nothing(case: Case, limit: int) -> None:
    """A full lane asks for no job, and gets none."""
    await case.plan()

    assert await case.ledger.claim(LANE, limit=limit, holder=HOLDER) == []


async def test_the_intent_is_durable_before_anything_can_leave(case: Case) -> None:
    """A claimed job holds the exact bytes of its Start request, also for whoever opens the ledger after a crash."""
    (job,) = await case.plan()

    (claimed,) = await case.ledger.claim(LANE, limit=1, holder=HOLDER)

    await case.reopen()
    assert await case.reread(job) == claimed
    assert claimed.intent == intent(job)
    request = json.loads(claimed.intent)
    assert request["ClientRequestToken"] == request_token(job.key, 1)
    assert request["JobName"] == job_name(job.key, 1)
    assert request["InputDataConfig"]["S3Uri"] == job.prefix


@pytest.mark.parametrize("event", [Event.SNOOZED, Event.RESCUED])
async def test_the_same_attempt_goes_again_with_the_same_bytes(case: Case, event: Event) -> None:
    """What AWS may have heard is never said differently: not even when the manifest asks for other settings since."""
    (job,) = await case.plan()
    claimed = await case.bring(job, State.SUBMITTING)
    waiting = await case.step(claimed, event)
    manifest = await case.ledger.begin_manifest("again", None)
    await case.ledger.add(manifest.id, [(1, planned(0, request='{"LanguageCode":"de"}'))])

    again = await case.step(waiting, Event.CLAIMED)

    assert again.attempt == claimed.attempt
    assert again.intent == claimed.intent


async def test_a_newer_fleet_sends_an_older_attempt_as_it_was(case: Case) -> None:
    """An attempt that was written down goes again to the letter, even if it would be written otherwise now."""
    (job,) = await case.plan()
    claimed = await case.bring(job, State.SUBMITTING)
    await case.step(claimed, Event.RESCUED)
    await case.ledger.close()
    case.ledger = await Ledger.open(case.url, wall=case.wall, intent=lambda job: "written otherwise")

    (again,) = await case.ledger.claim(LANE, limit=1, holder=HOLDER)

    assert again.intent == claimed.intent


@pytest.mark.parametrize("event", [Event.RETRIED, Event.DISCARDED])
async def test_a_new_attempt_has_a_new_token(case: Case, event: Event) -> None:
    """Retried or reopened: the token and the JobName are those of the new attempt."""
    (job,) = await case.plan()
    running = await case.bring(job, State.RUNNING)
    waiting = await case.step(running, event)
    if waiting.state is State.DISCARDED:
        waiting = await case.step(waiting, Event.REOPENED)

    again = await case.step(waiting, Event.CLAIMED)

    assert again.intent == intent(replace(job, attempt=2))
    assert again.intent != running.intent


async def test_a_snoozed_job_waits_until_it_is_due(case: Case) -> None:
    """It is passed over before, and claimed from that moment on."""
    first, second = await case.plan(2)
    snoozed = await case.step(await case.bring(first, State.SUBMITTING), Event.SNOOZED)

    early = await case.ledger.claim(LANE, limit=2, holder=HOLDER)
    case.wall.now_s = snoozed.due_at
    late = await case.ledger.claim(LANE, limit=2, holder=HOLDER)

    assert [job.id for job in early] == [second.id]
    assert [job.id for job in late] == [first.id]


async def test_a_clock_that_was_set_back_strands_no_job(case: Case) -> None:
    """A job that is due more than a day from now was put back before the clock was: it is due now."""
    (job,) = await case.plan()
    claimed = await case.bring(job, State.SUBMITTING)
    snoozed = await case.ledger.record(claimed, Event.SNOOZED, due_at=case.wall.now_s + 60)

    case.wall.now_s -= 7 * 86_400
    due_in_s = await case.ledger.due_in(LANE)
    taken = await case.ledger.claim(LANE, limit=1, holder=HOLDER)

    assert due_in_s == 0
    assert [found.id for found in taken] == [snoozed.id]


async def test_a_job_that_is_to_be_cancelled_is_not_started(case: Case) -> None:
    """The wish is enough: claims pass it over, and the lane has nothing due."""
    (job,) = await case.plan()

    await case.ledger.request_cancel([job.key])

    assert await case.ledger.claim(LANE, limit=1, holder=HOLDER) == []
    assert await case.ledger.due_in(LANE) is None


async def test_concurrent_claims_never_share_a_job(case: Case) -> None:
    """However many claim at once, each job is in one pair of hands, and none is left."""
    jobs = await case.plan(100)

    claims = await asyncio.gather(
        *(case.ledger.claim(LANE, limit=7, holder=f"claimer {number}") for number in range(20))
    )

    claimed = [job for jobs in claims for job in jobs]
    assert sorted(job.id for job in claimed) == [job.id for job in jobs]
    assert await case.ledger.jobs(states={State.SUBMITTING}) == sorted(claimed, key=lambda job: job.id)


async def test_due_in_tells_when_a_claim_will_find_something(case: Case) -> None:
    """None without a pending job, 0 with one that is due, else the seconds to the first that will be."""
    assert await case.ledger.due_in(LANE) is None
    await case.plan(2)
    assert await case.ledger.due_in(LANE) == 0
    claimed = await case.ledger.claim(LANE, limit=2, holder=HOLDER)
    assert await case.ledger.due_in(LANE) is None

    await case.ledger.record(claimed[0], Event.SNOOZED, due_at=case.wall.now_s + 50)
    await case.ledger.record(claimed[1], Event.SNOOZED, due_at=case.wall.now_s + 20)

    assert await case.ledger.due_in(LANE) == 20
    assert await case.ledger.due_in(OTHER_LANE) is None
