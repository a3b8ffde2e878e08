"""A TLS server that is not who it should be: no byte of a request reaches it, and nothing makes fleet trust it."""

import json
import re
import ssl
from asyncio import StreamReader, StreamWriter, start_server
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleet.aws.session import Access, TargetClients, Timeouts, open_clients
from fleet.core.errors import Denied, Unavailable
from fleet.settings import Settings
from tests.aws.certificates import Authority

ID = "acf2faa221ee1ce52c3881e4991f9fce"
ANSWER = json.dumps({"JobId": ID, "JobStatus": "SUBMITTED"}).encode()
REQUEST = {
    "JobName": "name",
    "ClientRequestToken": "token",
    "LanguageCode": "en",
    "DataAccessRoleArn": "arn:aws:iam::123456789012:role/comprehend",
    "InputDataConfig": {"S3Uri": "s3://corpus-in/a/"},
    "OutputDataConfig": {"S3Uri": "s3://corpus-out/"},
}


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The only authority that AWS clients trust here."""
    authority = Authority.create(tmp_path / "trusted")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.file))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "two")
    return authority


@asynccontextmanager
async def served(tls: ssl.SSLContext, heard: list[bytes], patch: pytest.MonkeyPatch) -> AsyncIterator[TargetClients]:
    """Clients of a TLS server with this certificate, which answers every request as a Start is answered."""

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER)
        writer.close()

    async with await start_server(serve, "127.0.0.1", 0, ssl=tls) as listening:
        port = listening.sockets[0].getsockname()[1]
        for service in ("COMPREHEND", "S3", "STS"):
            patch.setenv(f"AWS_ENDPOINT_URL_{service}", f"https://localhost:{port}")
        timeouts = Timeouts(connect_s=5.0, read_s=5.0, call_s=10.0)
        async with open_clients({"main": Access(region="us-east-1")}, timeouts) as clients:
            yield clients["main"]


async def test_a_certificate_that_is_right_is_accepted(trusted: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the refusals below are those of their one fault."""
    heard: list[bytes] = []

    async with served(trusted.server("localhost"), heard, monkeypatch) as clients:
        remote = await clients.comprehend.start("entities", REQUEST)

    assert remote.remote_id == ID
    assert len(heard) == 1


@pytest.mark.parametrize("fault", ["expired", "another host", "an unknown authority"])
async def test_a_certificate_that_is_wrong_ends_the_call(
    fault: str, trusted: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comprehend and S3 alike: not sent, no request heard, no second try without TLS, and the reason is told."""
    heard: list[bytes] = []
    context = {
        "expired": lambda: trusted.server("localhost", expires=-timedelta(days=1)),
        "another host": lambda: trusted.server("comprehend.us-east-1.amazonaws.com"),
        "an unknown authority": lambda: Authority.create(tmp_path / "unknown").server("localhost"),
    }[fault]()

    async with served(context, heard, monkeypatch) as clients:
        with pytest.raises(Unavailable, match=r"(?i)certificate") as started:
            await clients.comprehend.start("entities", REQUEST)
        with pytest.raises(Unavailable, match=r"(?i)certificate"):
            await clients.s3.etag("s3://corpus-in/a/part-0.txt")

    assert not started.value.maybe_accepted
    assert heard == []


async def test_credentials_are_fetched_from_nobody_else_either(
    trusted: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A web identity's token is for STS alone: a server of another host never hears of it, and no call is sent."""
    heard: list[bytes] = []
    (tmp_path / "token").write_text("a web identity")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/fleet")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    async with served(trusted.server("sts.us-east-1.amazonaws.com"), heard, monkeypatch) as clients:
        with pytest.raises(Denied):
            await clients.comprehend.start("entities", REQUEST)

    assert heard == []


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
async def test_an_empty_variable_does_not_switch_the_check_off(
    variable: str, trusted: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """botocore takes an empty bundle for `verify=False`; here it means the usual authorities."""
    heard: list[bytes] = []
    monkeypatch.delenv("AWS_CA_BUNDLE")
    monkeypatch.setenv(variable, "")

    async with served(trusted.server("localhost"), heard, monkeypatch) as clients:
        with pytest.raises(Unavailable, match=r"(?i)certificate"):
            await clients.comprehend.start("entities", REQUEST)

    assert heard == []


def test_no_setting_switches_the_check_off() -> None:
    """Neither a setting of fleet nor a place in its code that gives a client another idea of whom to trust."""
    names = json.dumps(Settings.model_json_schema()["$defs"]) + " ".join(Settings.model_fields)
    code = "".join(path.read_text() for path in sorted(_sources()))

    assert re.search(r"(?i)ssl|tls|insecure|certificate", names) is None
    assert (
        re.search(r"verify\s*=\s*False|CERT_NONE|check_hostname\s*=\s*False|_create_unverified_context", code) is None
    )


def _sources() -> Any:
    return (Path(__file__).resolve().parents[2] / "fleet").rglob("*.py")
