"""One process writes a ledger; whoever comes second is told who has it; nobody waits for a dead one."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.core.errors import InvalidInput, Locked
from fleet.ledger import Ledger

HOLDER = """
import asyncio, sys
from fleet.ledger import Ledger

async def main():
    ledger = await Ledger.open(sys.argv[1])
    print("open", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where a ledger may be made."""
    return f"sqlite:///{tmp_path}/fleet.db"


@pytest.fixture
def holder(url: str) -> Iterator[subprocess.Popen[str]]:
    """A real second process that has the ledger open for writing."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


async def test_the_second_process_is_told_who_holds_the_ledger(
    url: str, holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    """`Locked` names the holder's pid and host, since when, and the ledger's path."""
    with pytest.raises(Locked) as caught:
        await Ledger.open(url)

    text = str(caught.value)
    assert f"process {holder.pid} on {socket.gethostname()}" in text
    assert str(tmp_path / "fleet.db") in text
    assert re.search(r"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)


async def test_the_lock_dies_with_its_holder(url: str, holder: subprocess.Popen[str]) -> None:
    """SIGKILL leaves no lock behind that a person would have to remove."""
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()

    async with await Ledger.open(url) as ledger:
        assert await ledger.counts() == {}


async def test_a_reader_needs_no_lock(url: str, holder: subprocess.Popen[str]) -> None:
    """Read-only opens beside the holder."""
    async with await Ledger.open(url, read_only=True) as ledger:
        assert await ledger.jobs() == []


async def test_the_same_process_cannot_open_it_twice_either(url: str) -> None:
    """The lock belongs to the open ledger, not to the process; close gives it back."""
    async with await Ledger.open(url):
        with pytest.raises(Locked, match=f"process {os.getpid()} "):
            await Ledger.open(url)

    async with await Ledger.open(url):
        pass


async def test_the_lock_file_names_its_holder_for_its_owner_alone(url: str, tmp_path: Path) -> None:
    """Pid, host and start time as JSON, mode 0600 whatever the umask."""
    umask = os.umask(0)
    try:
        async with await Ledger.open(url):
            named = json.loads((tmp_path / "fleet.db.lock").read_text())
    finally:
        os.umask(umask)

    assert (named["pid"], named["host"]) == (os.getpid(), socket.gethostname())
    assert (tmp_path / "fleet.db.lock").stat().st_mode & 0o777 == 0o600


async def test_a_holder_that_has_not_written_its_name_is_still_a_holder(url: str, tmp_path: Path) -> None:
    """An unreadable lock file says less and locks as well."""
    async with await Ledger.open(url):
        (tmp_path / "fleet.db.lock").write_text("{")

        with pytest.raises(Locked, match="another process"):
            await Ledger.open(url)


async def test_a_lock_file_that_is_a_link_is_refused(url: str, tmp_path: Path) -> None:
    """Nothing is written through a link that somebody laid."""
    target = tmp_path / "precious"
    target.write_text("precious")
    (tmp_path / "fleet.db.lock").symlink_to(target)

    with pytest.raises(InvalidInput, match=r"fleet\.db\.lock"):
        await Ledger.open(url)

    assert target.read_text() == "precious"
