"""Credentials come and go while fleet runs: no call hangs on them, none is sent without them, none needs a restart."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiobotocore.credentials import AioCredentials, AioRefreshableCredentials

from fleet.aws.credentials import Credentials
from fleet.aws.session import Access, Timeouts, open_clients
from fleet.core.errors import Denied
from fleet.sandbox import MemoryStore, Sandbox, read_fault, read_switches

PROCESS = """
import json, pathlib, sys, time
here = pathlib.Path(__file__).parent
with (here / "runs").open("a") as runs:
    runs.write("run\\n")
mode = (here / "mode").read_text()
if mode == "hang":
    time.sleep(600)
if mode == "fail":
    sys.exit("the vault is sealed")
if mode == "garbage":
    sys.exit(print("no JSON"))
keys = {"AccessKeyId": mode, "SecretAccessKey": "s", "SessionToken": "t"}
print(json.dumps({"Version": 1, **keys, "Expiration": EXPIRES}))
"""


class Vault:
    """A real credential process, as a profile names it, that does what its file says."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.expires_in(3600)

    def will(self, mode: str) -> None:
        (self._place / "mode").write_text(mode)

    def expires_in(self, seconds: float) -> None:
        at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        (self._place / "process.py").write_text(PROCESS.replace("EXPIRES", json.dumps(at)))

    @property
    def runs(self) -> int:
        return len((self._place / "runs").read_text().splitlines())


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    process = tmp_path / "process.py"
    (tmp_path / "config").write_text(f"[profile vault]\ncredential_process = {sys.executable} {process}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return Vault(tmp_path)


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    async with Sandbox(read_switches(), store=MemoryStore("in", "out")) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COMPREHEND", running.environment()["AWS_ENDPOINT_URL_COMPREHEND"])
        yield running


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One renewal may follow the other at once."""
    monkeypatch.setattr("fleet.aws.credentials._APART_S", 0.0)


ACCESS = {"main": Access(region="us-east-1", profile="vault")}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("mode", ["fail", "garbage"])
async def test_a_process_that_fails_once_is_asked_again(mode: str, vault: Vault, sandbox: Sandbox) -> None:
    """The first call knows that nothing was sent and why; the next one goes through. No restart, no crash at start."""
    vault.will(mode)

    async with open_clients(ACCESS, Timeouts()) as clients:
        with pytest.raises(Denied, match=r"no usable AWS credentials: .*(sealed|JSON)"):
            await clients["main"].comprehend.page("entities")
        vault.will("AKIAGOOD")
        page = await clients["main"].comprehend.page("entities")

    assert page.jobs == []
    assert len(sandbox.service.log) == 1


@pytest.mark.usefixtures("quick")
async def test_a_process_that_hangs_holds_nobody(
    vault: Vault, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call gives up after its patience, with nothing sent; ten calls share one process, and it is killed."""
    monkeypatch.setattr("fleet.aws.credentials._PATIENCE_S", 0.2)
    monkeypatch.setattr("fleet.aws.credentials._RENEWAL_S", 2.0)
    vault.will("hang")

    async with open_clients(ACCESS, Timeouts()) as clients:
        calls = (clients["main"].comprehend.page("entities") for _ in range(10))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        vault.will("AKIAGOOD")
        while isinstance(await _outcome(clients["main"].comprehend.page), Denied):
            pass
        page = await clients["main"].comprehend.page("entities")

    assert {str(answer) for answer in answers} == {"no usable AWS credentials: not renewed within 0 s"}
    assert page.jobs == []
    assert len(sandbox.service.log) == 2


async def _outcome(page: Callable[[str], Any]) -> object:
    try:
        return await page("entities")
    except Denied as error:
        return error


@pytest.mark.usefixtures("quick")
async def test_credentials_in_hand_are_used_while_new_ones_do_not_come(vault: Vault, sandbox: Sandbox) -> None:
    """Ten minutes before they expire botocore would wait for the process; here calls go on, and renewal is beside."""
    vault.will("AKIAOLD")
    vault.expires_in(300)

    async with open_clients(ACCESS, Timeouts()) as clients:
        await clients["main"].comprehend.page("entities")
        vault.will("hang")
        pages = [await clients["main"].comprehend.page("entities") for _ in range(5)]

    assert len(pages) == 5


@pytest.mark.usefixtures("quick", "sandbox")
async def test_a_renewed_file_is_found_without_a_restart(tmp_path: Path, vault: Vault) -> None:
    """Keys in a file have no date: AWS's refusal is what tells, and the next calls use what the file says then."""
    profile = "[vault]\naws_access_key_id = {}\naws_secret_access_key = s\n"
    (tmp_path / "config").write_text("[profile vault]\nregion = us-east-1\n")
    (tmp_path / "credentials").write_text(profile.format("AKIAOLD"))

    async with open_clients(ACCESS, Timeouts()) as clients:
        await clients["main"].comprehend.page("entities")
        credentials = clients["main"].comprehend._client._request_signer._credentials
        old = await credentials.get_frozen_credentials()
        (tmp_path / "credentials").write_text(profile.format("AKIANEW"))
        credentials.refused()
        await credentials.get_frozen_credentials()
        await credentials._wait()
        new = await credentials.get_frozen_credentials()

    assert (old.access_key, new.access_key) == ("AKIAOLD", "AKIANEW")


@pytest.mark.usefixtures("quick")
async def test_the_refusal_of_aws_is_what_starts_the_search(vault: Vault, sandbox: Sandbox) -> None:
    """ExpiredToken on a call makes the next calls look again; a missing permission does not."""
    vault.will("AKIAONE")
    async with open_clients(ACCESS, Timeouts()) as clients:
        comprehend = clients["main"].comprehend
        sandbox.faults.add(read_fault({"what": "access_denied", "times": 1}))
        assert isinstance(await _outcome(comprehend.page), Denied)
        await comprehend.page("entities")
        before = vault.runs
        sandbox.faults.add(read_fault({"what": "expired_credentials", "times": 1}))
        assert isinstance(await _outcome(comprehend.page), Denied)
        await comprehend.page("entities")
        await comprehend._client._request_signer._credentials._wait()

    assert before == 1
    assert vault.runs == 2


async def test_no_credentials_at_all_are_said_so(tmp_path: Path, vault: Vault, sandbox: Sandbox) -> None:
    """Not a stack trace, and not a request without a signature."""
    (tmp_path / "config").write_text("[profile vault]\nregion = us-east-1\n")

    async with open_clients(ACCESS, Timeouts()) as clients:
        with pytest.raises(Denied, match="no usable AWS credentials: there are none"):
            await clients["main"].comprehend.page("entities")

    assert len(sandbox.service.log) == 0


async def test_a_profile_may_assume_a_role(vault: Vault) -> None:
    """Both at once: the profile's credentials are those that assume it."""
    vault.will("AKIAGOOD")
    access = Access(region="us-east-1", profile="vault", assume_role_arn="arn:aws:iam::210987654321:role/fleet")

    async with open_clients({"main": access}, Timeouts()) as clients:
        assert clients["main"].comprehend is not None


@pytest.mark.usefixtures("quick")
async def test_rotated_credentials_are_renewed_once_for_all() -> None:
    """A web identity that is rotated: many calls at once share one renewal, and get the new ones."""
    renewals = 0

    async def renew() -> dict[str, str]:
        nonlocal renewals
        renewals += 1
        at = datetime.now(UTC) + timedelta(hours=1)
        return {"access_key": f"AKIA{renewals}", "secret_key": "s", "token": "t", "expiry_time": at.isoformat()}

    async def look() -> AioRefreshableCredentials:
        past = datetime.now(UTC) - timedelta(hours=1)
        return AioRefreshableCredentials("old", "s", "t", past, renew, "web")

    credentials = Credentials(look)

    found = await asyncio.gather(*(credentials.get_frozen_credentials() for _ in range(50)))

    assert {keys.access_key for keys in found} == {"AKIA1"}
    assert renewals == 1
    await credentials.close()


async def test_a_renewal_that_brings_expired_ones_brings_none() -> None:
    """botocore raises a bare RuntimeError then, which must not end the process."""
    past = datetime.now(UTC) - timedelta(hours=1)

    async def renew() -> dict[str, str]:
        return {"access_key": "AKIA", "secret_key": "s", "token": "t", "expiry_time": past.isoformat()}

    async def look() -> AioRefreshableCredentials:
        return AioRefreshableCredentials("old", "s", "t", past, renew, "web")

    with pytest.raises(Denied, match="still expired"):
        await Credentials(look).get_frozen_credentials()


async def test_what_never_expires_is_looked_up_once() -> None:
    """Static keys: one look for the life of the process, as long as AWS accepts them."""
    looks = SimpleNamespace(made=0)

    async def look() -> AioCredentials:
        looks.made += 1
        return AioCredentials("AKIA", "s")

    credentials = Credentials(look)
    for _ in range(5):
        await credentials.get_frozen_credentials()

    assert looks.made == 1
