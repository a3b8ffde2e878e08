"""Outputs that S3 does not give out: its own fault is said of it, the environment's is waited for."""

from asyncio import StreamReader, StreamWriter, start_server
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fleet.aws.s3 import S3
from fleet.aws.session import Access, Timeouts, open_clients
from fleet.core.job import State
from tests.conftest import REGION, Rig

DISABLED = ("KMS.DisabledException", 400)
REFUSED = [("AccessDenied", 403), DISABLED, ("AuthorizationHeaderMalformed", 400)]
PASSING = [("ExpiredToken", 400), ("RequestTimeTooSkewed", 403), ("SlowDown", 503)]


@asynccontextmanager
async def refusing(code: str, status: int, patch: pytest.MonkeyPatch) -> AsyncIterator[tuple[S3, list[bytes]]]:
    """A real S3 client whose service answers every request so, and the requests."""
    heard: list[bytes] = []
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    head = f"HTTP/1.1 {status} No\r\nConnection: close\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}"

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(head.encode() + b"\r\n\r\n" + body)
        writer.close()

    async with await start_server(serve, "127.0.0.1", 0) as listening:
        patch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        async with open_clients({"main": Access(region=REGION)}, Timeouts(call_s=10)) as clients:
            yield clients["main"].s3, heard


async def finished(rig: Rig, *prefixes: str) -> None:
    """Jobs whose outputs are there to be read."""
    await rig.plan(*prefixes)
    while await rig.jobs(State.PENDING):
        await rig.tick("submit")
    await rig.complete()
    for _ in range(2):
        rig.clock.advance(60)
        await rig.tick("track")
    assert {job.state for job in await rig.jobs()} == {State.FINISHED}


async def verify_for(rig: Rig, minutes: int) -> None:
    for _ in range(minutes * 6):
        rig.clock.advance(10)
        await rig.tick("verify")


@pytest.mark.parametrize(("code", "status"), REFUSED)
async def test_an_output_that_may_not_be_read_is_tried_again_and_then_said(
    rig: Rig, code: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Denied, a disabled key, another Region: three reads, then discarded with AWS's word."""
    await finished(rig, "a/")

    async with refusing(code, status, monkeypatch) as (s3, heard):
        rig.verify._buckets = {"main": s3}
        await verify_for(rig, 5)

    job = await rig.job()
    assert job.state is State.DISCARDED
    assert code in (job.reason or "")
    assert len(heard) == 3
    assert len(rig.remote) == 1


@pytest.mark.parametrize(("code", "status"), PASSING)
async def test_an_environment_that_is_wrong_costs_no_verdict(
    rig: Rig, code: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials, clock or S3 fail for 20 minutes: few reads, nothing discarded, and then verified."""
    await finished(rig, "a/", "b/")
    buckets = rig.verify._buckets

    async with refusing(code, status, monkeypatch) as (s3, heard):
        rig.verify._buckets = {"main": s3}
        await verify_for(rig, 20)
        meanwhile = {job.state for job in await rig.jobs()}
    rig.verify._buckets = buckets
    await verify_for(rig, 2)

    assert meanwhile == {State.FINISHED}
    assert 4 < len(heard) < 2 * 20 * 3
    assert {job.state for job in await rig.jobs()} == {State.VERIFIED}


async def test_an_input_that_cannot_be_listed_is_started_all_the_same(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size only decides whose turn it is: a key that is disabled here ends neither the job nor the process."""
    await rig.plan("a/")

    async with refusing(*DISABLED, monkeypatch) as (s3, _):
        rig.measure._buckets = {"main": s3}
        await rig.tick("measure")
    await rig.tick("submit")

    assert (await rig.job()).state is State.RUNNING


async def test_a_refusal_of_s3_makes_the_credentials_look_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only outputs are left to read, no call to Comprehend would find out that the keys were changed."""
    await finished(rig, "a/")
    told: list[str] = []

    async with refusing("ExpiredToken", 400, monkeypatch) as (s3, _):
        s3._refused = lambda: told.append("refused")
        rig.verify._buckets = {"main": s3}
        await rig.tick("verify")

    assert told == ["refused"]
