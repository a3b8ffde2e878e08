"""What manifests bring: every job once, however often and in whatever order they are read."""

from dataclasses import dataclass, replace

import pytest

from fleet.core.job import State
from fleet.ledger import Added, ManifestRecord, RejectedLine
from tests.contract.conftest import HOLDER, LANE, OTHER_LANE, REQUEST, Case, planned


@dataclass(frozen=True)
class Bad:
    """A bad line, as `fleet.core.manifest` names it."""

    line: int
    field: str | None
    reason: str


async def test_a_planned_job_keeps_all_that_was_planned(case: Case) -> None:
    """The row is the planned job, pending in its first attempt and due at once."""
    (job,) = await case.plan(lane=OTHER_LANE, target="second", label="été", request='{"LanguageCode":"fr"}')

    assert (job.key, job.lane, job.target, job.prefix) == (planned(0).key, OTHER_LANE, "second", "s3://corpus-in/0/")
    assert (job.label, job.request) == ("été", '{"LanguageCode":"fr"}')
    assert (job.state, job.attempt, job.due_at, job.updated_at) == (State.PENDING, 1, 0.0, case.wall.now_s)
    assert (job.intent, job.remote_id, job.holder, job.verdict) == (None, None, None, None)


async def test_the_same_manifest_twice_adds_nothing(case: Case) -> None:
    """Known keys get no second row, and whatever became of their jobs stays."""
    jobs = await case.plan(3)
    running = await case.bring(jobs[0], State.RUNNING)
    manifest = await case.ledger.begin_manifest("test", None)

    added = await case.ledger.add(manifest.id, [(number + 1, planned(number)) for number in range(3)])

    assert added == Added(new=0, known=3, changed=0, kept=0)
    assert await case.ledger.jobs() == [running, *jobs[1:]]


async def test_a_longer_manifest_adds_only_what_is_new(case: Case) -> None:
    """New lines among known ones are the only new jobs, with higher ids."""
    jobs = await case.plan(2)
    manifest = await case.ledger.begin_manifest("test", None)

    added = await case.ledger.add(manifest.id, [(line, planned(line - 1)) for line in (1, 5, 2, 4)])

    assert added == Added(new=2, known=2, changed=0, kept=0)
    assert [job.key for job in await case.ledger.jobs()] == [*(job.key for job in jobs), planned(4).key, planned(3).key]


async def test_two_lines_that_ask_for_the_same_make_one_job(case: Case) -> None:
    """Both lines are entries of the one job; the second counts as known."""
    manifest = await case.ledger.begin_manifest("test", None)

    added = await case.ledger.add(manifest.id, [(1, planned(0)), (2, planned(0)), (2, planned(1, lane=OTHER_LANE))])

    assert added == Added(new=2, known=1, changed=0, kept=0)
    lines = [(line, job.id) async for line, job in case.ledger.report(manifest.id)]
    first, second = [job.id for job in await case.ledger.jobs()]
    assert lines == [(1, first), (2, first), (2, second)]
    assert (await case.ledger.manifest_counts([manifest.id]))["entities"][State.PENDING] == 1


@pytest.mark.parametrize("state", [State.PENDING, State.DISCARDED, State.CANCELLED])
@pytest.mark.parametrize(
    "change",
    [{"target": "second"}, {"request": '{"LanguageCode":"de"}'}, {"lane": OTHER_LANE}],
    ids=lambda c: next(iter(c)),
)
async def test_other_settings_are_taken_over_where_no_attempt_is_on_its_way(
    case: Case, state: State, change: dict[str, object]
) -> None:
    """A job that waits or has ended without a verdict goes on with what the manifest says now."""
    (job,) = await case.plan()
    before = await case.bring(job, state)
    manifest = await case.ledger.begin_manifest("test", None)

    added = await case.ledger.add(manifest.id, [(1, planned(0, **change))])

    assert added == Added(new=0, known=1, changed=1, kept=0)
    assert await case.reread(job) == replace(before, **change)
    assert (await case.ledger.counts())[change.get("lane", LANE)][state] == 1


@pytest.mark.parametrize("state", [State.SUBMITTING, State.RUNNING, State.FINISHED, State.VERIFIED])
async def test_other_settings_wait_while_aws_may_know_the_attempt(case: Case, state: State) -> None:
    """The difference is counted, and the job stays as AWS knows it."""
    (job,) = await case.plan()
    before = await case.bring(job, state)
    manifest = await case.ledger.begin_manifest("test", None)

    added = await case.ledger.add(manifest.id, [(1, planned(0, target="second"))])

    assert added == Added(new=0, known=1, changed=1, kept=1)
    assert await case.reread(job) == before


async def test_a_new_label_is_no_other_setting(case: Case) -> None:
    """A label is for people: it is taken over where settings would be, and counts as no change."""
    (job,) = await case.plan()
    manifest = await case.ledger.begin_manifest("test", None)

    added = await case.ledger.add(manifest.id, [(1, planned(0, label="february"))])

    assert added == Added(new=0, known=1, changed=0, kept=0)
    assert (await case.reread(job)).label == "february"


async def test_an_empty_batch_is_harmless(case: Case) -> None:
    """Nothing planned, nothing rejected: nothing happens."""
    manifest = await case.ledger.begin_manifest("test", None)

    assert await case.ledger.add(manifest.id, []) == Added(new=0, known=0, changed=0, kept=0)
    await case.ledger.reject(manifest.id, [])
    assert await case.ledger.jobs() == []


async def test_a_manifest_that_was_read_to_its_end_is_unchanged(case: Case) -> None:
    """Only the same digest, completed, is unchanged; then its entries and rejections stay."""
    record = await case.ledger.begin_manifest("m.jsonl", "digest")
    await case.ledger.add(record.id, [(1, planned(0))])
    await case.ledger.reject(record.id, [Bad(2, None, "is empty")])
    await case.ledger.complete_manifest(record.id, 2)

    again = await case.ledger.begin_manifest("m.jsonl", "digest")

    assert again == ManifestRecord(record.id, unchanged=True)
    assert len([line async for line in case.ledger.report(record.id)]) == 1
    assert len(await case.ledger.rejections([record.id])) == 1
    assert await case.ledger.manifests() == [(record.id, "m.jsonl", 2, case.wall.now_s)]


@pytest.mark.parametrize(
    ("completed", "first", "second"),
    [(True, "digest", "other"), (False, "digest", "digest"), (True, None, None), (True, "digest", None)],
    ids=["another digest", "an unfinished reading", "no digest", "a digest lost"],
)
async def test_a_manifest_that_may_differ_is_read_anew(
    case: Case, completed: bool, first: str | None, second: str | None
) -> None:
    """Entries and rejections of the older reading are gone, its jobs stay, and the reading is not complete."""
    record = await case.ledger.begin_manifest("m.jsonl", first)
    await case.ledger.add(record.id, [(1, planned(0))])
    await case.ledger.reject(record.id, [Bad(2, None, "is empty")])
    if completed:
        await case.ledger.complete_manifest(record.id, 2)

    again = await case.ledger.begin_manifest("m.jsonl", second)

    assert again == ManifestRecord(record.id, unchanged=False)
    assert [line async for line in case.ledger.report(record.id)] == []
    assert await case.ledger.rejections([record.id]) == []
    assert len(await case.ledger.jobs()) == 1
    assert await case.ledger.manifests() == [(record.id, "m.jsonl", None, None)]


async def test_rejected_lines_are_named_in_order(case: Case) -> None:
    """Source, line, field and reason come back, by manifest and line."""
    one, two = [await case.ledger.begin_manifest(source, None) for source in ("one", "two")]
    await case.ledger.reject(two.id, [Bad(1, None, "is no JSON")])
    await case.ledger.reject(one.id, [Bad(9, "prefix", "is missing"), Bad(9, "kinds", "is empty"), Bad(3, None, "ü")])

    assert await case.ledger.rejections([one.id, two.id]) == [
        RejectedLine("one", 3, None, "ü"),
        RejectedLine("one", 9, "prefix", "is missing"),
        RejectedLine("one", 9, "kinds", "is empty"),
        RejectedLine("two", 1, None, "is no JSON"),
    ]
    assert len(await case.ledger.rejections([two.id])) == 1
    assert len(await case.ledger.rejections()) == 4
    assert await case.ledger.rejections([]) == []


async def test_a_report_names_every_job_by_its_line(case: Case) -> None:
    """All pages in the order of the lines, whatever the order of the jobs."""
    manifest = await case.ledger.begin_manifest("long", None)
    await case.ledger.add(manifest.id, [(5000 - number, planned(number)) for number in range(2500)])
    await case.ledger.claim(LANE, limit=3, holder=HOLDER)

    report = [(line, job) async for line, job in case.ledger.report(manifest.id)]

    assert [line for line, _ in report] == list(range(2501, 5001))
    assert [job for _, job in reversed(report)] == await case.ledger.jobs()
    assert report[-1][1].request == REQUEST


async def test_many_requests_are_kept_apart(case: Case) -> None:
    """Each job has the request that it was planned with, shared or not."""
    manifest = await case.ledger.begin_manifest("test", None)
    rows = [(line, planned(line, request=f'{{"LanguageCode":"{line % 7}"}}')) for line in range(50)]

    await case.ledger.add(manifest.id, rows)

    assert [job.request for job in await case.ledger.jobs()] == [job.request for _, job in rows]
