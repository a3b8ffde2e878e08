"""What a scrape costs: as many series as the lanes decide, whatever there are of jobs and whatever is said of them."""

from prometheus_client import generate_latest

from fleet.core.job import Event, Job, State
from fleet.core.kinds import KINDS
from fleet.core.lane import Lane
from fleet.telemetry import CATALOGUE, Telemetry

LABELS = {
    *("bound", "cause", "code", "event", "kind", "lane", "level", "operation"),
    *("outcome", "stage", "state", "target", "transition", "verdict", "version"),
}
JOBS = 2_000


def series(telemetry: Telemetry) -> int:
    return sum(not line.startswith(b"#") for line in generate_latest(telemetry.registry).splitlines())


def job(number: int) -> Job:
    """A job that failed for a reason of its own."""
    return Job(
        id=number,
        key=f"{number:032x}",
        lane=Lane("123456789012", "us-east-1", tuple(KINDS)[number % len(KINDS)]),
        target="main",
        prefix=f"s3://corpus-in/{number}/",
        request="{}",
        state=State.DISCARDED,
        attempt=1 + number % 3,
        reason=f"CODE_{number}: the object s3://corpus-in/{number}/part-0.txt of customer {number} cannot be read",
        remote_id=f"{number:032x}",
        updated_at=1_800_000_000.0 + number,
    )


def test_no_label_is_a_job() -> None:
    """Labels are words from small sets: no key, prefix, bucket, JobId, token, reason or message is one."""
    assert {label for row in CATALOGUE for label in row.labels} == LABELS


def test_two_thousand_jobs_make_no_series() -> None:
    """Thousands of moves with reasons, ids and error codes of their own: as many series as before the first."""
    telemetry = Telemetry()
    before = series(telemetry)

    for number in range(JOBS):
        for event in (Event.CLAIMED, Event.ACCEPTED, Event.RETRIED, Event.DISCARDED):
            telemetry.moved(job(number), event, reason=f"reason {number}")
        telemetry.documents_failed("entities", {f"CODE_{number}": 1})

    assert series(telemetry) == before
    assert before < 2_000


def test_a_lane_makes_a_bounded_number_of_series() -> None:
    """All four operations of a lane, each with all outcomes: at most 150 series a kind, told before the first call."""
    telemetry = Telemetry()
    before = series(telemetry)

    for kind in KINDS.values():
        for operation in (kind.start, kind.describe, kind.list, kind.stop):
            telemetry.may_call(operation)

    assert series(telemetry) - before <= 150 * len(KINDS)


def test_a_call_is_counted_for_its_operation_and_outcome() -> None:
    """Once in its outcome, its wait and its time in the histograms of its operation; nothing for other operations."""
    telemetry = Telemetry()
    listed, described = telemetry.may_call("List"), telemetry.may_call("Describe")

    listed.granted(0.5)
    listed.ended("throttled", 0.25)
    described.granted(0.0)

    counts = {(operation, outcome): count for operation, outcome, count in telemetry.api_counts() if count}
    sample = telemetry.registry.get_sample_value
    assert counts == {("List", "throttled"): 1}
    assert sample("fleet_rate_limit_wait_seconds_sum", {"operation": "List"}) == 0.5
    assert sample("fleet_rate_limit_wait_seconds_count", {"operation": "Describe"}) == 1
    assert sample("fleet_api_request_duration_seconds_sum", {"operation": "List"}) == 0.25
    assert sample("fleet_api_request_duration_seconds_count", {"operation": "Describe"}) == 0
