"""What really comes back over a socket: cut, odd or hostile answers, and which of the few errors each becomes."""

import json
import socket
import struct
from asyncio import StreamReader, StreamWriter, start_server
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from fleet.aws.comprehend import Comprehend
from fleet.aws.session import Access, Timeouts, open_clients
from fleet.core.errors import Denied, Lost, Unavailable

ID = "acf2faa221ee1ce52c3881e4991f9fce"
REQUEST = {
    "JobName": "name",
    "ClientRequestToken": "token",
    "LanguageCode": "en",
    "DataAccessRoleArn": "arn:aws:iam::123456789012:role/comprehend",
    "InputDataConfig": {"S3Uri": "s3://corpus-in/a/"},
    "OutputDataConfig": {"S3Uri": "s3://corpus-out/"},
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "two")


@asynccontextmanager
async def client(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Comprehend]:
    monkeypatch.setenv("AWS_ENDPOINT_URL_COMPREHEND", url)
    timeouts = Timeouts(connect_s=1.0, read_s=2.0, call_s=5.0)
    async with open_clients({"main": Access(region="us-east-1")}, timeouts) as clients:
        yield clients["main"].comprehend


@asynccontextmanager
async def server(answer: Callable[[StreamWriter], None]) -> AsyncIterator[str]:
    """A service that reads one request whole and then does this."""

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.split(b":")[1]))
        answer(writer)
        writer.close()

    async with await start_server(serve, "127.0.0.1", 0) as listening:
        host, port = listening.sockets[0].getsockname()
        yield f"http://{host}:{port}"


def ok(body: bytes) -> Callable[[StreamWriter], None]:
    return lambda writer: writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def reset(writer: StreamWriter) -> None:
    """Close with RST: what a crashed server, a firewall and a load balancer do."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_a_reset_after_the_request_is_no_proof_that_it_never_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiobotocore calls it EndpointConnectionError, as if nobody had listened; but the service had the whole Start."""
    async with server(reset) as url, client(url, monkeypatch) as comprehend:
        with pytest.raises(Unavailable) as caught:
            await comprehend.start("entities", REQUEST)

    assert caught.value.maybe_accepted


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://nowhere.invalid"], ids=["refused", "dns"])
async def test_nobody_there_means_never_sent(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connect refused, and a name that does not resolve."""
    async with client(url, monkeypatch) as comprehend:
        with pytest.raises(Unavailable) as caught:
            await comprehend.start("entities", REQUEST)

    assert not caught.value.maybe_accepted


async def test_no_tls_means_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that speaks no TLS: refused hard, never downgraded, and nothing was sent."""
    async with await start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as listening:
        host, port = listening.sockets[0].getsockname()
        async with client(f"https://{host}:{port}", monkeypatch) as comprehend:
            with pytest.raises(Unavailable) as caught:
                await comprehend.start("entities", REQUEST)

    assert not caught.value.maybe_accepted


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b"[1, 2]",
        b'"text"',
        b"<html>Sign in</html>",
        b"[" * 100_000,
        b'{"JobId": null}',
        b'{"JobId": 5}',
        b'{"JobId": ["a"]}',
        b'{"JobId": ""}',
        b'{"JobId": "\\u0000"}',
        b'{"JobId": "two\\nlines"}',
        json.dumps({"JobId": "x" * 33}).encode(),
        json.dumps({"JobId": "x" * 10_240}).encode(),
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_a_start_answered_with_nonsense_is_in_doubt(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 without a JobId of the documented shape proves nothing, and is never a crash."""
    async with server(ok(body)) as url, client(url, monkeypatch) as comprehend:
        with pytest.raises(Unavailable) as caught:
            await comprehend.start("entities", REQUEST)

    assert caught.value.maybe_accepted


@pytest.mark.parametrize("job_id", [ID, "a b", "Ümläut", "1.2_3:4/5=6+7-8%9@"])
async def test_every_id_of_the_documented_shape_is_one(job_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters and digits of any language, spaces and some signs: `^[\\p{L}\\p{Z}\\p{N}_.:/=+\\-%@]{1,32}$`."""
    body = json.dumps({"JobId": job_id, "JobStatus": "SUBMITTED"}).encode()

    async with server(ok(body)) as url, client(url, monkeypatch) as comprehend:
        remote = await comprehend.start("entities", REQUEST)

    assert remote.remote_id == job_id


@pytest.mark.parametrize(
    "properties",
    [
        '"text"',
        '{"JobId": 5, "JobStatus": "COMPLETED"}',
        f'{{"JobId": "{ID}"}}',
        f'{{"JobId": "{ID}", "JobStatus": "COMPLETED", "SubmitTime": "yesterday"}}',
        f'{{"JobId": "{ID}", "JobStatus": "COMPLETED", "SubmitTime": 1e400}}',
        f'{{"JobId": "{ID}", "JobStatus": "COMPLETED", "OutputDataConfig": "s3://b/"}}',
    ],
)
async def test_a_describe_answered_with_nonsense_says_nothing(properties: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Odd types and times that are none: asked again later, never a crash, never an end."""
    body = f'{{"EntitiesDetectionJobProperties": {properties}}}'.encode()

    async with server(ok(body)) as url, client(url, monkeypatch) as comprehend:
        with pytest.raises(Unavailable):
            await comprehend.describe("entities", ID)


async def test_times_and_outputs_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What AWS leaves out is None; what it says is kept."""
    job = {"JobId": ID, "JobStatus": "PAUSED", "EndTime": 1_800_000_000.5, "OutputDataConfig": {}, "Message": None}
    body = json.dumps({"EntitiesDetectionJobProperties": job}).encode()

    async with server(ok(body)) as url, client(url, monkeypatch) as comprehend:
        remote = await comprehend.describe("entities", ID)

    assert (remote.status, remote.submitted_at, remote.output_uri, remote.message) == ("PAUSED", None, None, None)
    assert remote.ended_at == datetime(2027, 1, 15, 8, 0, 0, 500_000, UTC).timestamp()


@pytest.mark.parametrize(
    ("status", "error"), [(302, Unavailable), (404, Unavailable), (407, Denied), (502, Unavailable)]
)
async def test_a_proxys_page_is_no_answer_of_aws(
    status: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTML with 404 in the place of Describe's answer does not mean that AWS lost the job."""
    page = b"HTTP/1.1 %d Page\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>" % status

    async with server(lambda writer: writer.write(page)) as url, client(url, monkeypatch) as comprehend:
        with pytest.raises(error) as caught:
            await comprehend.describe("entities", ID)

    assert not isinstance(caught.value, Lost)
