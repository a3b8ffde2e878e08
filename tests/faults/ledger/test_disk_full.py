"""A disk without room: nothing is started whose intent cannot be written, and all goes on when there is room."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleet.core.errors import Unwritable
from fleet.core.job import State
from fleet.core.kinds import KINDS
from fleet.ledger import Ledger
from fleet.ledger.sqlite.database import SQLite
from tests.conftest import Rig
from tests.e2e.conftest import CONFIG, Place
from tests.faults.ledger.disk import fill, small_disk, why_not
from tests.faults.ledger.recovery import problems
from tests.faults.ledger.writer import use

NO_DISK = why_not()
needs_a_disk = pytest.mark.skipif(bool(NO_DISK), reason=str(NO_DISK))


def limit_pages(ledger: Ledger, more: int | None) -> None:
    """The ledger's file may grow by so many pages; without a limit if None."""
    database = ledger._database
    assert isinstance(database, SQLite)
    assert database._writer is not None
    (pages,) = database._writer.execute("PRAGMA page_count").fetchone()
    database._writer.execute(f"PRAGMA max_page_count = {1_000_000 if more is None else pages + more}")


async def test_no_start_leaves_without_its_intent(rig: Rig) -> None:
    """SQLITE_FULL: claim is `Unwritable` before any Start; polling goes on; with room again everything is done once."""
    await rig.plan(*(f"{number}/" for number in range(10)))
    limit_pages(rig.ledger, 0)

    with pytest.raises(Unwritable, match="full"):
        await start_all(rig)

    started = len(rig.remote)
    assert started < 10
    assert len(await rig.jobs(State.RUNNING)) == started
    assert await rig.jobs(State.SUBMITTING) == []
    assert "full" in (rig.ledger.health().trouble or "")
    await rig.tick("track")
    limit_pages(rig.ledger, None)
    await start_all(rig)
    assert len(await rig.jobs(State.RUNNING)) == len(rig.remote) == 10
    assert rig.ledger.health().trouble is None


async def start_all(rig: Rig) -> None:
    """Tick until every job is started."""
    while await rig.jobs(State.PENDING):
        rig.clock.advance(1)
        await rig.tick("submit")


@needs_a_disk
async def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    """Writes are `Unwritable` while the disk is full, reads go on, and the same write works once there is room."""
    with small_disk(tmp_path / "disk", 1_024) as disk:
        said: list[tuple[str, str]] = []
        async with await Ledger.open(f"sqlite:///{disk}/fleet.db") as ledger:
            await use(ledger, 4, lambda word, key: said.append((word, key)))
            ballast = fill(disk)

            with pytest.raises(Unwritable):
                await use(ledger, 1_000, lambda word, key: said.append((word, key)), first=100)
            assert len(await ledger.jobs()) >= 4
            assert ledger.health().failed_commits > 0
            ballast.unlink()
            await use(ledger, 2, lambda word, key: said.append((word, key)), first=5_000)

            assert ledger.health().trouble is None
        assert await problems(disk / "fleet.db", said) == []


@needs_a_disk
async def test_a_full_disk_at_the_start_is_said(tmp_path: Path) -> None:
    """With no room to make a ledger, or even to name the holder of its lock: `Unwritable`, and it works later."""
    with small_disk(tmp_path / "disk", 256) as disk:
        ballast = fill(disk)
        with pytest.raises(Unwritable):
            await Ledger.open(f"sqlite:///{disk}/fleet.db")
        ballast.unlink()

        async with await Ledger.open(f"sqlite:///{disk}/fleet.db") as ledger:
            assert await ledger.check() == []


@needs_a_disk
async def test_no_room_for_a_backup_leaves_no_half_of_one(tmp_path: Path) -> None:
    """`Unwritable` names the copy, and nothing is left of it."""
    with small_disk(tmp_path / "disk", 64) as disk:
        async with await Ledger.open(f"sqlite:///{tmp_path}/fleet.db") as ledger:
            await use(ledger, 20, lambda word, key: None)

            with pytest.raises(Unwritable, match=r"copy\.db"):
                await ledger.back_up(f"{disk}/copy.db")

        assert os.listdir(disk) == []


@needs_a_disk
async def test_a_disk_that_became_read_only_is_waited_for(tmp_path: Path) -> None:
    """As a full one: `Unwritable` while it is read-only, and by itself on when it is not."""
    path = tmp_path / "fleet.db"
    async with await Ledger.open(f"sqlite:///{path}") as ledger:
        database = ledger._database
        assert isinstance(database, SQLite)
        assert database._writer is not None
        database._writer.execute("PRAGMA query_only = ON")
        with pytest.raises(Unwritable, match="readonly"):
            await ledger.begin_manifest("test", None)
        database._writer.execute("PRAGMA query_only = OFF")

        assert (await ledger.begin_manifest("test", None)).id == 1


@contextmanager
def running(place: Place, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A fleet command that logs to a file, and is gone afterwards."""
    command = [sys.executable, "-m", "fleet", *words]
    with (
        (place.directory / "log").open("w") as log,
        subprocess.Popen(command, cwd=place.directory, env=place.environment, stdout=log, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def until(place: Place, what: Callable[[], bool]) -> None:
    """Return once it is so."""
    deadline = time.monotonic() + 40
    while not what():
        assert time.monotonic() < deadline, "it never was"
        time.sleep(0.05)


@needs_a_disk
@pytest.mark.switches("time_scale=200")
def test_a_fleet_on_a_full_disk_pauses_and_goes_on_by_itself(place: Place) -> None:
    """A real run: while the disk is full AWS is still asked and no Start leaves; then every job is done, none twice."""
    prefixes = [f"{number}/" for number in range(8)]
    place.documents(*prefixes)
    manifest = place.write("manifest.jsonl", *({"prefix": f"s3://corpus-in/{prefix}"} for prefix in prefixes))
    with small_disk(place.directory / "disk", 4_096) as disk:
        slow = CONFIG.replace("start_per_s = 20", "start_per_s = 1")  # so that there is always something to start
        (place.directory / "fleet.toml").write_text(slow.replace("sqlite:///fleet.db", f"sqlite:///{disk}/fleet.db"))
        with running(place, "run", manifest) as process:
            until(place, lambda: place.truth()["jobs_started"] >= 5)
            ballast = fill(disk)
            until(place, lambda: all(f"submit 123456789012/us-east-1/{kind}" in waits(place) for kind in KINDS))
            started = place.truth()["jobs_started"]
            asked = polls(place)
            until(place, lambda: polls(place) >= asked + 10)
            paused = place.truth()["jobs_started"]
            ballast.unlink()
            process.wait(50)

        assert (process.returncode, paused - started) == (0, 0)
        assert place.truth()["jobs_started"] == 5 * len(prefixes)
        assert place.truth()["duplicates"] == []
        assert asyncio.run(problems(disk / "fleet.db", [])) == []


def waits(place: Place) -> str:
    """The stages that said that they wait for the ledger."""
    lines = (line for line in (place.directory / "log").read_text().splitlines() if line.startswith("{"))
    told = [json.loads(line) for line in lines]
    return " ".join(line["stage"] for line in told if line["event"] == "stage.waits" and "fleet.db" in line["reason"])


def polls(place: Place) -> int:
    """How many Describe and List requests AWS has got."""
    requests = place.truth()["requests"]
    return sum(count for name, count in requests.items() if name.startswith(("Describe", "List")))
