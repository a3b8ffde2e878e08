"""How jobs move: every transition of the table, only if nobody moved first, each with its event, durably."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from fleet.core.errors import Conflict
from fleet.core.identity import intent
from fleet.core.job import TRANSITIONS, Event, Job, State, Verdict, apply
from tests.contract.conftest import FACTS, HOLDER, Case

ALLOWED = [(state, event) for state, events in TRANSITIONS.items() for event in events]
FORBIDDEN = [(state, event) for state in State for event in Event if event not in TRANSITIONS[state]]


@pytest.mark.parametrize(("state", "event"), ALLOWED, ids=lambda word: str(word))
async def test_every_transition_of_the_table_is_durable(case: Case, state: State, event: Event) -> None:
    """The returned job is what `apply` says, the ledger has the same job, and the event is its newest history."""
    (job,) = await case.plan()
    before = await case.bring(job, state)

    after = await case.step(before, event)

    facts = FACTS.get(event) or {"intent": intent(before), "holder": HOLDER}
    assert after == apply(before, event, **facts, updated_at=case.wall.now_s)
    assert await case.reread(after) == after
    await case.reopen()
    assert await case.reread(after) == after
    newest = (await case.ledger.history(job.id))[-1]
    assert (newest.event, newest.attempt, newest.at) == (event, before.attempt, case.wall.now_s)


@pytest.mark.parametrize(("state", "event"), FORBIDDEN, ids=lambda word: str(word))
async def test_what_is_not_in_the_table_is_a_conflict_and_changes_nothing(
    case: Case, state: State, event: Event
) -> None:
    """An event that cannot follow raises `Conflict`; row, history and counts stay as they were."""
    (job,) = await case.plan()
    before = await case.bring(job, state)
    history, counts = await case.ledger.history(job.id), await case.ledger.counts()

    with pytest.raises(Conflict):
        await case.ledger.record(before, event, **FACTS.get(event, {}))

    assert await case.reread(before) == before
    assert await case.ledger.history(job.id) == history
    assert await case.ledger.counts() == counts


async def test_a_copy_that_grew_old_cannot_move_the_job(case: Case) -> None:
    """Who moves a job from a copy that somebody else has overtaken gets `Conflict`, and no event is appended."""
    (job,) = await case.plan()
    stale = await case.bring(job, State.RUNNING)
    current = await case.step(stale, Event.FINISHED)
    history = await case.ledger.history(job.id)

    with pytest.raises(Conflict, match="moved it first"):
        await case.ledger.record(stale, Event.DISCARDED, reason="too late")

    assert await case.reread(job) == current
    assert await case.ledger.history(job.id) == history


async def test_a_copy_of_an_older_attempt_cannot_move_the_job(case: Case) -> None:
    """The same state in another attempt is another thing: `Conflict`."""
    (job,) = await case.plan()
    first = await case.bring(job, State.RUNNING)
    second = await case.bring(await case.step(first, Event.RETRIED), State.RUNNING)

    with pytest.raises(Conflict):
        await case.ledger.record(first, Event.FINISHED)

    assert second.attempt == 2
    assert await case.reread(job) == second


async def test_of_two_who_move_at_the_same_time_one_wins(case: Case) -> None:
    """Two moves of one job that wait for the same commit: one happens, the other is a `Conflict`."""
    (job,) = await case.plan()
    running = await case.bring(job, State.RUNNING)

    outcomes = await asyncio.gather(
        case.ledger.record(running, Event.FINISHED),
        case.ledger.record(running, Event.DISCARDED, reason="no"),
        return_exceptions=True,
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Job"]
    assert len(await case.events(job)) == 3


async def test_one_that_fails_takes_no_other_with_it(case: Case) -> None:
    """Of a hundred moves that wait for one commit, only those that cannot happen fail."""
    jobs = await case.plan(100)
    claimed = await case.ledger.claim(jobs[0].lane, limit=100, holder=HOLDER)
    stale = [job if job.id % 7 else replace(job, attempt=2) for job in claimed]

    outcomes = await asyncio.gather(
        *(case.ledger.record(job, Event.ACCEPTED, remote_id=job.key) for job in stale), return_exceptions=True
    )

    for job, outcome in zip(stale, outcomes, strict=True):
        assert isinstance(outcome, Job if job.id % 7 else Conflict)
    running = await case.ledger.jobs(states={State.RUNNING})
    assert [job.id for job in running] == [job.id for job in claimed if job.id % 7]
    assert all(job.remote_id == job.key for job in running)


async def test_who_stops_waiting_takes_no_other_with_him(case: Case) -> None:
    """A writer that is cancelled while it waits neither fails nor holds up the others."""
    jobs = await case.plan(10)
    claimed = await case.ledger.claim(jobs[0].lane, limit=10, holder=HOLDER)
    writers = [asyncio.create_task(case.ledger.record(job, Event.ACCEPTED, remote_id=job.key)) for job in claimed]
    await asyncio.sleep(0)

    writers[3].cancel()
    outcomes = await asyncio.gather(*writers, return_exceptions=True)

    assert isinstance(outcomes[3], asyncio.CancelledError)
    assert sum(isinstance(outcome, Job) for outcome in outcomes) == 9
    assert len(await case.ledger.jobs(states={State.RUNNING})) >= 9


IMPOSSIBLE: list[tuple[State, Event, dict[str, Any]]] = [
    (State.PENDING, Event.CLAIMED, {"holder": HOLDER}),
    (State.SUBMITTING, Event.ACCEPTED, {}),
    (State.SUBMITTING, Event.ACCEPTED, {"remote_id": "1", "intent": None}),
    (State.SUBMITTING, Event.ACCEPTED, {"remote_id": "1", "holder": HOLDER}),
    (State.SUBMITTING, Event.SNOOZED, {"attempt": 0}),
    (State.SUBMITTING, Event.SNOOZED, {"snoozes": -1}),
    (State.RUNNING, Event.FINISHED, {"remote_id": None}),
    (State.RUNNING, Event.FINISHED, {"verdict": Verdict.COMPLETE}),
    (State.FINISHED, Event.VERIFIED, {}),
    (State.FINISHED, Event.VERIFIED, {"verdict": Verdict.COMPLETE, "documents": -1}),
    (State.FINISHED, Event.VERIFIED, {"verdict": Verdict.COMPLETE, "failed_documents": -1}),
]


@pytest.mark.parametrize(("state", "event", "facts"), IMPOSSIBLE, ids=lambda value: str(value))
async def test_the_database_refuses_what_cannot_be(
    case: Case, state: State, event: Event, facts: dict[str, Any]
) -> None:
    """Facts that contradict the state are a `ValueError`, whoever made the mistake; nothing of them is kept."""
    (job,) = await case.plan()
    before = await case.bring(job, state)
    history, counts = await case.ledger.history(job.id), await case.ledger.counts()

    with pytest.raises(ValueError, match="refuses"):
        await case.ledger.record(before, event, **facts)

    assert await case.reread(before) == before
    assert await case.ledger.history(job.id) == history
    assert await case.ledger.counts() == counts


async def test_history_keeps_the_facts_that_a_new_attempt_forgets(case: Case) -> None:
    """The JobId of a failed attempt is gone from the job and stays in its history, with the given detail."""
    (job,) = await case.plan()
    running = await case.bring(job, State.RUNNING)
    retried = await case.ledger.record(running, Event.RETRIED, detail={"status": "FAILED"}, reason="INTERNAL_ERROR")

    claimed, accepted, last = await case.ledger.history(job.id)

    assert retried.remote_id is None
    assert claimed.detail == {"holder": HOLDER}
    assert accepted.detail["remote_id"] == "1" * 32
    assert last.detail == {"reason": "INTERNAL_ERROR", "status": "FAILED"}
    assert [accepted.attempt, last.attempt, retried.attempt] == [1, 1, 2]


@pytest.mark.parametrize("state", [State.PENDING, State.SUBMITTING])
@pytest.mark.parametrize("attempt", [1, 3])
async def test_a_job_that_aws_already_has_is_adopted(case: Case, state: State, attempt: int) -> None:
    """The job runs under the attempt that AWS knows, with the very request of that attempt, without a Start."""
    (job,) = await case.plan()
    before = await case.bring(job, state)

    after = await case.ledger.adopt(before, attempt=attempt, remote_id="9" * 32, submitted_at=5.0)

    assert (after.state, after.attempt, after.remote_id) == (State.RUNNING, attempt, "9" * 32)
    assert (after.submitted_at, after.holder) == (5.0, None)
    assert after.intent == intent(replace(job, attempt=attempt))
    assert await case.reread(after) == after
    assert await case.events(job) == [Event.CLAIMED, Event.ACCEPTED]
    newest = (await case.ledger.history(job.id))[-1]
    assert newest.attempt == attempt
    assert newest.detail["adopted"] is True


async def test_adoption_keeps_the_bytes_that_may_have_left(case: Case) -> None:
    """The intent of an attempt that was already sent stays, even if the job was planned anew since."""
    (job,) = await case.plan()
    claimed = await case.bring(job, State.SUBMITTING)
    snoozed = await case.step(claimed, Event.SNOOZED)

    after = await case.ledger.adopt(replace(snoozed, request="{}"), attempt=1, remote_id="9", submitted_at=None)

    assert after.intent == claimed.intent


@pytest.mark.parametrize("state", [State.RUNNING, State.VERIFIED, State.DISCARDED])
async def test_only_a_job_that_waits_or_is_being_submitted_can_be_adopted(case: Case, state: State) -> None:
    """In any other state adoption is a `Conflict`."""
    (job,) = await case.plan()
    before = await case.bring(job, state)

    with pytest.raises(Conflict):
        await case.ledger.adopt(before, attempt=1, remote_id="9", submitted_at=None)

    assert await case.reread(job) == before


async def test_a_wish_to_cancel_survives_moves_made_from_older_copies(case: Case) -> None:
    """A wish is a column of its own: a move that does not know of it does not wipe it out."""
    (job,) = await case.plan()
    submitting = await case.bring(job, State.SUBMITTING)

    asked = await case.ledger.request_cancel([job.key])
    await case.step(submitting, Event.ACCEPTED)

    assert asked == 1
    assert (await case.reread(job)).cancel_requested
    assert [found.id for found in await case.ledger.cancelling()] == [job.id]


async def test_only_what_is_not_over_can_be_wished_away(case: Case) -> None:
    """A wish counts once, and not for jobs that have ended or whose output is being read."""
    jobs = await case.plan(4)
    await case.bring(jobs[0], State.CANCELLED)
    await case.bring(jobs[1], State.FINISHED)
    await case.bring(jobs[2], State.RUNNING)
    keys = [job.key for job in jobs]

    first, second = await case.ledger.request_cancel(keys), await case.ledger.request_cancel(keys)

    assert (first, second) == (2, 0)
    assert [job.id for job in await case.ledger.cancelling(jobs[0].lane)] == [jobs[2].id, jobs[3].id]
    assert [job.id for job in await case.ledger.cancelling(after_id=jobs[2].id, limit=5)] == [jobs[3].id]


async def test_a_released_job_is_in_nobodys_hands(case: Case) -> None:
    """Release leaves the job submitting, without a holder; a job that was moved meanwhile stays as it is."""
    first, second = await case.plan(2)
    first = await case.bring(first, State.SUBMITTING)
    second = await case.bring(second, State.SUBMITTING)
    running = await case.step(second, Event.ACCEPTED)

    await case.ledger.release(first)
    await case.ledger.release(second)

    assert await case.reread(first) == replace(first, holder=None)
    assert await case.reread(second) == running
    assert await case.events(first) == [Event.CLAIMED]
