"""The sandbox in process: real aiobotocore clients without a socket, hours in seconds, the same seed the same run."""

import asyncio
import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import aioboto3
import aiohttp
import pytest
from aiobotocore.config import AioConfig
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from fleet.sandbox.errors import ServiceError
from fleet.sandbox.faults import Fault
from fleet.sandbox.simulation import Simulation, simulate
from fleet.sandbox.switches import Switches
from fleet.sandbox.truth import duplicates, losses, steps_back, worst_window

Open = Callable[..., Any]
KEYS = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox", "region_name": "us-east-1"}
LINES = b"Anna Smith of Paris loves her new phone.\n" * 50


def client(sandbox: Simulation, service: str = "comprehend", **config: Any) -> Any:
    """A real client whose requests go to the simulation."""
    retries = {"total_max_attempts": 1, "mode": "standard"}
    return aioboto3.Session().client(
        service, config=AioConfig(http_session_cls=sandbox.http_session, retries=retries, **config), **KEYS
    )


def test_a_job_runs_its_eight_minutes_at_once(request_for: Open) -> None:
    """Start, Describe until it has ended, and the output, all through real clients."""

    async def main(sandbox: Simulation) -> tuple[float, list[str], bytes]:
        await sandbox.store.write("corpus-in", "a/one.txt", LINES)
        async with client(sandbox) as comprehend, client(sandbox, "s3") as s3:
            job_id = (await comprehend.start_entities_detection_job(**request_for()))["JobId"]
            seen = ["SUBMITTED"]
            while seen[-1] in ("SUBMITTED", "IN_PROGRESS"):
                await asyncio.sleep(10)
                answer = await comprehend.describe_entities_detection_job(JobId=job_id)
                job = answer["EntitiesDetectionJobProperties"]
                seen.append(job["JobStatus"])
            bucket, _, key = job["OutputDataConfig"]["S3Uri"].removeprefix("s3://").partition("/")
            async with (await s3.get_object(Bucket=bucket, Key=key))["Body"] as body:
                return sandbox.clock.monotonic(), seen, await body.read()

    took_s, seen, body = simulate(main, Switches(seed=1))

    assert list(dict.fromkeys(seen)) == ["SUBMITTED", "IN_PROGRESS", "COMPLETED"]
    assert 300 < took_s < 900
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
        output = tar.extractfile("output")
        assert output is not None
        assert len(output.readlines()) == 50


def busy(seed: int, jobs: int = 20) -> Simulation:
    """Hours of one lane with faults, by eight impatient callers; the simulation after it."""

    async def main(sandbox: Simulation) -> Simulation:
        for number in range(jobs):
            await sandbox.store.write("corpus-in", f"{number}/one.txt", LINES)
        waiting = list(range(jobs))
        async with asyncio.TaskGroup() as group, client(sandbox) as comprehend:
            callers = [group.create_task(call(sandbox, comprehend, waiting)) for _ in range(8)]
            await asyncio.wait(callers)
        return sandbox

    faults = (
        Fault(what="lose_answer", operation="Start*", probability=0.2),
        Fault(what="slow", operation="Describe*", probability=0.1, seconds=5.0),
    )
    return simulate(main, Switches(seed=seed, active_jobs=3, faults=faults, tail_probability=0.2))


async def call(sandbox: Simulation, comprehend: Any, waiting: list[int]) -> None:
    """Start and follow one input after the other until none waits."""
    while waiting:
        number = waiting.pop()
        job_id = await start(comprehend, number)
        status = ""
        while status not in ("COMPLETED", "FAILED"):
            await asyncio.sleep(30)
            try:
                answer = await comprehend.describe_entities_detection_job(JobId=job_id)
            except ClientError:
                continue
            status = answer["EntitiesDetectionJobProperties"]["JobStatus"]


async def start(comprehend: Any, number: int) -> str:
    request = {
        "InputDataConfig": {"S3Uri": f"s3://corpus-in/{number}/"},
        "OutputDataConfig": {"S3Uri": "s3://corpus-out/"},
        "DataAccessRoleArn": "arn:aws:iam::123456789012:role/comprehend",
        "LanguageCode": "en",
        "ClientRequestToken": f"token-{number}",
    }
    while True:
        try:
            return str((await comprehend.start_entities_detection_job(**request))["JobId"])
        except (ClientError, ConnectionClosedError):
            await asyncio.sleep(20.0 + number)


def test_the_same_seed_gives_the_same_log_and_another_seed_another() -> None:
    """To the last bit of every time: hours of requests that race, are lost, throttled and repeated."""
    first, again, other = busy(1), busy(1), busy(2)

    assert list(first.service.log) == list(again.service.log)
    assert list(first.service.log) != list(other.service.log)
    assert first.service.log[-1].time - first.service.log[0].time > 3_600


def test_the_rules_are_those_of_the_service() -> None:
    """No duplicate, no window above its quota, no slot too many, no step back, in a run of hours."""
    log = list(busy(3).service.log)

    assert {entry.outcome for entry in log} >= {"accepted", "replayed", "capped"}
    assert max(worst_window(log).values()) <= 10
    assert worst_window(log)["StartEntitiesDetectionJob"] == 1
    assert steps_back((entry.job_id, entry.status) for entry in log) == {}
    assert duplicates(log) == {}
    assert losses(log, {("entities", f"s3://corpus-in/{number}/") for number in range(20)}) == set()


@pytest.mark.parametrize(
    ("fault", "error", "takes_s"),
    [
        (Fault(what="hang", accept=True), ReadTimeoutError, 20.0),
        (Fault(what="lose_answer"), ConnectionClosedError, 0.0),
        (Fault(what="half_answer"), ConnectionClosedError, 0.0),
        (Fault(what="slow", seconds=25.0), ReadTimeoutError, 20.0),
        (Fault(what="drip", seconds=90.0), None, 90.0),
        (Fault(what="slow", seconds=15.0), None, 15.0),
        (Fault(what="throttle"), ClientError, 0.0),
    ],
)
def test_faults_feel_as_over_a_socket(request_for: Open, fault: Fault, error: Any, takes_s: float) -> None:
    """The same error of the same class, after the same time; a drip is never timed out by the read timeout."""

    async def main(sandbox: Simulation) -> tuple[Any, float, int]:
        sandbox.faults.add(fault)
        async with client(sandbox, read_timeout=20) as comprehend:
            try:
                await comprehend.start_entities_detection_job(**request_for())
                raised = None
            except Exception as failure:
                raised = type(failure)
        return raised, sandbox.clock.monotonic(), len(sandbox.service.jobs)

    raised, took_s, jobs = simulate(main, latency_s=(0.0, 0.0))

    assert raised is None if error is None else issubclass(raised, error)
    assert took_s == pytest.approx(takes_s, abs=0.01)
    assert jobs == (0 if fault.what == "throttle" else 1)


def test_an_open_client_can_be_attached(request_for: Open) -> None:
    """For clients that somebody else has made: requests never look for a network again."""

    async def main(sandbox: Simulation) -> int:
        async with aioboto3.Session().client("comprehend", **KEYS) as comprehend:
            sandbox.attach(comprehend)
            await comprehend.start_entities_detection_job(**request_for())
            sandbox.faults.add(Fault(what="hang"))
            with pytest.raises(ReadTimeoutError):
                await comprehend.list_entities_detection_jobs()
        return len(sandbox.service.jobs)

    assert simulate(main) == 1


def test_requests_go_without_a_client_too(request_for: Open) -> None:
    """Plain dicts in and out, errors as ServiceError, for simulations that need no SDK."""

    async def main(sandbox: Simulation) -> list[str]:
        await sandbox.request("StartEntitiesDetectionJob", request_for())
        codes = []
        for operation in ("StartEntitiesDetectionJob", "DescribeEntitiesDetectionJob"):
            with pytest.raises(ServiceError) as refused:
                await sandbox.request(operation, {})
            codes.append(refused.value.code)
        sandbox.faults.add(Fault(what="lose_answer"))
        with pytest.raises(ConnectionResetError):
            await sandbox.request("ListEntitiesDetectionJobs", {})
        sandbox.faults.clear()
        elsewhere = await sandbox.request("ListEntitiesDetectionJobs", {}, region="eu-west-1")
        return [*codes, *elsewhere["EntitiesDetectionJobPropertiesList"]]

    assert simulate(main) == ["TooManyRequestsException", "ValidationException"]


def test_s3_lists_in_pages_and_reads_in_chunks() -> None:
    """Keys with every character, a page at a time, as botocore decodes them; what is missing has S3's own code."""
    keys = ["a/ä ö&<b>.txt", "a/plain.txt", "a/sub/x+y%20.txt", "b/other.txt"]

    async def main(sandbox: Simulation) -> None:
        async with client(sandbox, "s3", s3={"addressing_style": "path"}) as s3, client(sandbox, "s3") as virtual:
            for key in keys:
                await s3.put_object(Bucket="corpus-in", Key=key, Body=LINES)
            pages = s3.get_paginator("list_objects_v2")
            paged = pages.paginate(Bucket="corpus-in", Prefix="a/", PaginationConfig={"PageSize": 2})
            found = [(entry["Key"], entry["Size"]) async for page in paged for entry in page.get("Contents", ())]
            assert found == [(key, len(LINES)) for key in sorted(keys[:3])]
            async with (await virtual.get_object(Bucket="corpus-in", Key=keys[0]))["Body"] as body:
                assert await body.read() == LINES
            answer = await s3.get_object(Bucket="corpus-in", Key=keys[2])
            pieces = []
            while piece := await answer["Body"].read(700):
                pieces.append(piece)
            assert b"".join(pieces) == LINES
            with pytest.raises(ClientError, match="NoSuchKey"):
                await s3.get_object(Bucket="corpus-in", Key="nowhere")
            with pytest.raises(ClientError, match="NoSuchBucket"):
                await s3.list_objects_v2(Bucket="nowhere")
            with pytest.raises(ClientError, match="NotImplemented"):
                await s3.delete_object(Bucket="corpus-in", Key=keys[0])
            assert (await s3.head_object(Bucket="corpus-in", Key=keys[0]))["ContentLength"] == len(LINES)

    simulate(main)


def test_the_truth_and_the_switches_are_at_hand(request_for: Open) -> None:
    """As over the control endpoint."""

    async def main(sandbox: Simulation) -> dict[str, Any]:
        sandbox.change(active_jobs=1, start_per_s=10)
        await sandbox.request("StartEntitiesDetectionJob", request_for())
        with pytest.raises(ServiceError):
            await sandbox.request("StartEntitiesDetectionJob", request_for())
        return sandbox.truth()

    truth = simulate(main)

    assert truth["lanes"][0]["slots"] == 1
    assert truth["throttled"] == {"StartEntitiesDetectionJob": 1}


def test_jobs_of_somebody_else_that_come_with_a_list_end_in_their_time() -> None:
    """Also where nothing else is due in the sandbox: the request that brings them is no Start."""

    async def main(sandbox: Simulation) -> list[str]:
        sandbox.faults.add(Fault(what="foreign_jobs", operation="List*", times=1, jobs=2, seconds=30.0))
        await asyncio.sleep(5)
        await sandbox.request("ListEntitiesDetectionJobs", {})
        await asyncio.sleep(60)
        return [str(job.status) for job in sandbox.service.jobs.values()]

    assert simulate(main) == ["COMPLETED", "COMPLETED"]


async def test_both_shells_answer_with_the_same_bytes(opened: Open, clock: Any, request_for: Open) -> None:
    """The same requests at the same time, over HTTP and in process: one body is the other, errors included."""
    asked = [
        ("StartEntitiesDetectionJob", request_for(JobName="n")),
        ("StartEntitiesDetectionJob", request_for(LanguageCode="xx")),
        ("ListEntitiesDetectionJobs", {"MaxResults": 1}),
        ("DescribeEntitiesDetectionJob", {"JobId": "0" * 32}),
        ("StopSentimentDetectionJob", {}),
        ("Nonsense", {}),
    ]
    signed = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/comprehend/aws4_request, Signature=0"
    switches = {"seed": 4, "submitted_s": 100.0, "start_per_s": 10.0}
    over_http = []
    async with opened(clock=clock, **switches) as sandbox, aiohttp.ClientSession(sandbox.comprehend_url) as session:
        for operation, params in asked:
            headers = {"X-Amz-Target": f"Comprehend_20171127.{operation}", "Authorization": signed}
            answer = await session.post("/", json=params, headers=headers)
            over_http.append((answer.status, await answer.read()))

    simulation = Simulation(Switches(**switches), clock=clock, latency_s=(0.0, 0.0))
    in_process = []
    for operation, params in asked:
        body = json.dumps(params).encode()
        reply = await simulation.exchange(f"Comprehend_20171127.{operation}", body, authorization=signed)
        in_process.append((reply.status, reply.body))

    assert in_process == over_http
    assert [status for status, _ in in_process] == [200, 400, 200, 400, 400, 400]
