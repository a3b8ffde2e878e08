"""News of commits: told once they are durable, never missed, and many make one."""

import asyncio
import gc

import pytest

from fleet.core.errors import Conflict
from fleet.core.identity import intent
from fleet.core.job import Event, Job, State
from fleet.ledger import Ledger
from tests.contract.conftest import HOLDER, LANE, Case


async def test_news_that_came_before_the_wait_is_not_missed(case: Case) -> None:
    """What was committed since the signal was made ends the next wait at once."""
    (job,) = await case.plan()
    signal = case.ledger.signal(Event.ACCEPTED, Event.DISCARDED)

    await case.bring(job, State.RUNNING)

    assert "news" in repr(signal)
    await signal.wait()
    assert "news" not in repr(signal)


async def test_a_wait_ends_with_the_commit(case: Case) -> None:
    """Whoever waits wakes up, and finds in the ledger what the news is about."""
    (job,) = await case.plan()
    submitting = await case.bring(job, State.SUBMITTING)
    signal = case.ledger.signal(Event.ACCEPTED)

    async def wait() -> State:
        await signal.wait()
        return (await case.reread(job)).state

    waiting = asyncio.create_task(wait())
    await case.step(submitting, Event.ACCEPTED)

    assert await waiting is State.RUNNING


async def test_many_commits_make_one_news(case: Case) -> None:
    """After one wait the signal is silent until something else is committed."""
    jobs = await case.plan(5)
    signal = case.ledger.signal(Event.CLAIMED)
    await case.ledger.claim(LANE, limit=2, holder=HOLDER)
    await case.ledger.claim(LANE, limit=2, holder=HOLDER)
    await signal.wait()

    waiting = asyncio.create_task(signal.wait())
    await case.ledger.counts()
    assert not waiting.done()

    await case.bring(jobs[4], State.SUBMITTING)
    await waiting


async def test_other_events_are_no_news(case: Case) -> None:
    """A signal hears only of what it asked for, and of no move that did not happen."""
    (job,) = await case.plan()
    signal = case.ledger.signal(Event.FINISHED)
    running = await case.bring(job, State.RUNNING)
    with pytest.raises(Conflict):
        await case.ledger.record(running, Event.SNOOZED)

    assert "news" not in repr(signal)


async def test_jobs_that_a_manifest_brings_are_news_for_who_asks(case: Case) -> None:
    """`added` is a word of its own beside the events."""
    deaf, listening = case.ledger.signal(Event.CLAIMED), case.ledger.signal(added=True)

    await case.plan()

    await listening.wait()
    assert "news" not in repr(deaf)


async def test_adoption_is_news_of_both_its_events(case: Case) -> None:
    """A pending job that is adopted was claimed and accepted."""
    (job,) = await case.plan()
    claimed, accepted = case.ledger.signal(Event.CLAIMED), case.ledger.signal(Event.ACCEPTED)

    await case.ledger.adopt(job, attempt=1, remote_id="9", submitted_at=None)

    await claimed.wait()
    await accepted.wait()


async def test_the_news_comes_even_if_the_writer_was_cancelled(case: Case) -> None:
    """A commit that happened is told, also when nobody waits for its result any more."""
    (job,) = await case.plan()
    await case.ledger.close()
    loop = asyncio.get_running_loop()

    def intent_while_the_writer_is_cancelled(job: Job) -> str:
        loop.call_soon_threadsafe(writer.cancel)
        return intent(job)

    case.ledger = await Ledger.open(case.url, wall=case.wall, intent=intent_while_the_writer_is_cancelled)
    signal = case.ledger.signal(Event.CLAIMED)

    writer = asyncio.create_task(case.ledger.claim(LANE, limit=1, holder=HOLDER))

    await signal.wait()
    assert writer.cancelled()
    assert (await case.reread(job)).state is State.SUBMITTING


async def test_a_forgotten_signal_is_not_kept(case: Case) -> None:
    """A signal that nobody holds costs nothing and harms nobody."""
    await case.plan(2)
    signal = case.ledger.signal(Event.CLAIMED)
    kept = case.ledger.signal(Event.CLAIMED)

    del signal
    gc.collect()
    await case.ledger.claim(LANE, limit=1, holder=HOLDER)

    await kept.wait()
