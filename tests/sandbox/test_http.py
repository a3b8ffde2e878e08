"""The service on the wire, asked by real clients: boto3 and aioboto3 over loopback."""

import asyncio
import io
import json
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fleet.sandbox import Sandbox
from fleet.sandbox.kinds import KINDS, OPERATIONS, Verb

Open = Callable[..., Any]
ENDED = ("COMPLETED", "FAILED", "STOPPED")
TARGET = "Comprehend_20171127.DescribeEntitiesDetectionJob"
SIGNED = "AWS4-HMAC-SHA256 Credential=sandbox/20240101/us-east-1/comprehend/aws4_request, Signature=none"


def method(verb: Verb, kind: str) -> str:
    """The client method, e.g. `list_sentiment_detection_jobs`."""
    return f"{verb.lower()}_{kind}_detection_job{'s' if verb is Verb.LIST else ''}"


async def ended(client: Any, kind: str, job_id: str) -> dict[str, Any]:
    """The job's properties once it has ended."""
    while True:
        answer = await getattr(client, method(Verb.DESCRIBE, kind))(JobId=job_id)
        properties: dict[str, Any] = answer[KINDS[kind].wrapper]
        if properties["JobStatus"] in ENDED:
            return properties


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_job_of_each_kind_runs_to_real_output(
    opened: Open, client_of: Open, request_for: Open, kind: str
) -> None:
    """Start, Describe to COMPLETED, and one JSON object per document where OutputDataConfig says."""
    async with opened() as sandbox, client_of(sandbox) as client:
        answer = await getattr(client, method(Verb.START, kind))(**request_for(kind))
        properties = await ended(client, kind, answer["JobId"])
        uri = properties["OutputDataConfig"]["S3Uri"]
        key = uri.removeprefix("s3://corpus-out/") + ("one.txt.out" if kind == "pii_entities" else "")
        body = await sandbox.store.read("corpus-out", key)

    assert properties["JobStatus"] == "COMPLETED"
    assert properties["EndTime"] >= properties["SubmitTime"]
    text = body if kind == "pii_entities" else _member(body)
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["Line"] for line in lines] == list(range(20))


async def test_boto3_and_aioboto3_see_the_same(opened: Open, client_of: Open, request_for: Open) -> None:
    """The two clients parse every answer of every operation alike, times included."""
    switches = {"submitted_s": 1_000.0, "stop_submitted": "STOPPED"}
    async with opened(**switches) as sandbox, client_of(sandbox) as client:
        for kind in KINDS:
            theirs = await asyncio.to_thread(_tour, sandbox, kind, request_for(kind))
            job_id = theirs["start"]["JobId"]
            ours = await getattr(client, method(Verb.DESCRIBE, kind))(JobId=job_id)
            listed = await getattr(client, method(Verb.LIST, kind))()

            assert theirs["describe"][KINDS[kind].wrapper] == ours[KINDS[kind].wrapper]
            assert listed[KINDS[kind].list_wrapper] == [ours[KINDS[kind].wrapper]]
            assert ours[KINDS[kind].wrapper]["SubmitTime"].tzinfo is not None
            assert theirs["stop"] == {"JobId": job_id, "JobStatus": "STOPPED"}


def _tour(sandbox: Sandbox, kind: str, request: dict[str, Any]) -> dict[str, Any]:
    """Start, Stop and Describe through boto3, which blocks and so has a thread of its own."""
    client = boto3.client(
        "comprehend",
        endpoint_url=sandbox.comprehend_url,
        region_name="us-east-1",
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    try:
        start = getattr(client, method(Verb.START, kind))(**request)
        stopped = getattr(client, method(Verb.STOP, kind))(JobId=start["JobId"])
        describe = getattr(client, method(Verb.DESCRIBE, kind))(JobId=start["JobId"])
    finally:
        client.close()
    stopped.pop("ResponseMetadata")
    return {"start": start, "describe": describe, "stop": stopped}


async def test_errors_have_the_services_code_status_and_message(opened: Open, client_of: Open) -> None:
    """A modelled error is the client's own exception class; `Message` is filled, and there is a request id."""
    async with opened() as sandbox, client_of(sandbox) as client:
        with pytest.raises(client.exceptions.JobNotFoundException) as missing:
            await client.describe_entities_detection_job(JobId="0" * 32)
        with pytest.raises(client.exceptions.InvalidFilterException):
            await client.list_entities_detection_jobs(
                Filter={"JobName": "a", "SubmitTimeBefore": datetime(2024, 1, 1, tzinfo=UTC)}
            )

    response = missing.value.response
    assert response["Error"]["Message"] == "The specified job was not found. Check the job ID and try again."
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert len(response["ResponseMetadata"]["RequestId"]) == 36


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ThrottlingException"])
async def test_a_rate_beyond_the_quota_is_refused(opened: Open, client_of: Open, code: str) -> None:
    """Both codes come as a ClientError with status 400."""
    switches = {"list_per_s": 0.001, "throttle_code": code}
    async with opened(**switches) as sandbox, client_of(sandbox) as client:
        await client.list_sentiment_detection_jobs()
        with pytest.raises(ClientError) as refused:
            await client.list_sentiment_detection_jobs()

    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


async def test_pages_are_walked_by_botos_paginator(opened: Open, client_of: Open, request_for: Open) -> None:
    """boto's own paginator meets every job once."""
    async with opened(active_jobs=50) as sandbox, client_of(sandbox) as client:
        ids = [(await client.start_entities_detection_job(**request_for()))["JobId"] for _ in range(11)]
        pages = client.get_paginator("list_entities_detection_jobs").paginate(PaginationConfig={"PageSize": 4})
        found = [job["JobId"] async for page in pages for job in page["EntitiesDetectionJobPropertiesList"]]

    assert found == ids


async def test_a_time_filter_is_understood_as_boto_sends_it(opened: Open, client_of: Open, request_for: Open) -> None:
    """A datetime goes over the wire as a number, and back."""
    async with opened() as sandbox, client_of(sandbox) as client:
        await client.start_entities_detection_job(**request_for())
        past, future = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
        after = await client.list_entities_detection_jobs(Filter={"SubmitTimeAfter": past})
        before = await client.list_entities_detection_jobs(Filter={"SubmitTimeBefore": past})
        later = await client.list_entities_detection_jobs(Filter={"SubmitTimeBefore": future})

    counts = [len(page["EntitiesDetectionJobPropertiesList"]) for page in (after, before, later)]
    assert counts == [1, 0, 1]


async def test_region_and_account_come_from_the_signature(opened: Open, client_of: Open, request_for: Open) -> None:
    """The Region of the credential scope stands in the ARN; a logged access key is an account, or maps to one."""
    async with opened(accounts={"KEY": "999988887777"}) as sandbox:
        for key, account in (("KEY", "999988887777"), ("111122223333", "111122223333"), ("any", "123456789012")):
            async with client_of(sandbox, region_name="eu-west-1", aws_access_key_id=key) as client:
                answer = await client.start_sentiment_detection_job(**request_for("sentiment"))
            assert answer["JobArn"].split(":")[3] == "eu-west-1"
            entry = sandbox.service.log[-1]
            assert (entry.account, entry.access_key) == (account, key)


@pytest.mark.parametrize(
    ("body", "headers", "code", "status"),
    [
        (b"{", {}, "SerializationException", 400),
        (b"[]", {}, "SerializationException", 400),
        (b"\xff", {}, "SerializationException", 400),
        (b'{"JobId": 5}', {}, "SerializationException", 400),
        (b"{}", {}, "ValidationException", 400),
        (b"{}", {"X-Amz-Target": "Comprehend_20171127.DetectEntities"}, "UnknownOperationException", 400),
        (b"{}", {"X-Amz-Target": "DescribeEntitiesDetectionJob"}, "UnknownOperationException", 400),
        (b"{}", {"X-Amz-Target": ""}, "UnknownOperationException", 400),
        (b"{}", {"Authorization": ""}, "MissingAuthenticationTokenException", 403),
        (b"{}", {"Authorization": "Basic c2FuZGJveA=="}, "MissingAuthenticationTokenException", 403),
    ],
)
async def test_what_no_client_would_send_gets_an_error(
    opened: Open, body: bytes, headers: dict[str, str], code: str, status: int
) -> None:
    """Broken requests get a coded error in the wire form, never a 500."""
    known = {"X-Amz-Target": TARGET, "Authorization": SIGNED, "Content-Type": "application/x-amz-json-1.1"}
    async with (
        opened() as sandbox,
        aiohttp.ClientSession() as session,
        session.post(sandbox.comprehend_url, data=body, headers={**known, **headers}) as response,
    ):
        answer = json.loads(await response.read())

    assert response.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert response.headers["x-amzn-RequestId"]
    assert (answer["__type"], response.status) == (code, status)


async def test_a_get_is_no_operation(opened: Open) -> None:
    """A browser gets an error that names what was asked."""
    async with (
        opened() as sandbox,
        aiohttp.ClientSession() as session,
        session.get(f"{sandbox.comprehend_url}/index.html") as response,
    ):
        assert (await response.json(content_type=None))["__type"] == "UnknownOperationException"


async def test_unsigned_requests_may_be_let_in(opened: Open) -> None:
    """With unsigned = accept, curl needs no signature; account and Region are those of the switches."""
    headers = {"X-Amz-Target": "Comprehend_20171127.ListEntitiesDetectionJobs"}
    async with opened(unsigned="accept", region="ca-central-1") as sandbox, aiohttp.ClientSession() as session:
        async with session.post(sandbox.comprehend_url, data=b"{}", headers=headers) as response:
            assert await response.json(content_type=None) == {"EntitiesDetectionJobPropertiesList": []}
        assert sandbox.service.log[-1].region == "ca-central-1"


async def test_a_mistake_in_the_sandbox_is_a_500_and_is_logged(
    opened: Open, client_of: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What nobody foresaw is never silent, and the server goes on."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a mistake")

    async with opened() as sandbox, client_of(sandbox) as client:
        with monkeypatch.context() as patch:
            patch.setattr(sandbox.service, "call", broken)
            with pytest.raises(client.exceptions.InternalServerException):
                await client.list_entities_detection_jobs()
        assert await client.list_entities_detection_jobs()

    assert "a mistake" in caplog.text


async def test_an_input_that_cannot_be_read_ends_failed(opened: Open, client_of: Open, request_for: Open) -> None:
    """Unreadable, unwritable and empty inputs end FAILED with a coded Message."""
    switches = {"unreadable": ("s3://corpus-in/secret/",), "unwritable": ("s3://corpus-out/locked/",)}
    locked = {"OutputDataConfig": {"S3Uri": "s3://corpus-out/locked/"}}
    cases = [
        ("NO_READ_ACCESS_TO_INPUT", request_for(prefix="s3://corpus-in/secret/")),
        ("NO_WRITE_ACCESS_TO_OUTPUT", request_for(**locked)),
        ("NO_INPUT_FILES", request_for(prefix="s3://corpus-in/nothing/")),
    ]
    async with opened(**switches) as sandbox, client_of(sandbox) as client:
        for code, request in cases:
            job_id = (await client.start_entities_detection_job(**request))["JobId"]
            shown = await ended(client, "entities", job_id)
            assert (shown["JobStatus"], shown["Message"].partition(":")[0]) == ("FAILED", code)


async def test_an_empty_input_may_complete(opened: Open, client_of: Open, request_for: Open) -> None:
    """empty_input = complete is the other reading of what AWS does."""
    async with opened(empty_input="complete") as sandbox, client_of(sandbox) as client:
        request = request_for(prefix="s3://corpus-in/nothing/")
        job_id = (await client.start_entities_detection_job(**request))["JobId"]
        assert (await ended(client, "entities", job_id))["JobStatus"] == "COMPLETED"


def test_no_operation_is_forgotten() -> None:
    """The methods of the client that these tests call are those of the catalogue."""
    client = boto3.client("comprehend", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    for operation in OPERATIONS.values():
        assert hasattr(client, method(operation.verb, operation.kind.name))
    client.close()


def _member(archive: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        (member,) = tar.getmembers()
        file = tar.extractfile(member)
        assert file is not None
        return file.read()
