"""Lengths at their limits and one beyond, patterns at their edges, and bodies that no client would send."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.model import ListShape, Shape, StructureShape

from tests.conformance.conftest import Place
from tests.conformance.shapes import OPERATIONS, fill, full_request, minimal_request, request_shape

SandboxAt = Callable[..., Place]
SIGNED = "AWS4-HMAC-SHA256 Credential=sandbox/20240101/us-east-1/comprehend/aws4_request, Signature=none"


def limits(shape: Shape, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Shape]]:
    """Every member of a request that has a minimum or a maximum, with the path to it."""
    if {"min", "max"} & set(shape.metadata):
        yield path, shape
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            yield from limits(member, (*path, name))
    elif isinstance(shape, ListShape):
        yield from limits(shape.member, (*path, "[]"))


LIMITS = [
    pytest.param(operation, path, shape, id=f"{operation}-{'.'.join(path)}")
    for operation in OPERATIONS
    for path, shape in limits(request_shape(operation))
]


@pytest.mark.parametrize(("operation", "path", "shape"), LIMITS)
def test_a_member_may_be_as_long_as_the_model_says(
    sandbox_at: SandboxAt, operation: str, path: tuple[str, ...], shape: Shape
) -> None:
    """The least and the most that the model allows pass its validation, one less and one more do not."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    with sandbox_at().client() as client:
        codes = {
            size: client.call(operation, _with(operation, path, _sized(shape, path, size))).code
            for size in {least, most, None if least is None else least - 1, None if most is None else most + 1}
            if size is not None and size >= 0
        }

    # The least length of an ARN is less than its pattern can do with, and an id or a token of any length is a stranger.
    within = {
        code for size, code in codes.items() if _fits(shape, size) and (size != least or shape.name != "IamRoleArn")
    }
    assert within <= {"", "JobNotFoundException", "InvalidRequestException"}, codes
    assert "" in within or {"JobId", "NextToken"} & set(path), codes
    assert {code for size, code in codes.items() if not _fits(shape, size)} <= {"ValidationException"}, codes


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028", "\u2029"], ids=["LF", "CR", "U+2028", "U+2029"])
@pytest.mark.parametrize("member", ["InputDataConfig", "OutputDataConfig", "DataAccessRoleArn"])
def test_a_dot_of_a_pattern_is_no_line_end(sandbox_at: SandboxAt, member: str, end: str) -> None:
    """`.` stands for any character of a line, in S3 URIs and role ARNs alike."""
    request = minimal_request("StartEntitiesDetectionJob")
    value = request[member]
    broken = f"{value}a{end}b" if isinstance(value, str) else {"S3Uri": f"{value['S3Uri']}a{end}b"}
    with sandbox_at().client() as client:
        answer = client.call("StartEntitiesDetectionJob", request | {member: broken})

    assert answer.code == "ValidationException"


def test_textract_must_be_told_what_to_look_for(sandbox_at: SandboxAt) -> None:
    """TEXTRACT_ANALYZE_DOCUMENT needs FeatureTypes, TEXTRACT_DETECT_DOCUMENT_TEXT does not (the model's own words)."""
    operation = "StartEntitiesDetectionJob"
    given = minimal_request(operation)["InputDataConfig"]
    readers: list[dict[str, Any]] = [
        {"DocumentReadAction": "TEXTRACT_ANALYZE_DOCUMENT"},
        {"DocumentReadAction": "TEXTRACT_ANALYZE_DOCUMENT", "FeatureTypes": ["FORMS"]},
        {"DocumentReadAction": "TEXTRACT_DETECT_DOCUMENT_TEXT"},
    ]
    with sandbox_at().client() as client:
        inputs = [given | {"DocumentReaderConfig": reader} for reader in readers]
        codes = [client.call(operation, minimal_request(operation, InputDataConfig=one)).code for one in inputs]

    assert codes == ["InvalidRequestException", "", ""]


def test_a_flywheel_is_looked_up_beside_a_recognizer(sandbox_at: SandboxAt) -> None:
    """Whichever of the two is missing, the job is refused."""
    operation = "StartEntitiesDetectionJob"
    full = full_request(operation)
    with sandbox_at(missing_recognizers=[full["FlywheelArn"]]).client() as client:
        answer = client.call(operation, full)

    assert answer.code == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("body", "headers", "code", "status"),
    [
        pytest.param(b'{"NextToken":"%s"}' % (b"a" * 2**20), {}, "RequestEntityTooLargeException", 413, id="2 MB"),
        pytest.param(b"[" * 200_000, {}, "SerializationException", 400, id="nested lists"),
        pytest.param(b'{"Filter":' * 100_000, {}, "SerializationException", 400, id="nested objects"),
        pytest.param(b"{}", {"Content-Encoding": "gzip"}, "MalformedHttpRequestException", 400, id="not gzip"),
        pytest.param(b'{"MaxResults":%s}' % (b"9" * 400), {}, "ValidationException", 400, id="large number"),
        pytest.param(b'{"MaxResults":1e999}', {}, "SerializationException", 400, id="infinity"),
        pytest.param(b'{"NextToken":"\\ud800"}', {}, "SerializationException", 400, id="half a surrogate pair"),
        pytest.param(b'\xef\xbb\xbf{"MaxResults":1}', {}, "SerializationException", 400, id="byte order mark"),
    ],
)
def test_a_hostile_body_is_the_clients_mistake(
    sandbox_at: SandboxAt, body: bytes, headers: dict[str, str], code: str, status: int
) -> None:
    """A coded error, never an InternalServerException; and the next request is answered."""
    place = sandbox_at()

    refused = _post(place.url, body, headers)

    assert refused == (status, code)
    assert _post(place.url, b"{}", {}) == (200, "")


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    known = {"X-Amz-Target": "Comprehend_20171127.ListEntitiesDetectionJobs", "Authorization": SIGNED}
    request = urllib.request.Request(url, data=body, headers=known | headers)  # noqa: S310 - our own sandbox
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own sandbox
            return answer.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["__type"]


def _fits(shape: Shape, size: int) -> bool:
    return bool(shape.metadata.get("min", 0) <= size <= shape.metadata.get("max", size))


def _sized(shape: Shape, path: tuple[str, ...], size: int) -> Any:
    """A value of a length (of a size, if it is a number) that has nothing else wrong with it."""
    if isinstance(shape, ListShape):
        return [fill(shape.member, ".".join(path))] * size
    if shape.type_name == "integer":
        return size
    if shape.name in ("JobId", "String", "TagValue"):
        return "a" * size
    sample = str(fill(shape, ".".join(path)))
    return sample[:size] + sample[-1].replace("/", "a") * (size - len(sample))


def _with(operation: str, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A good request with a value at a path; `[]` is the one member of a list."""
    request = minimal_request(operation) if operation.startswith("Start") else {}
    place = request
    shape: Shape = request_shape(operation)
    for depth, name in enumerate(path):
        assert isinstance(shape, StructureShape)
        shape = shape.members[name]
        rest = path[depth + 1 :]
        if not rest:
            place[name] = value
        elif rest == ("[]",):
            place[name] = [value]
            break
        elif rest[0] == "[]":
            assert isinstance(shape, ListShape)
            place[name] = [fill(shape.member)]
            place[name][0][rest[1]] = value
            break
        else:
            place[name] = place.get(name) or ({} if name == "Filter" else fill(shape, f".{name}"))
            place = place[name]
    if path[0] == "RedactionConfig":
        request["Mode"] = "ONLY_REDACTION"
    return request
