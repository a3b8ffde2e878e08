"""What the ledger can be asked, and that its answers are the same after it was closed and opened again."""

import asyncio
from dataclasses import replace

import pytest

from fleet.core.errors import InvalidInput
from fleet.core.job import Event, Job, State, Verdict
from fleet.ledger import Ledger, Reason, VerdictCount
from tests.contract.conftest import HOLDER, LANE, OTHER_LANE, Case, planned


@pytest.fixture
async def jobs(case: Case) -> list[Job]:
    """One entities job in each state, in the order of `State`, and three pending sentiment jobs of another manifest."""
    # all exist before the first moves, and the last of them moves first, so that claims find the one that is meant
    some = await case.plan(len(State), source="one")
    await case.plan(3, start=100, source="two", lane=OTHER_LANE)
    for job, state in zip(some, State, strict=True):
        if state is State.PENDING:
            await case.ledger.request_cancel([job.key])
        else:
            await case.bring(job, state)
    return await case.ledger.jobs()


async def test_without_conditions_all_jobs_come_in_order(case: Case, jobs: list[Job]) -> None:
    """Every job, by id."""
    assert [job.id for job in jobs] == list(range(1, 11))
    assert [job.state for job in jobs[:7]] == list(State)


@pytest.mark.parametrize("state", State)
async def test_jobs_are_found_by_state_and_lane(case: Case, jobs: list[Job], state: State) -> None:
    """Each state alone, in a lane and in all lanes: the same jobs as picked by hand."""
    alone = await case.ledger.jobs(states={state})
    in_lane = await case.ledger.jobs(lane=LANE, states={state})
    in_other = await case.ledger.jobs(lane=OTHER_LANE, states={state})

    assert alone == [job for job in jobs if job.state is state]
    assert in_lane == [job for job in alone if job.lane == LANE]
    assert in_other == [job for job in alone if job.lane == OTHER_LANE]


@pytest.mark.parametrize(
    "states",
    [
        set(),
        {State.SUBMITTING, State.RUNNING},
        {State.SUBMITTING, State.RUNNING, State.FINISHED},
        {State.RUNNING, State.DISCARDED, State.PENDING},
        set(State),
    ],
    ids=lambda states: "-".join(sorted(states)) or "none",
)
async def test_jobs_are_found_by_several_conditions_at_once(case: Case, jobs: list[Job], states: set[State]) -> None:
    """Conditions are joined by and; a limit and a place to go on from hold for every combination."""
    manifest = (await case.ledger.manifests())[0]
    wanted = [job for job in jobs[:7] if job.state in states]

    found = await case.ledger.jobs(lane=LANE, states=states, manifest_ids=[manifest.id])
    page = await case.ledger.jobs(states=states, manifest_ids=[manifest.id], limit=1)
    rest = await case.ledger.jobs(states=states, manifest_ids=[manifest.id], after_id=page[0].id if page else 0)

    assert found == wanted
    assert page + rest == wanted


async def test_jobs_are_found_by_key(case: Case, jobs: list[Job]) -> None:
    """Those that exist and meet the other conditions, each once, in the order of their ids."""
    keys = [jobs[9].key, jobs[2].key, jobs[2].key, "0" * 32]
    two = (await case.ledger.manifests())[1]

    assert await case.ledger.jobs(keys=keys) == [jobs[2], jobs[9]]
    assert await case.ledger.jobs(keys=keys, lane=LANE) == [jobs[2]]
    assert await case.ledger.jobs(keys=keys, states={State.PENDING}) == [jobs[9]]
    assert await case.ledger.jobs(keys=keys, manifest_ids=[two.id]) == [jobs[9]]
    assert await case.ledger.jobs(keys=keys, limit=1) == [jobs[2]]
    assert await case.ledger.jobs(keys=keys, after_id=jobs[2].id) == [jobs[9]]
    assert await case.ledger.jobs(keys=[]) == []


async def test_jobs_of_no_manifest_are_none(case: Case, jobs: list[Job]) -> None:
    """An empty collection is a condition that nothing meets; None is no condition."""
    assert await case.ledger.jobs(manifest_ids=[]) == []
    assert len(await case.ledger.jobs(manifest_ids=None)) == len(jobs)


async def test_pending_jobs_of_a_lane_come_page_by_page(case: Case, jobs: list[Job]) -> None:
    """The short way to a lane's pending jobs obeys all conditions too."""
    one, two = await case.ledger.manifests()
    pending = {"lane": OTHER_LANE, "states": {State.PENDING}}

    assert await case.ledger.jobs(**pending, limit=2) == jobs[7:9]
    assert await case.ledger.jobs(**pending, after_id=jobs[8].id) == jobs[9:]
    assert await case.ledger.jobs(**pending, manifest_ids=[two.id]) == jobs[7:]
    assert await case.ledger.jobs(**pending, manifest_ids=[one.id]) == []


async def test_counts_name_every_state_of_every_lane(case: Case, jobs: list[Job]) -> None:
    """All seven states are there, in the order of a job's life, also where there is no job."""
    counts = await case.ledger.counts()

    assert counts == {LANE: dict.fromkeys(State, 1), OTHER_LANE: dict.fromkeys(State, 0) | {State.PENDING: 3}}
    assert list(counts[OTHER_LANE]) == list(State)


async def test_counts_of_manifests_count_each_job_once(case: Case, jobs: list[Job]) -> None:
    """By kind, over the manifests asked for, or over all jobs."""
    one, two = await case.ledger.manifests()
    both = await case.ledger.begin_manifest("both", None)
    await case.ledger.add(both.id, [(1, planned(100, lane=OTHER_LANE)), (2, planned(6))])

    assert (await case.ledger.manifest_counts([one.id])) == {"entities": dict.fromkeys(State, 1)}
    assert (await case.ledger.manifest_counts([two.id, both.id]))["sentiment"][State.PENDING] == 3
    assert (await case.ledger.manifest_counts([both.id]))["entities"] == dict.fromkeys(State, 0) | {State.CANCELLED: 1}
    assert set(await case.ledger.manifest_counts()) == {"entities", "sentiment"}
    assert await case.ledger.manifest_counts([]) == {}


async def test_verdicts_sum_the_documents(case: Case) -> None:
    """Jobs, documents and failed documents of each verdict and kind, in all lanes of the kind."""
    second = replace(LANE, region="eu-west-1")
    complete, missing = Verdict.COMPLETE, Verdict.MISSING
    for start, lane, verdict in ((0, LANE, complete), (10, second, complete), (20, LANE, missing)):
        for job in await case.plan(2, start=start, lane=lane, source=verdict):
            finished = await case.bring(job, State.FINISHED)
            documents = None if verdict is missing else 10
            await case.ledger.record(finished, Event.VERIFIED, verdict=verdict, documents=documents, failed_documents=1)
    last = (await case.ledger.manifests())[-1]

    assert await case.ledger.verdicts() == {
        "entities": {complete: VerdictCount(4, 40, 4), missing: VerdictCount(2, 0, 2)}
    }
    assert await case.ledger.verdicts([last.id]) == {"entities": {missing: VerdictCount(2, 0, 2)}}
    assert await case.ledger.verdicts([]) == {}


async def test_reasons_are_ranked(case: Case) -> None:
    """The most frequent first, per state; a job that is running or complete waits for nothing."""
    for number, reason in enumerate(["no access", "no access", "no files"]):
        (job,) = await case.plan(start=number)
        running = await case.bring(job, State.RUNNING)
        await case.ledger.record(running, Event.DISCARDED, reason=reason)
    (job,) = await case.plan(start=10)
    await case.step(await case.bring(job, State.RUNNING), Event.RETRIED)
    manifest = (await case.ledger.manifests())[0]

    assert await case.ledger.reasons() == [
        Reason(State.DISCARDED, "no access", 2),
        Reason(State.DISCARDED, "no files", 1),
        Reason(State.PENDING, "INTERNAL_ERROR: try again", 1),
    ]
    assert len(await case.ledger.reasons(limit=1)) == 1
    # the manifest's last reading asked for the last job alone
    assert [reason.state for reason in await case.ledger.reasons([manifest.id])] == [State.PENDING]


async def test_a_lane_is_reconciled_once_somebody_says_so(case: Case) -> None:
    """0 for a lane that nobody looked at, else the latest time; also for a lane without jobs."""
    never = await case.ledger.reconciled_at(LANE)

    await case.ledger.set_reconciled(LANE, 5.0)
    await case.ledger.set_reconciled(LANE, 7.5)

    assert never == 0
    await case.reopen()
    assert await case.ledger.reconciled_at(LANE) == 7.5
    assert await case.ledger.reconciled_at(OTHER_LANE) == 0


async def test_a_reopened_ledger_has_everything(case: Case, jobs: list[Job]) -> None:
    """Jobs, histories, counts, manifests and rejections are the same after close and open."""
    ledger = case.ledger

    async def everything(ledger: Ledger) -> list[object]:
        return [
            await ledger.jobs(),
            [await ledger.history(job.id) for job in jobs],
            await ledger.counts(),
            await ledger.manifests(),
            await ledger.verdicts(),
            await ledger.cancelling(),
        ]

    before = await everything(ledger)
    after = await everything(await case.reopen())

    assert after == before


async def test_a_reader_sees_what_the_writer_has_committed(case: Case, jobs: list[Job]) -> None:
    """Read-only works beside the writer, sees each commit at once, and cannot write."""
    async with await Ledger.open(case.url, read_only=True) as reader:
        assert await reader.jobs() == jobs
        claimed = await case.ledger.claim(OTHER_LANE, limit=1, holder=HOLDER)
        assert await reader.jobs(lane=OTHER_LANE, states={State.SUBMITTING}) == claimed

        with pytest.raises(InvalidInput, match="reading only"):
            await reader.claim(OTHER_LANE, limit=1, holder=HOLDER)


async def test_close_waits_for_what_was_asked_before(case: Case) -> None:
    """Writes that were waiting are durable when close returns; later ones are refused; closing twice is harmless."""
    jobs = await case.plan(20)
    claimed = await case.ledger.claim(LANE, limit=20, holder=HOLDER)
    writers = [asyncio.create_task(case.ledger.record(job, Event.ACCEPTED, remote_id=job.key)) for job in claimed]
    await asyncio.sleep(0)

    await case.ledger.close()
    await case.ledger.close()

    assert all(isinstance(job, Job) for job in await asyncio.gather(*writers))
    with pytest.raises(RuntimeError, match="closed"):
        await case.ledger.claim(LANE, limit=1, holder=HOLDER)
    with pytest.raises(RuntimeError, match="closed"):
        await case.ledger.counts()
    await case.reopen()
    assert len(await case.ledger.jobs(states={State.RUNNING})) == len(jobs)


async def test_the_clock_is_the_one_that_was_given(case: Case) -> None:
    """`seconds` and every recorded time come from the same clock."""
    case.wall.now_s = 1_234.5

    (job,) = await case.plan()

    assert case.ledger.seconds() == job.updated_at == 1_234.5
