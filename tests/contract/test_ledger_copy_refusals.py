"""A copy that cannot be whole leaves nothing, and one that must not be made is refused."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from fleet.core.errors import FleetError, InvalidInput, Locked, Misconfigured
from fleet.ledger import Ledger
from fleet.ledger.copying import copy_ledger
from tests.contract.conftest import LANE
from tests.contract.copies import fill, jobs_of
from tests.postgres import PostgreSQL

pytestmark = pytest.mark.usefixtures("small_pages")

STOPPING = """
import asyncio, sys
from fleet.ledger.copying import copy_ledger

def stop_at(done, total):
    if done >= float(sys.argv[3]) * total:
        print("there", flush=True)
        sys.stdin.read()

asyncio.run(copy_ledger(sys.argv[1], sys.argv[2], lease_s=15, progress=stop_at))
"""
"""A process that stops in the middle of a copy and says so."""


@pytest.mark.parametrize("share", [0.0, 0.3, 0.75])
async def test_a_copy_that_breaks_off_leaves_nothing(
    new_url: Callable[[], str], file_url: Callable[[], str], share: float
) -> None:
    """An error while the source is read, or while both are compared: the target is empty, and can be copied to."""
    source, target = file_url(), new_url()
    await fill(source)

    def broken(done: int, total: int) -> None:
        if done > share * total:
            raise RuntimeError("the plug was pulled")

    with pytest.raises(RuntimeError, match="the plug was pulled"):
        await copy_ledger(source, target, lease_s=15, progress=broken)

    assert await jobs_of(target) == 0
    await copy_ledger(source, target, lease_s=15)
    assert await jobs_of(target) == 20


@pytest.mark.parametrize("share", ["0.3", "0.75"])
async def test_a_copy_whose_process_is_killed_leaves_nothing(
    new_url: Callable[[], str], file_url: Callable[[], str], share: str
) -> None:
    """SIGKILL in the middle: the target is empty, and can be copied to at once."""
    source, target = file_url(), new_url()
    await fill(source)

    killed_in_the_middle(source, target, share)

    assert await jobs_of(target) == 0
    await copy_ledger(source, target, lease_s=15)
    assert await jobs_of(target) == 20


def killed_in_the_middle(source: str, target: str, share: str) -> None:
    """A process that was copying is dead, when so much of its work was done."""
    command = [sys.executable, "-c", STOPPING, source, target, share]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        os.kill(process.pid, signal.SIGKILL)


async def test_a_cancelled_copy_leaves_nothing(new_url: Callable[[], str], file_url: Callable[[], str]) -> None:
    """Ctrl-C: both ledgers are let go of, and the target is empty."""
    source, target = file_url(), new_url()
    await fill(source)
    loop = asyncio.get_running_loop()
    copy = loop.create_task(copy_ledger(source, target, lease_s=15, progress=lambda done, total: cancel()))

    def cancel() -> None:
        loop.call_soon_threadsafe(copy.cancel)

    with pytest.raises(asyncio.CancelledError):
        await copy

    assert await jobs_of(target) == 0
    await copy_ledger(source, target, lease_s=15)


async def test_nobody_writes_the_source_meanwhile(new_url: Callable[[], str], file_url: Callable[[], str]) -> None:
    """While a copy reads it, no other process can change a job: not with the lock of a file, nor beside it."""
    source = new_url()
    await fill(source)
    refused: list[bool] = []

    await copy_ledger(source, file_url(), lease_s=15, progress=lambda done, total: refused.append(_refuses(source)))

    assert refused[0]
    assert not _refuses(source)


def _refuses(url: str) -> bool:
    """Whether a write from elsewhere would have to wait."""
    change = "UPDATE jobs SET cancel_requested = 1 WHERE state = 'none'"
    try:
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0)) as connection:
                connection.execute(change)
        else:
            with psycopg.connect(url) as server:
                server.execute("SET lock_timeout = '10ms'")
                server.execute(change)
    except (sqlite3.OperationalError, psycopg.errors.LockNotAvailable):
        return True
    return False


async def test_a_ledger_in_use_is_not_copied(new_url: Callable[[], str], file_url: Callable[[], str]) -> None:
    """A file that a process holds, a server at which a replica was seen: refused on both ends, and it is named."""
    used, other = new_url(), file_url()
    await fill(other)
    ledger = await Ledger.open(used)
    who = str(os.getpid())
    if ledger.shared:
        leases = ledger.share(lease_s=15, version="1", refused=lambda: None)
        await leases.beat([str(LANE)], draining=False)
        await leases.take([str(LANE)])
        who = leases.replica

    for source, target in ((used, file_url()), (other, used)):
        with pytest.raises(Locked, match=who):
            await copy_ledger(source, target, lease_s=15)
    await ledger.close()


@pytest.mark.parametrize("new_url", ["postgresql"], indirect=True)
async def test_leases_count_until_they_end(new_url: Callable[[], str], file_url: Callable[[], str]) -> None:
    """A replica that was not seen for long, but holds a lane for longer, is alive; one that has left is not."""
    url = new_url()
    async with await Ledger.open(url) as ledger:
        leases = ledger.share(lease_s=300, version="1", refused=lambda: None)
        await leases.beat([str(LANE)], draining=False)
        await leases.take([str(LANE)])

        with pytest.raises(Locked, match="stop all replicas"):
            await copy_ledger(url, file_url(), lease_s=0.0)
        await leases.leave()
        await copy_ledger(url, file_url(), lease_s=15)


async def test_only_an_empty_ledger_is_copied_to(new_url: Callable[[], str], file_url: Callable[[], str]) -> None:
    """A target with jobs, or with a manifest alone, stays as it is."""
    source, target, begun = file_url(), new_url(), new_url()
    await fill(source)
    await fill(target, jobs=4 * 2)
    async with await Ledger.open(begun) as ledger:
        await ledger.begin_manifest("test", None)

    for full in (target, begun):
        with pytest.raises(InvalidInput, match="has jobs or manifests already"):
            await copy_ledger(source, full, lease_s=15)

    assert await jobs_of(target) == 8


async def test_what_is_no_copy_is_refused(
    new_url: Callable[[], str], file_url: Callable[[], str], tmp_path: Path
) -> None:
    """The same ledger twice, none at all, one in memory, a URL of something else; nothing is made meanwhile."""
    source, target = new_url(), file_url()
    await fill(source)
    before = sorted(os.listdir(tmp_path))
    wrong = [
        (source, source, "the same ledger"),
        (file_url(), target, "there is no ledger"),
        ("sqlite:///:memory:", target, "memory"),
        (source, "mysql://root:hunter22@db/fleet", "must be sqlite"),
    ]

    for url, other, says in wrong:
        with pytest.raises((InvalidInput, Misconfigured), match=says) as told:
            await copy_ledger(url, other, lease_s=15)
        assert "hunter22" not in str(told.value)

    assert {name for name in os.listdir(tmp_path) if not name.endswith(".lock")} == set(before) - {"fleet-0.db.lock"}


@pytest.mark.parametrize("new_url", ["postgresql"], indirect=True)
async def test_no_server_there_says_so(
    new_url: Callable[[], str], file_url: Callable[[], str], postgres: PostgreSQL
) -> None:
    """An empty database as the source, and a password that is wrong: one error each, without the password."""
    source = file_url()
    await fill(source)
    wrong = postgres.url("contract", password=False).replace("fleet@", "fleet:hunter22@")

    with pytest.raises(InvalidInput, match="the ledger is empty"):
        await copy_ledger(new_url(), file_url(), lease_s=15)
    with pytest.raises(FleetError, match="check the user, the password") as told:
        await copy_ledger(source, wrong, lease_s=15)

    assert "hunter22" not in str(told.value)
