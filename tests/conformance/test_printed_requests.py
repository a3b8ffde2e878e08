"""What AWS prints is accepted: the request syntax of the API pages and the commands of the developer guide."""

import json
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from botocore.model import ListShape, Shape, StructureShape

from tests.conformance.conftest import Place
from tests.conformance.drivers import AwsCli, Boto3
from tests.conformance.printed import COMMANDS, PLACEHOLDERS, SYNTAX
from tests.conformance.shapes import (
    OPERATIONS,
    STEMS,
    enums,
    fill,
    full_request,
    job_members,
    minimal_request,
    name_of,
    request_shape,
    stem_of,
)

SandboxAt = Callable[..., Place]
STARTS = [name_of("Start", stem) for stem in STEMS]
READER = {"DocumentReadAction": "TEXTRACT_ANALYZE_DOCUMENT", "FeatureTypes": ["TABLES"]}
# Languages per kind: the API pages of the two kinds that take fewer than the enum (facts sheet 1.9).
LANGUAGES = {"StartPiiEntitiesDetectionJob": {"en", "es"}, "StartTargetedSentimentDetectionJob": {"en"}}


@pytest.mark.parametrize("operation", sorted(SYNTAX))
def test_the_request_syntax_of_an_api_page_is_accepted(sandbox_at: SandboxAt, operation: str) -> None:
    """Every member of the printed syntax, each placeholder filled by its shape: a job, whose face shows them all."""
    request = _filled(json.loads(SYNTAX[operation]), request_shape(operation), "")
    with sandbox_at().client() as client:
        started = client.call(operation, request)
        shown = _describe(client, operation, started.body["JobId"])

    assert (started.code, started.body["JobStatus"]) == ("", "SUBMITTED")
    assert _kept(request, shown) == set(request) - {"ClientRequestToken"}


@pytest.mark.timeout(300)
def test_the_commands_of_the_developer_guide_are_accepted(cli: AwsCli) -> None:
    """As printed, with the reader's own names, file and all; the job that was started is then described."""
    jobs: dict[str, str] = {}
    for operation, (command, document) in COMMANDS.items():
        stem = stem_of(operation)
        (cli.directory / "request.json").write_text(_replaced(document))
        words = shlex.split(_replaced(command).replace("job ID", jobs.get(stem, "")).replace("\\\n", " "))
        answer = cli.comprehend(*words[2:])
        assert answer.code == "", answer.message
        if operation.startswith("Start"):
            assert set(answer.body) == {"JobId", "JobArn", "JobStatus"}
            jobs[stem] = answer.body["JobId"]
            given = json.loads(_replaced(document))["InputDataConfig"]
        else:
            shown = answer.body[f"{stem}Properties"]
            assert (shown["JobId"], shown["InputDataConfig"]) == (jobs[stem], given)


@pytest.mark.parametrize("operation", STARTS)
def test_every_member_of_the_current_model_is_accepted(sandbox_at: SandboxAt, operation: str) -> None:
    """Members that came after the printed pages too, such as Tags, FlywheelArn and DocumentReaderConfig."""
    request = full_request(operation)
    with sandbox_at().client() as client:
        started = client.call(operation, request)
        shown = _describe(client, operation, started.body["JobId"])

    assert _kept(request, shown) == set(request) & job_members(stem_of(operation))


@pytest.mark.parametrize("operation", STARTS)
def test_the_required_members_are_enough(sandbox_at: SandboxAt, operation: str) -> None:
    """What the model does not require may be absent; without any one of the required members there is no job."""
    request = minimal_request(operation)
    with sandbox_at().client() as client:
        started = client.call(operation, request)
        refused = [client.call(operation, minimal_request(operation, **{name: None})).code for name in request]

    assert started.body["JobStatus"] == "SUBMITTED"
    assert refused == ["ValidationException"] * len(request)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_value_of_every_enum_is_accepted(sandbox_at: SandboxAt, operation: str) -> None:
    """Each word that the model lists for a member is a good one, and no other word is."""
    shape = request_shape(operation)
    with sandbox_at().client() as client:
        for path, value in enums(shape):
            accepted = client.call(operation, _with(operation, path, value))
            refused = client.call(operation, _with(operation, path, f"{value}-not"))

            supported = path != ("LanguageCode",) or value in LANGUAGES.get(operation, {value})
            assert accepted.code == ("" if supported else "InvalidRequestException"), (path, value, accepted.message)
            assert refused.code == "ValidationException", (path, value)


def _filled(syntax: Any, shape: Shape, path: str) -> Any:
    """The printed syntax with a value for each `string`, as the member's shape wants it."""
    if isinstance(shape, StructureShape):
        return {name: _filled(value, shape.members[name], f"{path}.{name}") for name, value in syntax.items()}
    if isinstance(shape, ListShape):
        return [_filled(value, shape.member, path) for value in syntax]
    assert syntax == "string"
    return fill(shape, path)


def _replaced(text: str) -> str:
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    return text


def _with(operation: str, path: tuple[str, ...], value: str) -> dict[str, Any]:
    """A request with one more value at a path, and whatever that value demands beside it."""
    request = minimal_request(operation) if operation.startswith("Start") else {}
    if value.startswith("ONLY_REDACTION") or path[0] == "RedactionConfig":
        request |= {"Mode": "ONLY_REDACTION", "RedactionConfig": {"PiiEntityTypes": ["ALL"]}}
    if "DocumentReaderConfig" in path:
        request["InputDataConfig"]["DocumentReaderConfig"] = {**READER}
    place = request
    shape: Shape = request_shape(operation)
    for name in path[:-1]:
        assert isinstance(shape, StructureShape)
        place, shape = place.setdefault(name, {}), shape.members[name]
    assert isinstance(shape, StructureShape)
    place[path[-1]] = [value] if isinstance(shape.members[path[-1]], ListShape) else value
    return request


def _described(operation: str) -> str:
    return name_of("Describe", stem_of(operation))


def _describe(client: Boto3, operation: str, job_id: str) -> dict[str, Any]:
    answer = client.call(_described(operation), {"JobId": job_id})
    properties: dict[str, Any] = answer.body[f"{stem_of(operation)}Properties"]
    return properties


def _kept(request: dict[str, Any], shown: dict[str, Any]) -> set[str]:
    """The members of a request that Describe shows as given. The service writes its own S3Uri for the output."""
    given = {**request, "OutputDataConfig": request["OutputDataConfig"] | {"S3Uri": shown["OutputDataConfig"]["S3Uri"]}}
    assert shown["OutputDataConfig"]["S3Uri"].startswith(request["OutputDataConfig"]["S3Uri"])
    return {name for name, value in given.items() if shown.get(name) == value}
