"""Rates and slots: AWS's default quotas, exactly, and what the switches make of them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.sandbox.errors import ServiceError
from fleet.sandbox.kinds import Verb
from fleet.sandbox.quota import Window
from fleet.sandbox.service import Service

Ask = Callable[..., Any]


def test_the_default_rates_are_those_of_aws(request_for: Ask) -> None:
    """1 Start, 10 Describe, 10 List and 1 Stop a second, each for itself."""
    service = Service()
    caller = {"account": "123456789012", "region": "us-east-1"}
    job_id = service.call("StartEntitiesDetectionJob", request_for(), 0.0, **caller)["JobId"]

    limits = {
        "StartEntitiesDetectionJob": (request_for(), 0),
        "DescribeEntitiesDetectionJob": ({"JobId": job_id}, 10),
        "ListEntitiesDetectionJobs": ({}, 10),
        "StopEntitiesDetectionJob": ({"JobId": job_id}, 1),
    }

    for operation, (params, more) in limits.items():
        for _ in range(more):
            service.call(operation, params, 0.5, **caller)
        with pytest.raises(ServiceError, match=r"Throttling|TooManyRequests"):
            service.call(operation, params, 0.9, **caller)


def test_quotas_are_per_operation_account_and_region(ask: Ask, request_for: Ask) -> None:
    """A Start of one kind takes nothing from another kind, account or Region."""
    service = ask(start_per_s=1.0)
    service.start("entities")

    service.start("sentiment")
    service.call(Verb.START, "entities", request_for(), region="eu-west-1")
    service.call(Verb.START, "entities", request_for(), account="111122223333")

    with pytest.raises(ServiceError, match="TooManyRequests"):
        service.start("entities")


def test_a_refused_request_is_not_counted(ask: Ask) -> None:
    """A storm of refused requests does not keep the window shut."""
    service = ask(start_per_s=1.0)
    service.start(now=0.0)
    for tenth in range(1, 10):
        with pytest.raises(ServiceError):
            service.start(now=tenth / 10)

    assert service.start(now=1.0)


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ThrottlingException"])
def test_the_throttle_code_is_a_switch_but_not_for_stop(ask: Ask, code: str) -> None:
    """Stop declares no TooManyRequestsException, so it always gets the common ThrottlingException."""
    service = ask(start_per_s=1.0, stop_per_s=1.0, throttle_code=code)
    job_id = service.start()
    service.stop(job_id)

    with pytest.raises(ServiceError) as start:
        service.start()
    with pytest.raises(ServiceError) as stop:
        service.stop(job_id)

    assert (start.value.code, start.value.status) == (code, 400)
    assert stop.value.code == "ThrottlingException"


def test_the_job_after_the_last_slot_is_refused(ask: Ask) -> None:
    """By default 10 jobs of a kind are active; the next Start is refused until one ends."""
    service = ask(submitted_s=0.0, overhead_s=10.0)
    for _ in range(10):
        service.start(now=0.0)

    with pytest.raises(ServiceError) as refused:
        service.start(now=1.0)
    service.start("sentiment", now=1.0)
    service.run(10.0)

    assert refused.value.code == "TooManyRequestsException"
    assert service.service.log[-2].outcome == "capped"
    assert service.start(now=10.0)


def test_a_job_that_stops_holds_its_slot_until_it_has_stopped(ask: Ask) -> None:
    """STOP_REQUESTED is active."""
    service = ask(active_jobs=1, stop_s=30.0)
    job_id = service.start(now=0.0)
    service.stop(job_id, now=1.0)

    with pytest.raises(ServiceError, match="TooManyRequests"):
        service.start(now=2.0)
    service.run(31.0)

    assert service.start(now=31.0)


def test_jobs_may_queue_for_a_slot(ask: Ask) -> None:
    """cap = queue: a Start beyond the slots is accepted and stays SUBMITTED until a slot is free, in order."""
    service = ask(cap="queue", active_jobs=2, submitted_s=1.0, overhead_s=10.0)
    ids = [service.start(now=0.0) for _ in range(4)]

    service.run(5.0)
    early = [service.status(job_id, now=5.0) for job_id in ids]
    service.run(11.0)
    service.run(13.0)
    late = [service.status(job_id, now=13.0) for job_id in ids]

    assert early == ["IN_PROGRESS", "IN_PROGRESS", "SUBMITTED", "SUBMITTED"]
    assert late == ["COMPLETED", "COMPLETED", "IN_PROGRESS", "IN_PROGRESS"]


def test_a_job_that_waits_for_a_slot_can_be_stopped(ask: Ask) -> None:
    """It is STOPPED at once, and the one behind it moves up."""
    service = ask(cap="queue", active_jobs=1, submitted_s=1.0, overhead_s=10.0)
    _, second, third = (service.start(now=0.0) for _ in range(3))

    assert service.stop(second, now=1.0) == "STOPPED"
    service.run(11.0)
    service.run(13.0)

    assert service.status(third, now=13.0) == "IN_PROGRESS"


def test_a_burst_loosens_the_window(ask: Ask) -> None:
    """burst_s = 3 lets three seconds' worth come at once, and no more than that in any three seconds."""
    service = ask(start_per_s=1.0, burst_s=3.0)
    for _ in range(3):
        service.start(now=0.0)

    with pytest.raises(ServiceError):
        service.start(now=2.9)
    assert service.start(now=3.0)


@given(
    rate=st.sampled_from([0.5, 1.0, 3.0, 10.0]),
    gaps=st.lists(st.floats(0, 2, allow_nan=False), min_size=1, max_size=200),
)
def test_no_window_ever_holds_more_than_the_rate(rate: float, gaps: list[float]) -> None:
    """Whatever the arrival times, no stretch as long as the window holds more than the limit."""
    window = Window(rate)
    now, taken = 0.0, []
    for gap in gaps:
        now += gap
        if window.take(now):
            taken.append(now)

    for first, beyond in zip(taken, taken[window.limit :], strict=False):
        assert beyond - first >= window.window_s - 1e-9
