"""Faults on the wire, as real clients feel them, and the truth about what the service did."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, get_args

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError
from botocore.parsers import ResponseParserError

from fleet.sandbox.faults import Fault, Faults, What
from fleet.sandbox.mischief import _ACTIONS

Open = Callable[..., Any]


def test_every_fault_has_an_action() -> None:
    """No word of the list is without effect."""
    assert set(get_args(What)) == set(_ACTIONS)


def test_rules_count_their_requests() -> None:
    """after lets pass, every takes each n-th, times is the end of it."""
    faults = Faults((Fault(what="throttle", operation="Start*", after=2, every=2, times=2),))

    hits = [faults.pick("StartEntitiesDetectionJob") is not None for _ in range(10)]

    assert hits == [False, False, False, True, False, True, False, False, False, False]
    assert faults.fired == Counter({"throttle": 2})


def test_a_rule_is_for_its_operations_and_inputs() -> None:
    """Wildcards, an input prefix, and faults of jobs only for Starts."""
    narrow = Faults((Fault(what="slow", operation="*Sentiment*", input_prefix="s3://in/a/"),))
    fate = Faults((Fault(what="stick_job"),))

    assert narrow.pick("StartSentimentDetectionJob", "s3://in/a/b") is not None
    assert narrow.pick("StartSentimentDetectionJob", "s3://in/b/") is None
    assert narrow.pick("StartEntitiesDetectionJob", "s3://in/a/") is None
    assert fate.pick("DescribeEntitiesDetectionJob") is None


def test_a_probability_is_drawn_from_the_given_chance() -> None:
    """The same seed, the same hits; about as many as it says."""
    import random

    def hits(seed: int) -> list[bool]:
        faults = Faults((Fault(what="slow", probability=0.3),), random.Random(seed))
        return [faults.pick("StartSentimentDetectionJob") is not None for _ in range(1000)]

    assert hits(1) == hits(1)
    assert 200 < sum(hits(1)) < 400


async def test_a_lost_answer_leaves_a_job(opened: Open, client_of: Open, request_for: Open) -> None:
    """The connection breaks, yet the job is there, and the same token finds it."""
    async with opened() as sandbox, client_of(sandbox) as client:
        sandbox.faults.add(Fault(what="lose_answer", operation="Start*", times=1))
        request = request_for(ClientRequestToken="t-1")
        with pytest.raises(ConnectionClosedError):
            await client.start_entities_detection_job(**request)
        again = await client.start_entities_detection_job(**request)

    assert list(sandbox.service.jobs) == [again["JobId"]]
    assert sandbox.truth()["faults_fired"] == {"lose_answer": 1}


async def test_a_reset_before_leaves_nothing(opened: Open, client_of: Open, request_for: Open) -> None:
    """The same for the client, but no job."""
    async with opened() as sandbox, client_of(sandbox) as client:
        sandbox.faults.add(Fault(what="reset_before"))
        with pytest.raises(ConnectionClosedError):
            await client.start_entities_detection_job(**request_for())

    assert sandbox.service.jobs == {}


async def test_half_an_answer_is_no_answer(opened: Open, client_of: Open, request_for: Open) -> None:
    """The body ends too early; the job is there."""
    async with opened() as sandbox, client_of(sandbox) as client:
        sandbox.faults.add(Fault(what="half_answer"))
        with pytest.raises((HTTPClientError, ConnectionClosedError, ResponseParserError)):
            await client.start_entities_detection_job(**request_for())

    assert len(sandbox.service.jobs) == 1


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (Fault(what="throttle"), "TooManyRequestsException", 400),
        (Fault(what="error"), "InternalServerException", 500),
        (Fault(what="error", code="ServiceUnavailable", status=503), "ServiceUnavailable", 503),
        (Fault(what="unavailable"), "ServiceUnavailable", 503),
        (Fault(what="expired_credentials"), "ExpiredTokenException", 403),
        (Fault(what="access_denied", message="not yours"), "AccessDeniedException", 400),
        (Fault(what="error", code="ExpiredTokenException", status=400), "ExpiredTokenException", 400),
        (Fault(what="error", code="AccessDeniedException", status=400, message="no"), "AccessDeniedException", 400),
    ],
)
async def test_an_error_comes_before_the_service(
    opened: Open, client_of: Open, request_for: Open, fault: Fault, code: str, status: int
) -> None:
    """Any code and status, and nothing was accepted nor counted in a quota."""
    async with opened() as sandbox, client_of(sandbox) as client:
        sandbox.faults.add(fault)
        with pytest.raises(ClientError) as refused:
            await client.start_entities_detection_job(**request_for())

    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert list(sandbox.service.log) == []


@pytest.mark.parametrize("accept", [False, True])
@pytest.mark.parametrize("what", ["html_200", "empty_200"])
async def test_a_200_without_a_job_id_proves_nothing(
    opened: Open, client_of: Open, request_for: Open, what: Any, accept: bool
) -> None:
    """A proxy's page or an empty object: no JobId for the client, a job or not at the service."""
    async with opened() as sandbox, client_of(sandbox) as client:
        sandbox.faults.add(Fault(what=what, accept=accept))
        answer = await client.start_entities_detection_job(**request_for())

    assert "JobId" not in answer
    assert len(sandbox.service.jobs) == int(accept)


@pytest.mark.parametrize("accept", [False, True])
async def test_a_call_that_hangs_can_only_be_given_up(
    opened: Open, client_of: Open, request_for: Open, clock: Any, accept: bool
) -> None:
    """No answer ever comes; the sandbox still closes."""
    async with opened(clock=clock) as sandbox, client_of(sandbox) as client:
        sandbox.faults.add(Fault(what="hang", accept=accept))
        call = asyncio.create_task(client.start_entities_detection_job(**request_for()))
        await clock.dozed(86_400.0)
        call.cancel()
        await asyncio.wait([call])

    assert len(sandbox.service.jobs) == int(accept)


async def test_a_slow_answer_comes_when_its_seconds_are_over(
    opened: Open, client_of: Open, request_for: Open, clock: Any
) -> None:
    """The job is made at once, the answer is held back."""
    async with opened(clock=clock, submitted_s=500.0) as sandbox, client_of(sandbox) as client:
        sandbox.faults.add(Fault(what="slow", seconds=60.0))
        call = asyncio.create_task(client.start_entities_detection_job(**request_for()))
        await clock.dozed(60.0)
        held = not call.done()
        await clock.advance(60.0)
        answer = await call

    assert held
    assert list(sandbox.service.jobs) == [answer["JobId"]]


async def test_an_answer_may_drip(opened: Open, client_of: Open) -> None:
    """Byte by byte, the whole answer arrives."""
    async with opened() as sandbox, client_of(sandbox) as client:
        sandbox.faults.add(Fault(what="drip", seconds=0.0))
        answer = await client.list_entities_detection_jobs()

    assert answer["EntitiesDetectionJobPropertiesList"] == []


async def test_a_status_that_nobody_knows(opened: Open, client_of: Open, request_for: Open) -> None:
    """Describe and List show a word that is not in the model; a member may be missing too."""
    async with opened(submitted_s=500.0) as sandbox, client_of(sandbox) as client:
        job_id = (await client.start_entities_detection_job(**request_for()))["JobId"]
        sandbox.faults.add(Fault(what="unknown_status", operation="Describe*", value="PAUSED"))
        sandbox.faults.add(Fault(what="missing_member", operation="List*", value="SubmitTime"))
        shown = await client.describe_entities_detection_job(JobId=job_id)
        (listed,) = (await client.list_entities_detection_jobs())["EntitiesDetectionJobPropertiesList"]

    assert shown["EntitiesDetectionJobProperties"]["JobStatus"] == "PAUSED"
    assert listed["JobId"] == job_id
    assert "SubmitTime" not in listed


async def test_a_fault_may_seal_a_jobs_fate(opened: Open, client_of: Open, request_for: Open, clock: Any) -> None:
    """One job fails with the given Message, one sticks, one completes and wrote nothing; the fourth is well."""
    names: tuple[What, ...] = ("fail_job", "stick_job", "lose_output")
    async with opened(clock=clock, submitted_s=1.0) as sandbox, client_of(sandbox) as client:
        for what in names:
            sandbox.faults.add(Fault(what=what, times=1, message="BROKEN: by order"))
        ids = [(await client.start_sentiment_detection_job(**request_for("sentiment")))["JobId"] for _ in range(4)]
        await clock.advance(1.0)
        await clock.advance(1.0)
        jobs = [sandbox.service.jobs[job_id] for job_id in ids]
        written = [
            len(await sandbox.store.keys("corpus-out", job.output_uri[len("s3://corpus-out/") :])) for job in jobs
        ]

    assert [job.status for job in jobs] == ["FAILED", "IN_PROGRESS", "COMPLETED", "COMPLETED"]
    assert jobs[0].message == "BROKEN: by order"
    assert written == [0, 0, 0, 1]
