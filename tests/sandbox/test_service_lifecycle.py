"""How jobs move on with time, and what Stop makes of them."""

from collections.abc import Callable
from typing import Any

import pytest

from fleet.sandbox.errors import ServiceError
from fleet.sandbox.faults import Fault
from fleet.sandbox.jobs import ACTIVE, MOVES, Status

Ask = Callable[..., Any]
TIMES = {"submitted_s": 5.0, "overhead_s": 100.0, "per_mb_s": 10.0, "failure_s": 7.0, "stop_s": 30.0}


def test_the_table_of_moves_ends_where_aws_says() -> None:
    """COMPLETED, FAILED and STOPPED are ends; every other status leads on."""
    assert {status for status, moves in MOVES.items() if not moves} == set(Status) - ACTIVE


def test_a_job_runs_to_completed(ask: Ask) -> None:
    """SUBMITTED, then IN_PROGRESS, then COMPLETED with EndTime, after overhead and time for its size."""
    service = ask(**TIMES)
    job_id = service.start(now=0.0)

    service.run(4.9)
    assert service.status(job_id, now=4.9) == "SUBMITTED"
    service.run(5.0, size_bytes=2_000_000)
    assert service.status(job_id, now=5.0) == "IN_PROGRESS"
    service.run(124.9)
    assert "EndTime" not in service.describe(job_id, now=124.9)
    service.run(125.0)

    shown = service.describe(job_id, now=125.0)
    assert (shown["JobStatus"], shown["EndTime"]) == ("COMPLETED", 125.0)


def test_a_job_is_not_completed_before_its_output_is_written(ask: Ask) -> None:
    """Between the work's end and `performed` the job is IN_PROGRESS, however long that takes."""
    service = ask(**TIMES)
    job_id = service.start(now=0.0)
    service.run(5.0)
    (todo,) = service.service.lifecycle.advance(105.0)

    assert service.status(job_id, now=200.0) == "IN_PROGRESS"
    service.service.lifecycle.performed(todo.job, 200.0)
    assert service.describe(job_id, now=200.0)["EndTime"] == 200.0


def test_time_scale_shortens_every_duration_alike(ask: Ask) -> None:
    """With time_scale 100 the same job takes a hundredth of the time."""
    service = ask(**TIMES, time_scale=100.0)
    job_id = service.start(now=0.0)

    service.run(0.05, size_bytes=2_000_000)
    service.run(1.25)

    assert service.describe(job_id, now=1.25)["EndTime"] == 1.25


def test_the_spread_makes_a_long_tail(ask: Ask) -> None:
    """Durations differ from job to job, and none is negative."""
    service = ask(spread=0.5)

    luck = [service.job(service.start(now=float(n), prefix=f"s3://corpus-in/{n}/")).luck for n in range(10)]

    assert len(set(luck)) == 10
    assert min(luck) > 0


def test_an_input_that_cannot_be_read_fails_the_job_soon(ask: Ask) -> None:
    """Access failures show about 12 s after the submission (facts 3.3), with AWS's Message."""
    service = ask(**TIMES)
    job_id = service.start(now=0.0)

    service.run(11.9, fails="NO_READ_ACCESS_TO_INPUT: no.")
    assert service.status(job_id, now=11.9) == "IN_PROGRESS"
    service.run(12.0)

    shown = service.describe(job_id, now=12.0)
    assert (shown["JobStatus"], shown["Message"]) == ("FAILED", "NO_READ_ACCESS_TO_INPUT: no.")
    assert shown["EndTime"] == 12.0


def test_an_output_that_cannot_be_written_fails_the_job(ask: Ask) -> None:
    """A failure while writing is final at once."""
    service = ask(**TIMES)
    job_id = service.start(now=0.0)
    service.run(5.0)
    (todo,) = service.service.lifecycle.advance(105.0)

    service.service.lifecycle.failed(todo.job, "NO_WRITE_ACCESS_TO_OUTPUT: no.", 106.0)

    assert service.describe(job_id, now=106.0)["Message"] == "NO_WRITE_ACCESS_TO_OUTPUT: no."


def test_a_vpc_that_is_denied_fails_the_job(ask: Ask) -> None:
    """vpc_denied: jobs with a VpcConfig end with NOT_ENOUGH_ACCESS_TO_VPC, others do not."""
    service = ask(**TIMES, vpc_denied=True)
    inside = service.start(VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]})
    outside = service.start()

    service.run(12.0)

    assert service.describe(inside, now=12.0)["Message"].startswith("NOT_ENOUGH_ACCESS_TO_VPC: ")
    assert service.status(outside, now=12.0) == "IN_PROGRESS"


def test_a_running_job_is_stopped_with_partial_output(ask: Ask) -> None:
    """STOP_REQUESTED, then STOPPED; the documents of the time that it ran are written."""
    service = ask(**TIMES)
    job_id = service.start(now=0.0)
    service.run(5.0)

    assert service.stop(job_id, now=25.0) == "STOP_REQUESTED"
    assert service.stop(job_id, now=26.0) == "STOP_REQUESTED"
    (written,) = service.run(55.0)

    assert written.fraction == pytest.approx(0.5)
    assert service.status(job_id, now=55.0) == "STOPPED"
    assert service.stop(job_id, now=60.0) == "STOPPED"


def test_a_job_that_ends_before_it_can_be_stopped_is_completed(ask: Ask) -> None:
    """If the work is done before the stop takes effect, the job is COMPLETED (facts 3.4)."""
    service = ask(**TIMES)
    job_id = service.start(now=0.0)
    service.run(5.0)
    service.stop(job_id, now=90.0)

    (written,) = service.run(105.0)

    assert written.fraction == 1.0
    assert service.status(job_id, now=105.0) == "COMPLETED"


def test_a_stop_while_the_output_is_written_changes_nothing(ask: Ask) -> None:
    """The write goes on, and the job is COMPLETED."""
    service = ask(**TIMES)
    job_id = service.start(now=0.0)
    service.run(5.0)
    (todo,) = service.service.lifecycle.advance(105.0)

    assert service.stop(job_id, now=105.5) == "STOP_REQUESTED"
    assert service.service.lifecycle.advance(500.0) == []
    service.service.lifecycle.performed(todo.job, 500.0)

    assert service.status(job_id, now=500.0) == "COMPLETED"


@pytest.mark.parametrize(("switch", "at_once"), [("STOP_REQUESTED", "STOP_REQUESTED"), ("STOPPED", "STOPPED")])
def test_a_submitted_job_can_be_stopped(ask: Ask, switch: str, at_once: str) -> None:
    """Both answers were seen (facts 3.4); it ends STOPPED, and nothing is written."""
    service = ask(**TIMES, stop_submitted=switch)
    job_id = service.start(now=0.0)

    assert service.stop(job_id, now=1.0) == at_once
    assert service.run(500.0) == []
    assert service.status(job_id, now=500.0) == "STOPPED"


def test_an_ended_job_cannot_be_stopped(ask: Ask) -> None:
    """COMPLETED and FAILED: a 400, read as InvalidRequestException (facts 3.4, 9)."""
    service = ask(**TIMES)
    completed = service.start(now=0.0)
    service.run(105.0)
    failed = service.start(now=105.0)
    service.run(117.0, fails="X: y")

    for job_id in (completed, failed):
        with pytest.raises(ServiceError) as refused:
            service.stop(job_id, now=200.0)
        assert (refused.value.code, refused.value.status) == ("InvalidRequestException", 400)


def test_a_job_that_was_asked_to_stop_never_fails(ask: Ask) -> None:
    """A stopped job whose partial output cannot be written is STOPPED: AWS names no other end."""
    service = ask(**TIMES)
    job_id = service.start(now=0.0)
    service.run(5.0)
    service.stop(job_id, now=25.0)
    (todo,) = service.service.lifecycle.advance(55.0)

    service.service.lifecycle.failed(todo.job, "NO_WRITE_ACCESS_TO_OUTPUT: no.", 56.0)

    shown = service.describe(job_id, now=56.0)
    assert shown["JobStatus"] == "STOPPED"
    assert "Message" not in shown


def test_a_stop_while_the_input_is_looked_at_wins(ask: Ask) -> None:
    """What the look finds comes too late, be it a size or a failure."""
    service = ask(**TIMES)
    jobs = [service.start(now=0.0) for _ in range(2)]
    sized, failing = (todo.job for todo in service.service.lifecycle.advance(5.0))
    for job_id in jobs:
        service.stop(job_id, now=6.0)

    service.service.lifecycle.inspected(sized, 10, 7.0)
    service.service.lifecycle.failed(failing, "X: y", 7.0)
    service.run(500.0)

    assert [service.status(job_id, now=500.0) for job_id in jobs] == ["STOPPED", "STOPPED"]


def test_a_doomed_job_fails_or_sticks(ask: Ask) -> None:
    """The fates that faults set: one ends with its message, the other never leaves IN_PROGRESS but can be stopped."""
    service = ask(**TIMES)
    failing, stuck = service.start(now=0.0), service.start(now=0.0)
    service.job(failing).fault = Fault(what="fail_job", message="QUOTA: gone")
    service.job(stuck).fault = Fault(what="stick_job")

    service.run(100_000.0)
    assert service.describe(failing, now=100_000.0)["Message"] == "QUOTA: gone"
    assert service.status(stuck, now=100_000.0) == "IN_PROGRESS"
    service.stop(stuck, now=100_000.0)
    service.run(100_030.0)

    assert service.status(stuck, now=100_030.0) == "STOPPED"


def test_a_move_that_the_service_never_makes_is_a_mistake_of_ours(ask: Ask) -> None:
    """The table is the only way on."""
    service = ask()
    job = service.job(service.start())

    with pytest.raises(ValueError, match="not a move"):
        job.move(Status.COMPLETED, 1.0)
