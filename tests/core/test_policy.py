"""When to try again, when to ask again, when to give up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.core.failures import uncounted
from fleet.core.job import Event, Job
from fleet.core.lane import Lane, Quotas
from fleet.core.pace import batch, guard_s, makespan_s
from fleet.core.policy import Retry, after_failure, backoff_s

QUOTAS = Quotas(active_jobs=10, start_per_s=1, describe_per_s=10, list_per_s=10, stop_per_s=1)
NO_ACCESS = "NO_READ_ACCESS_TO_INPUT: The provided data access role ..."
JOB = Job(id=1, key="k" * 32, lane=Lane("123456789012", "us-east-1", "entities"), target="main", prefix="s3://b/p/")


@pytest.mark.parametrize("code", ["NO_READ_ACCESS_TO_INPUT", "NO_WRITE_ACCESS_TO_OUTPUT", "NOT_ENOUGH_ACCESS_TO_VPC"])
def test_a_failure_that_cannot_pass_is_discarded_with_its_message(code: str) -> None:
    """Another attempt cannot cure missing access: the job is discarded at once, and the Message is the reason."""
    step = after_failure(JOB, f"{code}: The provided data access role ...", 0.5, Retry())

    assert step.event is Event.DISCARDED
    assert step.reason.startswith(code)


def test_other_failures_get_their_attempts_and_then_end() -> None:
    """An unknown cause is tried again with growing waits, until the attempts are used up."""
    retry = Retry(attempts=3, floor_s=10, ceiling_s=60)
    attempts = [JOB, Job(**{**fields(JOB), "attempt": 2}), Job(**{**fields(JOB), "attempt": 3})]

    steps = [after_failure(job, "INTERNAL", 1.0, retry) for job in attempts]

    assert [step.event for step in steps] == [Event.RETRIED, Event.RETRIED, Event.DISCARDED]
    assert [step.wait_s for step in steps] == [10, 20, 0]
    assert "attempt 3 of 3" in steps[2].reason


@pytest.mark.parametrize(
    ("attempt", "uncounted", "allowed", "says"),
    [
        (6, 3, 3, "(attempt 3 of 3, 3 earlier not counted)"),
        (4, 0, 3, "(attempt 4, 3 allowed)"),
        (1, 0, 1, "(attempt 1 of 1)"),
    ],
)
def test_the_reason_counts_what_was_used_and_what_was_allowed(
    attempt: int, uncounted: int, allowed: int, says: str
) -> None:
    """After a person's retry the count begins anew; where a reload allows fewer than were used, it says so."""
    job = Job(**{**fields(JOB), "attempt": attempt})

    step = after_failure(job, "INTERNAL", 0.5, Retry(attempts=allowed), uncounted=uncounted)

    assert step.event is Event.DISCARDED
    assert step.reason == f"INTERNAL {says}"


def test_after_a_persons_retry_all_attempts_are_allowed_again() -> None:
    """The fourth attempt of three is the first of three once it was reopened: tried again, with a first wait."""
    job = Job(**{**fields(JOB), "attempt": 4})

    step = after_failure(job, "INTERNAL", 1.0, Retry(attempts=3, floor_s=10, ceiling_s=60), uncounted=3)

    assert (step.event, step.wait_s) == (Event.RETRIED, 10)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], 0),
        ([(Event.RETRIED, 1, "INTERNAL"), (Event.RETRIED, 2, None)], 0),
        ([(Event.RETRIED, 1, "INTERNAL"), (Event.DISCARDED, 2, "INTERNAL"), (Event.REOPENED, 2, None)], 2),
        ([(Event.RETRIED, 1, NO_ACCESS), (Event.RETRIED, 2, "INTERNAL")], 1),
        ([(Event.RETRIED, 1, NO_ACCESS), (Event.REOPENED, 2, None), (Event.RETRIED, 3, NO_ACCESS)], 3),
    ],
)
def test_what_was_reopened_or_excused_does_not_count(
    events: list[tuple[Event, int, str | None]], expected: int
) -> None:
    """Attempts before a person asked again, and those that the role alone failed."""
    assert uncounted(events) == expected


def fields(job: Job) -> dict[str, object]:
    return {name: getattr(job, name) for name in Job.__slots__}


@given(failures=st.integers(1, 10_000), jitter=st.floats(0, 1, exclude_max=True))
def test_backoff_stays_between_its_bounds(failures: int, jitter: float) -> None:
    """Never immediate, never over the ceiling, whatever the count."""
    assert 0.5 <= backoff_s(failures, jitter, floor_s=1, ceiling_s=60) <= 60


@given(free=st.integers(0, 30), rate=st.floats(0.1, 500))
def test_a_batch_never_exceeds_the_free_slots(free: int, rate: float) -> None:
    """What is claimed fits into the free slots, and a free slot is always used."""
    jobs = batch(rate, free=free)

    assert jobs <= free
    assert (jobs > 0) == (free > 0)
    assert batch(rate, free=free, probing=True) == min(1, jobs)


@pytest.mark.parametrize(("jobs", "least_s"), [(0, 0), (1, 480), (10, 489), (11, 960), (100, 9 * 480 + 9 + 480)])
def test_the_makespan_is_the_lower_bound(jobs: int, least_s: float) -> None:
    """d + max((N-1)/r, floor((N-1)/k) * d + ((N-1) mod k) / r), worked by hand for ten slots, 1/s and 8 minutes."""
    assert makespan_s(jobs, QUOTAS, 480) == least_s


def test_the_guard_is_the_spread_of_latencies() -> None:
    """The slowest call less half of the fastest; at first as much as the slowest; always bounded."""
    assert guard_s([]) == 0.02
    assert guard_s([0.7, 0.72]) == 0.72
    assert guard_s([0.02] * 30) == 0.02
    assert guard_s([0.05] * 30 + [0.2]) == pytest.approx(0.175)
    assert guard_s([0.05] * 30 + [30.0]) == 1.0
    assert guard_s([2.5], 2.5) == 2.5  # answered: it may have arrived only then
