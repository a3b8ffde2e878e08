"""Whose turn it is: manifests share a lane fairly, and in each the largest input goes first."""

import pytest

from fleet.core.durations import Sample
from fleet.core.job import Event, Job, State
from tests.contract.conftest import HOLDER, LANE, OTHER_LANE, Case


async def claimed_prefixes(case: Case, limit: int) -> list[str]:
    """The prefixes of the next claimed jobs, in the order of the claim."""
    return [job.prefix for job in await case.ledger.claim(LANE, limit=limit, holder=HOLDER)]


async def test_the_largest_input_goes_first(case: Case) -> None:
    """What starts last ends last, so the long jobs start first; unknown sizes come last, in the manifest's order."""
    small, first, large, second = await case.plan(4)

    await case.ledger.measure({small.id: 10, large.id: 5_000_000_000})

    assert await claimed_prefixes(case, 9) == [large.prefix, small.prefix, first.prefix, second.prefix]


async def test_a_short_manifest_does_not_wait_behind_a_long_one(case: Case) -> None:
    """Of several manifests the one that holds the fewest slots has the next turn."""
    long = await case.plan(6, source="long")
    assert len(await claimed_prefixes(case, 2)) == 2
    short = await case.plan(3, start=100, source="short")

    taken = await claimed_prefixes(case, 5)

    # two slots are held by the long one, so the short one has two turns before they alternate
    assert taken[:2] == [job.prefix for job in short[:2]]
    assert sorted(taken[2:]) == sorted([short[2].prefix, long[2].prefix, long[3].prefix])


async def test_a_manifest_alone_has_the_whole_lane(case: Case) -> None:
    """A slot is never left empty for somebody who has nothing to start."""
    await case.plan(2, source="one")
    (other,) = await case.plan(1, start=100, source="two")
    await case.ledger.request_cancel([other.key])

    assert len(await claimed_prefixes(case, 9)) == 2


async def test_sizes_are_kept_and_asked_for_until_they_are_known(case: Case) -> None:
    """Pending jobs without a size are listed page by page; a measured one has its size and is listed no more."""
    jobs = await case.plan(4)
    await case.plan(1, start=50, lane=OTHER_LANE, source="other")
    await case.bring(jobs[0], State.SUBMITTING)

    await case.ledger.measure({jobs[1].id: 0, jobs[2].id: 7})
    page = await case.ledger.unmeasured(after_id=0, limit=1)
    rest = await case.ledger.unmeasured(after_id=page[0].id, limit=9)

    assert [job.id for job in page + rest] == [jobs[3].id, 5]
    assert [(await case.reread(job)).size_bytes for job in jobs] == [None, 0, 7, None]


async def test_a_move_keeps_the_size(case: Case) -> None:
    """A stage that moves a job from an older copy does not wipe out what was measured since."""
    (job,) = await case.plan()
    submitting = await case.bring(job, State.SUBMITTING)

    await case.ledger.measure({job.id: 42})
    await case.step(submitting, Event.ACCEPTED)

    assert (await case.reread(job)).size_bytes == 42


async def test_a_size_cannot_be_negative(case: Case) -> None:
    """The database refuses it, and keeps what it had."""
    (job,) = await case.plan()

    with pytest.raises(ValueError, match="refuses"):
        await case.ledger.measure({job.id: -1})

    assert await case.reread(job) == job


async def test_durations_are_those_of_the_lanes_last_completed_jobs(case: Case) -> None:
    """The newest last, at most so many; a job that failed or ended before it began teaches nothing."""

    async def finish(job: Job, duration_s: float) -> None:
        submitting = await case.bring(job, State.SUBMITTING)
        running = await case.ledger.record(submitting, Event.ACCEPTED, remote_id=job.key, submitted_at=1_000.0)
        await case.ledger.record(running, Event.FINISHED, ended_at=1_000.0 + duration_s)

    jobs = await case.plan(5)
    for job, duration_s in zip(jobs, (300.0, 400.0, -5.0, 500.0), strict=False):
        await finish(job, duration_s)
    await case.bring(jobs[4], State.DISCARDED)
    (other,) = await case.plan(1, start=50, lane=OTHER_LANE, source="other")
    await finish(other, 900.0)
    await case.ledger.measure({jobs[1].id: 7})

    assert await case.ledger.durations(LANE, limit=2) == [
        Sample(duration_s=400.0, size_bytes=7),
        Sample(duration_s=500.0, size_bytes=None),
    ]
    assert [sample.duration_s for sample in await case.ledger.durations(LANE, limit=9)] == [300.0, 400.0, 500.0]
