"""Targets become clients with the right credentials, and with no retries behind our back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from fleet.aws.session import Access, Timeouts, open_clients
from fleet.core.errors import Denied, Misconfigured, Rejected, Throttled, Unavailable
from fleet.sandbox import MemoryStore, Sandbox, read_fault, read_switches

ROLE = "arn:aws:iam::210987654321:role/fleet"


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:  # type: ignore[misc]
    async with Sandbox(read_switches(), store=MemoryStore("in", "out")) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"what": "throttle"}, Throttled),
        ({"what": "error", "code": "ExpiredTokenException", "status": 400}, Denied),
        ({"what": "error", "code": "InvalidRequestException", "status": 400}, Rejected),
        ({"what": "error", "code": "InternalServerException", "status": 500}, Unavailable),
        ({"what": "reset_before"}, Unavailable),
        ({"what": "html_200"}, Unavailable),
        ({"what": "empty_200"}, Unavailable),
        ({"what": "missing_member", "value": "EntitiesDetectionJobPropertiesList"}, Unavailable),
    ],
    ids=lambda value: value["what"] if isinstance(value, dict) else value.__name__,
)
async def test_one_call_is_one_request(sandbox: Sandbox, fault: dict[str, object], error: type[Exception]) -> None:
    """Whatever goes wrong, botocore sends nothing a second time: the accounting of rates stays true."""
    sandbox.faults.add(read_fault(fault | {"operation": "List*", "times": 1, "message": "words"}))

    async with open_clients({"main": Access(region="us-east-1")}, Timeouts()) as clients:
        with pytest.raises(error):
            await clients["main"].comprehend.page("entities")
        page = await clients["main"].comprehend.page("entities")

    assert page.jobs == []
    assert len(sandbox.service.log) <= 2


async def test_a_target_may_assume_a_role(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, tmp_path: Path) -> None:
    """The calls of a target with `assume_role_arn` carry that role's credentials, not the process's own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://{host}:{port}")
    access = Access(region="us-east-1", assume_role_arn=ROLE)

    async with open_clients({"main": access}, Timeouts()) as clients:
        client = clients["main"].comprehend._client
        await clients["main"].comprehend.page("entities")
        credentials = await client._request_signer._credentials.get_frozen_credentials()
    server.stop()

    assert credentials.access_key != "sandbox"
    assert credentials.token


async def test_an_unknown_profile_is_a_mistake_in_the_configuration() -> None:
    """The message names the target and the profile."""
    with pytest.raises(Misconfigured, match=r"targets\.main: .*nowhere"):
        async with open_clients({"main": Access(region="us-east-1", profile="nowhere")}, Timeouts()):
            pass
