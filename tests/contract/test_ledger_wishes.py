"""What a person asks of the ledger: find jobs, do them again, cancel them; also as a guest of its holder."""

import pytest

from fleet.core.job import Event, State, Verdict
from fleet.ledger import Ledger
from fleet.ledger.search import Filter
from tests.contract.conftest import HOLDER, LANE, OTHER_LANE, Case


async def test_ended_jobs_are_reopened_and_nothing_else(case: Case) -> None:
    """Verified, discarded and cancelled jobs get a new attempt without a verdict; what has moved since is left."""
    states = [state for state in State if state is not State.PENDING]
    jobs = [await case.bring((await case.plan(1, start=number))[0], state) for number, state in enumerate(states)]
    stale = jobs[-1]
    await case.ledger.reopen([stale])

    reopened = await case.ledger.reopen(jobs, why="a test")

    assert reopened == 2
    for job in jobs:
        now = await case.reread(job)
        if job.state in (State.VERIFIED, State.DISCARDED, State.CANCELLED):
            assert (now.state, now.attempt, now.verdict, now.remote_id) == (State.PENDING, job.attempt + 1, None, None)
            assert (await case.events(job))[-1] is Event.REOPENED
        else:
            assert now == job


async def test_a_guest_writes_wishes_beside_the_holder(case: Case) -> None:
    """The holder goes on meanwhile, and sees what the guest wished; it is not fenced out of its own jobs."""
    done = await case.bring((await case.plan(1))[0], State.VERIFIED)
    waiting = (await case.plan(1, start=1))[0]
    guest = await Ledger.visit(case.url, wall=case.wall)

    reopened = await guest.reopen([done])
    wished = await guest.request_cancel([waiting.key])
    await guest.close()
    claimed = await case.ledger.claim(LANE, limit=9, holder=HOLDER)

    assert (reopened, wished) == (1, 1)
    assert [(job.id, job.attempt) for job in claimed] == [(done.id, 2)]
    assert [job.id for job in await case.ledger.cancelling()] == [waiting.id]
    assert await case.ledger.check() == []


async def test_a_guest_can_do_nothing_else(case: Case) -> None:
    """It has no method that claims, records or adds."""
    guest = await Ledger.visit(case.url)

    assert not {"claim", "record", "add", "adopt", "release", "begin_manifest"} & set(dir(guest))
    await guest.close()


@pytest.mark.parametrize("sort", [None, "updated", "attempt", "size", "prefix"])
async def test_pages_in_any_order_hold_every_job_once(case: Case, sort: str | None) -> None:
    """From after the last job of a page on; no job twice, none left out."""
    jobs = await case.plan(7)
    await case.ledger.measure({job.id: job.id % 3 for job in jobs})
    which, found, after = Filter(), [], None

    while page := await case.ledger.chosen(which, limit=3, after=after, sort=sort):
        found += page
        after = page[-1]

    assert sorted(job.id for job in found) == [job.id for job in jobs]


async def test_all_conditions_hold_together(case: Case) -> None:
    """State, kind, target, verdict, manifest, and a text of the reason to the letter, whatever its case."""
    partial = await case.bring((await case.plan(1))[0], State.VERIFIED)
    await case.plan(1, start=1, lane=OTHER_LANE, target="other")
    other = await case.ledger.begin_manifest("other", None)

    async def ids(**conditions: object) -> list[int]:
        return [job.id for job in await case.ledger.chosen(Filter(**conditions), limit=9)]  # type: ignore[arg-type]

    assert await ids(states=[State.VERIFIED], verdicts=[Verdict.PARTIAL], kinds=["entities"]) == [partial.id]
    assert await ids(reason_like="internal_server") == [partial.id]
    assert await ids(reason_like="internal%server") == []
    assert await ids(targets=["main"]) == [partial.id]
    assert await ids(kinds=["key_phrases"]) == []
    assert await ids(manifest_ids=[other.id]) == []


async def test_changed_settings_rerun_ended_jobs_only_when_asked(case: Case) -> None:
    """Verified and discarded jobs take over other settings and are reopened; running ones stay as they are."""
    from tests.contract.conftest import planned

    states = (State.VERIFIED, State.DISCARDED, State.RUNNING)
    jobs = [await case.bring((await case.plan(1, start=number))[0], state) for number, state in enumerate(states)]
    manifest = await case.ledger.begin_manifest("test", None)
    asked = [(number + 1, planned(number, request='{"other":1}')) for number in range(3)]

    await case.ledger.add(manifest.id, asked)
    kept = [(await case.reread(job)).state for job in jobs]
    await case.ledger.add(manifest.id, [(4, planned(0, request='{"other":2}'))], rerun_changed=True)
    added = await case.ledger.add(manifest.id, asked, rerun_changed=True)

    assert kept == list(states)
    assert added.changed >= 2
    now = [await case.reread(job) for job in jobs]
    assert [(job.state, job.attempt) for job in now] == [(State.PENDING, 2), (State.DISCARDED, 1), (State.RUNNING, 1)]
    assert [job.request for job in now[:2]] == ['{"other":1}', '{"other":1}']
