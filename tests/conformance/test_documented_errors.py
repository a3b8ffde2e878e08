"""Each documented error of each operation, provoked through boto3: its code, its HTTP status, and its own class.

Statuses: 400 for all but InternalServerException, by the operations' API pages (facts sheet 1.5, 1.6). Of the errors
common to all AWS services: Comprehend's own page of common errors, and the general one where that page is silent.
"""

from collections.abc import Callable
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config

from fleet.sandbox import ServiceError
from tests.conformance.conftest import TERMINAL, Place
from tests.conformance.drivers import CONFIG, Answer, Boto3
from tests.conformance.shapes import (
    OPERATIONS,
    ROLE,
    declared_errors,
    method_of,
    minimal_request,
    name_of,
    stem_of,
)

SandboxAt = Callable[..., Place]
Provoke = Callable[[SandboxAt, str], Answer]

KEY = "11111111-2222-3333-4444-555555555555"
RECOGNIZER = "arn:aws:comprehend:us-east-1:123456789012:entity-recognizer/absent"
UNTRAINED = "arn:aws:comprehend:us-east-1:123456789012:entity-recognizer/untrained"
UNKNOWN_ID = "0" * 32
# What AWS would look up elsewhere, and the reading that a JobName is taken: one sandbox for all that need it.
LOOKED_UP: dict[str, Any] = {
    "unusable_kms_keys": [KEY],
    "missing_recognizers": [RECOGNIZER],
    "untrained_recognizers": [UNTRAINED],
    "job_name_unique": True,
}
SLOW = {f"{verb}_per_s": 0.001 for verb in ("start", "describe", "list", "stop")}


def request_for(operation: str, **changes: Any) -> dict[str, Any]:
    """A request that is right by the model; Describe and Stop name a job that is not there."""
    if operation.startswith("Start"):
        return minimal_request(operation, **changes)
    return ({} if operation.startswith("List") else {"JobId": UNKNOWN_ID}) | changes


def invalid(sandbox_at: SandboxAt, operation: str) -> Answer:
    """A role that cannot be assumed, a foreign NextToken, a Stop too late, an id that is too long."""
    changes: dict[str, Any] = {"DataAccessRoleArn": f"{ROLE}-new"}
    with sandbox_at(unassumable_roles=[f"{ROLE}-new"]).client() as client:
        if operation.startswith("List"):
            changes = {"NextToken": "not-one-of-ours"}
        elif operation.startswith("Stop"):
            changes = {"JobId": _ended_job(client, operation)}
        elif operation.startswith("Describe"):
            return _worded_otherwise(sandbox_at, operation)
        return client.call(operation, request_for(operation, **changes))


def too_often(sandbox_at: SandboxAt, operation: str) -> Answer:
    """The second request within a second, where one is the quota."""
    return _twice(sandbox_at(**SLOW), operation)


def broken(sandbox_at: SandboxAt, operation: str) -> Answer:
    """Nothing that a client does makes AWS break, so a fault does."""
    place = sandbox_at()
    with place.client() as client, place.fault(what="error", operation=operation, status=500):
        return client.call(operation, request_for(operation))


def looked_up(**changes: Any) -> Provoke:
    """A Start that names what AWS would find missing, unusable or too much."""

    def provoke(sandbox_at: SandboxAt, operation: str) -> Answer:
        with sandbox_at(**LOOKED_UP).client() as client:
            return client.call(operation, request_for(operation, **changes))

    return provoke


def no_such_job(sandbox_at: SandboxAt, operation: str) -> Answer:
    """An id that no job has."""
    with sandbox_at().client() as client:
        return client.call(operation, request_for(operation))


def name_taken(sandbox_at: SandboxAt, operation: str) -> Answer:
    """The same JobName for a second job."""
    with sandbox_at(**LOOKED_UP).client() as client:
        client.call(operation, request_for(operation, JobName="taken"))
        return client.call(operation, request_for(operation, JobName="taken"))


def two_filters(sandbox_at: SandboxAt, operation: str) -> Answer:
    """List takes one filter at a time."""
    with sandbox_at().client() as client:
        return client.call(operation, {"Filter": {"JobName": "a", "JobStatus": "COMPLETED"}})


PRODUCED: dict[str, dict[str, tuple[int, Provoke]]] = {
    "Start": {
        "InvalidRequestException": (400, invalid),
        "TooManyRequestsException": (400, too_often),
        "KmsKeyValidationException": (
            400,
            looked_up(OutputDataConfig={"S3Uri": "s3://corpus-out/results/", "KmsKeyId": KEY}),
        ),
        "TooManyTagsException": (400, looked_up(Tags=[{"Key": f"key-{n}"} for n in range(51)])),
        "ResourceInUseException": (400, name_taken),
        "InternalServerException": (500, broken),
    },
    # Only a custom recognizer can be missing or untrained, so only this Start declares it.
    "StartEntities": {
        "ResourceNotFoundException": (400, looked_up(EntityRecognizerArn=RECOGNIZER)),
        "ResourceUnavailableException": (400, looked_up(EntityRecognizerArn=UNTRAINED)),
    },
    "Describe": {
        "InvalidRequestException": (400, invalid),
        "JobNotFoundException": (400, no_such_job),
        "TooManyRequestsException": (400, too_often),
        "InternalServerException": (500, broken),
    },
    "List": {
        "InvalidRequestException": (400, invalid),
        "TooManyRequestsException": (400, too_often),
        "InvalidFilterException": (400, two_filters),
        "InternalServerException": (500, broken),
    },
    "Stop": {
        "InvalidRequestException": (400, invalid),
        "JobNotFoundException": (400, no_such_job),
        "InternalServerException": (500, broken),
    },
}


def produced(operation: str) -> dict[str, tuple[int, Provoke]]:
    """The table's rows for one operation: status and way by code."""
    rows = [row for beginning, row in PRODUCED.items() if operation.startswith(beginning)]
    return {code: how for row in rows for code, how in row.items()}


CASES = [(operation, code) for operation in OPERATIONS for code in produced(operation)]


@pytest.mark.parametrize(("operation", "code"), CASES, ids=[f"{operation}-{code}" for operation, code in CASES])
def test_a_declared_error_can_be_had(sandbox_at: SandboxAt, operation: str, code: str) -> None:
    """The error comes with its documented code and status, and with words."""
    status, provoke = produced(operation)[code]

    answer = provoke(sandbox_at, operation)

    assert (answer.code, answer.status) == (code, status), answer.message
    assert answer.message


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_declared_error_is_missing(operation: str) -> None:
    """The table has every error that botocore's model declares for the operation, and no other."""
    assert set(produced(operation)) == declared_errors(operation)


def test_an_error_knows_its_status() -> None:
    """Wherever the sandbox raises an error, a mistake of its own included, the documented status goes with it."""
    statuses = {code: status for row in PRODUCED.values() for code, (status, _) in row.items()}

    assert {code: ServiceError(code).status for code in statuses} == statuses


def test_a_declared_error_is_a_class_of_the_client(sandbox_at: SandboxAt) -> None:
    """`except client.exceptions.JobNotFoundException` catches it, and it has a request id."""
    with sandbox_at().client() as client, pytest.raises(client.client.exceptions.JobNotFoundException) as missing:
        client.client.describe_entities_detection_job(JobId=UNKNOWN_ID)

    assert len(missing.value.response["ResponseMetadata"]["RequestId"]) == 36


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_may_be_throttled_by_the_common_code(sandbox_at: SandboxAt, operation: str) -> None:
    """ThrottlingException, 400; for Stop it is the only one, since Stop does not declare TooManyRequestsException."""
    chosen = {} if operation.startswith("Stop") else {"throttle_code": "ThrottlingException"}

    answer = _twice(sandbox_at(**SLOW, **chosen), operation)

    assert (answer.code, answer.status) == ("ThrottlingException", 400)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_member_that_breaks_its_shape_is_a_validation_exception(sandbox_at: SandboxAt, operation: str) -> None:
    """ValidationException, 400, with the member's path; a wrong JSON type is a SerializationException."""
    member = "JobName" if operation.startswith("Start") else "NextToken" if operation.startswith("List") else "JobId"
    with sandbox_at().client() as client:
        broken_shape = client.call(operation, request_for(operation, **{member: ""}))
        wrong_type = client.call(operation, request_for(operation, **{member: 7}))

    assert (broken_shape.code, broken_shape.status) == ("ValidationException", 400)
    assert f"'{member[0].lower()}{member[1:]}'" in broken_shape.message
    assert (wrong_type.code, wrong_type.status) == ("SerializationException", 400)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_without_a_signature_is_refused(sandbox_at: SandboxAt, operation: str) -> None:
    """MissingAuthenticationTokenException, 403."""
    unsigned = CONFIG.merge(Config(signature_version=UNSIGNED))
    with sandbox_at().client(config=unsigned) as client:
        answer = client.call(operation, request_for(operation))

    assert (answer.code, answer.status) == ("MissingAuthenticationTokenException", 403)


def test_an_operation_that_is_not_emulated_says_so(sandbox_at: SandboxAt) -> None:
    """UnknownOperationException, 400, and the message names the operation."""
    with sandbox_at().client() as client:
        answer = client.call("DetectEntities", {"Text": "Alice", "LanguageCode": "en"})

    assert (answer.code, answer.status) == ("UnknownOperationException", 400)
    assert "DetectEntities" in answer.message


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("access_denied", "AccessDeniedException", 400),
        ("expired_credentials", "ExpiredTokenException", 403),
        ("unavailable", "ServiceUnavailable", 503),
        ("error", "IncompleteSignature", 400),
        ("error", "InternalFailure", 500),
        ("error", "InvalidClientTokenId", 403),
        ("error", "NotAuthorized", 400),
        ("error", "OptInRequired", 403),
        ("error", "RequestExpired", 400),
        ("error", "UnrecognizedClientException", 403),
    ],
)
@pytest.mark.parametrize("verb", ["Start", "Describe", "List", "Stop"])
def test_an_error_that_the_sandbox_cannot_have_comes_as_a_fault(
    sandbox_at: SandboxAt, verb: str, fault: str, code: str, status: int
) -> None:
    """Credentials, subscriptions and failures of AWS's own: by rule, over the control endpoint.

    The three that have a word of their own bring their status; any other is an `error` with code and status.
    """
    operation = name_of(verb, "SentimentDetectionJob")
    rule = {"what": fault} | ({"code": code, "status": status} if fault == "error" else {})
    place = sandbox_at()

    with place.client() as client, place.fault(**rule):
        answer = client.call(operation, request_for(operation))

    assert (answer.code, answer.status) == (code, status)


def _twice(place: Place, operation: str) -> Answer:
    with place.client() as client:
        client.call(operation, request_for(operation))
        return client.call(operation, request_for(operation))


def _worded_otherwise(sandbox_at: SandboxAt, operation: str) -> Answer:
    """The other code that was seen for a member that breaks its shape (facts sheet 1.6)."""
    with sandbox_at(constraint_code="InvalidRequestException").client() as client:
        return client.call(operation, request_for(operation, JobId="j" * 33))


def _ended_job(client: Boto3, operation: str) -> str:
    stem = stem_of(operation)
    start = name_of("Start", stem)
    job_id = str(client.call(start, minimal_request(start)).body["JobId"])
    describe = getattr(client.client, method_of(name_of("Describe", stem)))
    while describe(JobId=job_id)[f"{stem}Properties"]["JobStatus"] not in TERMINAL:
        pass
    return job_id
