"""The judge: a made-up run whose figures can be told by hand."""

import pytest

from fleet.sandbox.truth import ACCEPTED, THROTTLED, Entry
from tests.bench.bound import Limits
from tests.bench.judge import ideal, judge
from tests.bench.measure import Cost, Observation
from tests.bench.scenarios import Scenario
from tests.bench.service import INPUT, RemoteJob
from tests.bench.sweeps import described_s, seen_s, sweeps

AT = 1_800_000_000.0
START, DESCRIBE, LIST = (f"{verb}EntitiesDetectionJob" for verb in ("Start", "Describe", "List"))
SCENARIO = Scenario(
    name="by hand",
    about="2 slots, 4 jobs",
    prefixes=4,
    slots=2,
    start_per_s=10,
    describe_per_s=10,
    list_per_s=10,
    submitted_s=0,
    overhead_s=10,
    settle_s=5,
)


def observation(*spans: tuple[float, float], entries: tuple[Entry, ...] = ()) -> Observation:
    """Jobs that ran in these spans (seconds after the first Start), and the accept log with `entries` in between."""
    jobs = [
        RemoteJob(
            job_id=f"job-{number}",
            kind="entities",
            input_uri=f"{INPUT}{number:05d}/",
            submitted_at=AT + start_s,
            ended_at=AT + end_s,
            status="COMPLETED",
        )
        for number, (start_s, end_s) in enumerate(spans, start=1)
    ]
    starts = [entry(job.submitted_at - AT, START, job_id=job.job_id, input_uri=job.input_uri) for job in jobs]
    return Observation(
        scenario=SCENARIO,
        log=sorted([*starts, *entries]),
        jobs=jobs,
        limits=[Limits(slots=2, start_per_s=10)],
        cost=Cost(cpu_s=0.1, peak_rss_mib=50, elapsed_s=30, code=0),
        faulted={},
    )


def entry(at_s: float, operation: str, *, outcome: str = ACCEPTED, **more: str) -> Entry:
    """One request in the accept log."""
    return Entry(AT + at_s, "123456789012", "us-east-1", operation, "entities", outcome, **more)


def sweep(at_s: float, *, step_s: float = 0.1, outcome: str = ACCEPTED) -> tuple[Entry, ...]:
    """One List for each active status, each so long after the one before; `outcome` is that of the last."""
    return (
        entry(at_s, LIST, filter_status="SUBMITTED"),
        entry(at_s + step_s, LIST, filter_status="IN_PROGRESS"),
        entry(at_s + 2 * step_s, LIST, filter_status="STOP_REQUESTED", outcome=outcome),
    )


def test_a_late_refill_is_seen_in_every_figure() -> None:
    """Two slots of 10 s jobs, refilled 1 s and 2 s late: what is held, waited and lost against the ideal."""
    found = judge(observation((0, 10), (0, 10), (11, 21), (12, 22)))

    assert (found.done, found.lost, found.duplicates) == (4, 0, 0)
    assert found.used == pytest.approx((10 + 10 + 10 + 9) / (2 * 21))
    assert [found.makespan_s, found.ratio] == pytest.approx([22, 22 / 20])
    assert [found.refill_p50_s, found.refill_p95_s] == pytest.approx([2, 2])


def test_the_ideal_is_judged_as_perfect() -> None:
    """The ideal schedule of the same jobs holds every slot and ends at the bound."""
    found = ideal(observation((0, 10), (0, 10), (11, 21), (12, 22)))

    assert found.used == pytest.approx(1)
    assert [found.makespan_s, found.ratio] == pytest.approx([20, 1])
    assert found.refill_p95_s == pytest.approx(0)


def test_what_is_lost_throttled_and_never_seen_is_counted() -> None:
    """A job that was never started, a refused Start before and one after the settling time, a job nobody looked at."""
    found = judge(
        observation(
            (0, 10),
            (1, 11),
            (12, 22),
            entries=(
                entry(1, START, outcome=THROTTLED),
                entry(9, START, outcome=THROTTLED),
                entry(9.5, DESCRIBE, job_id="job-1"),
                entry(10.5, DESCRIBE, job_id="job-1"),
                entry(13, DESCRIBE, job_id="job-2"),
            ),
        )
    )

    assert (found.done, found.lost, found.unseen) == (3, 1, 1)
    assert [found.refused, found.refused_later] == pytest.approx([2, 0.5])
    assert found.ratio is None
    assert found.seen_p95_s == pytest.approx(2)
    assert found.status_calls == pytest.approx(1)


def test_a_double_is_counted_once_for_each_job_too_many() -> None:
    """Two jobs for one input are one double."""
    again = entry(3, START, job_id="job-9", input_uri=f"{INPUT}00001/")

    found = judge(observation((0, 10), (1, 11), (12, 22), (13, 23), entries=(again,)))

    assert (found.lost, found.duplicates) == (0, 1)


def test_a_job_is_seen_by_the_first_complete_sweep_after_its_end_or_by_a_describe() -> None:
    """A sweep that was under way at the end of the one job, one that was refused in the middle, and one after both."""
    ended = {"job-1": AT + 10, "job-2": AT + 11}
    log = [
        *sweep(9.95),
        *sweep(11.5, outcome=THROTTLED),
        *sweep(12),
        entry(12.1, DESCRIBE, job_id="job-1"),
        entry(15, DESCRIBE, job_id="job-2"),
    ]

    described = described_s(log, ended)
    seen = seen_s(described, sweeps(log, "entities"), ended)

    assert described == pytest.approx({"job-1": 2.1, "job-2": 4})
    assert seen == pytest.approx([2.1, 1.2])


def test_the_pages_of_one_status_are_one_list() -> None:
    """Two pages of SUBMITTED, two of STOP_REQUESTED, a look by name in between: one sweep, from first to last."""
    log = [
        entry(0, LIST, filter_status="SUBMITTED"),
        entry(1, LIST, filter_status="SUBMITTED"),
        entry(2, LIST, filter_status="IN_PROGRESS"),
        entry(3, LIST),
        entry(4, LIST, filter_status="STOP_REQUESTED"),
        entry(5, LIST, filter_status="STOP_REQUESTED"),
        *sweep(6),
        entry(7, LIST, filter_status="IN_PROGRESS"),
    ]

    assert sweeps(log, "entities") == [(AT, AT + 5), (AT + 6, AT + 6.2)]
    assert sweeps(log, "sentiment") == []
