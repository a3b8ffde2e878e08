"""What is on the wire is what botocore's model says, no more and no less, in every state of a job."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.conftest import TERMINAL, Place
from tests.conformance.drivers import Answer, Boto3
from tests.conformance.shapes import STEMS, answer_shape, full_request, job_members, losses, minimal_request, name_of

SandboxAt = Callable[..., Place]
# What the API pages promise of every answer, whatever the request (facts sheet 3.1, 3.2).
ALWAYS = {
    "JobId",
    "JobArn",
    "JobName",
    "JobStatus",
    "SubmitTime",
    "InputDataConfig",
    "OutputDataConfig",
    "LanguageCode",
    "DataAccessRoleArn",
}


@pytest.mark.parametrize("stem", STEMS)
def test_every_answer_is_parsed_without_loss(sandbox_at: SandboxAt, stem: str) -> None:
    """From Start to FAILED, with every member filled: botocore keeps each member of each answer, with its type.

    A job that failed shows all that the model knows of a job: Message and EndTime beside what it was given.
    """
    place = sandbox_at(unreadable=["s3://corpus-in/a/"])
    with place.client() as client:
        started = _lossless(client, "Start", stem, full_request(name_of("Start", stem)))
        shown = _until(client, stem, started.body["JobId"], *TERMINAL)
        listed = _lossless(client, "List", stem, {"MaxResults": 1})

    assert set(started.body) == set(answer_shape(name_of("Start", stem)).members)
    assert set(shown) == job_members(stem)
    assert (shown["JobStatus"], shown["Message"].partition(":")[0]) == ("FAILED", "NO_READ_ACCESS_TO_INPUT")
    assert listed.body == {f"{stem}PropertiesList": [shown]}


@pytest.mark.parametrize("stem", STEMS)
def test_nothing_is_shown_that_was_not_given(sandbox_at: SandboxAt, stem: str) -> None:
    """With the required members alone: what the pages always promise, Mode for PII, EndTime once it ended."""
    place = sandbox_at()
    with place.client() as client:
        started = _lossless(client, "Start", stem, minimal_request(name_of("Start", stem)))
        shown = _until(client, stem, started.body["JobId"], *TERMINAL)

    assert shown["JobStatus"] == "COMPLETED"
    assert set(shown) == ALWAYS | {"EndTime"} | ({"Mode"} if "Pii" in stem else set())
    assert shown["EndTime"] >= shown["SubmitTime"]


@pytest.mark.parametrize("stem", STEMS)
def test_every_status_of_the_model_is_seen(sandbox_at: SandboxAt, stem: str) -> None:
    """All six words, each in Describe and under List's filter, and EndTime only with the last three."""
    asleep = sandbox_at(submitted_s=1e6)
    at_work = sandbox_at(overhead_s=1e6, stop_s=1e6)
    locked = sandbox_at(unreadable=["s3://corpus-in/a/"])
    winding_up = sandbox_at(overhead_s=1e6)
    ways = [
        (asleep, "SUBMITTED", False),
        (at_work, "IN_PROGRESS", False),
        (at_work, "STOP_REQUESTED", True),
        (winding_up, "STOPPED", True),
        (sandbox_at(), "COMPLETED", False),
        (locked, "FAILED", False),
    ]

    seen = {status: _brought_to(place, stem, status, stop) for place, status, stop in ways}

    enum = answer_shape(name_of("Start", stem)).members["JobStatus"].metadata["enum"]
    assert set(seen) == set(enum)
    assert {status for status, job in seen.items() if "EndTime" in job} == set(TERMINAL)


def _brought_to(place: Place, stem: str, status: str, stop: bool) -> dict[str, Any]:
    """A job of a new account in the status, as Describe and List both show it."""
    with place.client() as client:
        job_id = _lossless(client, "Start", stem, minimal_request(name_of("Start", stem))).body["JobId"]
        if stop:
            _until(client, stem, job_id, "IN_PROGRESS")
            assert _lossless(client, "Stop", stem, {"JobId": job_id}).body["JobStatus"] == "STOP_REQUESTED"
        shown = _until(client, stem, job_id, status)
        listed = _lossless(client, "List", stem, {"Filter": {"JobStatus": status}})
    assert listed.body == {f"{stem}PropertiesList": [shown]}
    return shown


def _until(client: Boto3, stem: str, job_id: str, *statuses: str) -> dict[str, Any]:
    """The job's properties once it has one of the statuses."""
    while True:
        answer = _lossless(client, "Describe", stem, {"JobId": job_id})
        properties: dict[str, Any] = answer.body[f"{stem}Properties"]
        if properties["JobStatus"] in statuses:
            return properties


def _lossless(client: Boto3, verb: str, stem: str, params: dict[str, Any]) -> Answer:
    """The answer, which lost nothing on its way through botocore."""
    operation = name_of(verb, stem)
    answer = client.call(operation, params)
    assert answer.code == "", answer.message
    assert list(losses(answer_shape(operation), client.wire, answer.body)) == []
    return answer
