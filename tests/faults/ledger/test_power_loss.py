"""The power fails between any two operations on the files: nothing that was acknowledged is lost."""

import asyncio
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.ledger.power import Loss, Recording, left_after, recorded
from tests.faults.ledger.recovery import problems

MOMENTS = 40


def not_recovered(recording: Recording, loss: Loss, place: Path, *, moments: int) -> list[str]:
    """What is wrong after power losses at so many moments."""
    rng = random.Random(7)
    found = []
    for moment in rng.sample(recording.moments(), moments):
        directory = place / f"{loss}-{moment}"
        directory.mkdir()
        for name, content in left_after(recording, moment, loss, rng).items():
            (directory / name).write_bytes(content)
        wrong = asyncio.run(problems(directory / "fleet.db", recording.acknowledged(moment)))
        found += [f"at {moment}: {what}" for what in wrong[:1]]
    return found


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """The ledger at work, as it is shipped."""
    return recorded(tmp_path_factory.mktemp("recorded"), jobs=12)


@pytest.mark.parametrize("loss", Loss)
def test_no_power_loss_takes_what_was_acknowledged(recording: Recording, loss: Loss, tmp_path: Path) -> None:
    """Whether all, some or torn halves of the writes since the last sync are gone: the ledger is whole, and has all."""
    assert not_recovered(recording, loss, tmp_path, moments=MOMENTS) == []


def test_a_checkpoint_torn_in_the_middle_of_a_job_is_no_foreign_wal(recording: Recording, tmp_path: Path) -> None:
    """Half of a page of jobs is on the disk: without its WAL the file has a job that never was; with it all is well."""
    rng = random.Random(7)
    torn = 0
    for moment in rng.choices([m for m in recording.moments() if recording.ops[m - 1].file == "fleet.db"], k=2_000):
        directory = tmp_path / f"{torn}"
        directory.mkdir(exist_ok=True)
        left = left_after(recording, moment, Loss.TORN, rng)
        (directory / "fleet.db").write_bytes(left["fleet.db"])
        if has_a_strange_job(directory / "fleet.db") and left.get("fleet.db-wal"):
            torn += 1
            (directory / "fleet.db-wal").write_bytes(left["fleet.db-wal"])
            assert asyncio.run(problems(directory / "fleet.db", recording.acknowledged(moment))) == []

    assert torn >= 3


def has_a_strange_job(path: Path) -> bool:
    """Whether the file without its WAL can be read, and the time of its first or last job is not that of the test."""
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as alone:
        try:
            found = alone.execute("SELECT created_at FROM jobs ORDER BY id").fetchall()
        except sqlite3.DatabaseError:
            return False
    return bool(found) and {found[0], found[-1]} != {(1_700_000_000.0,)}


def test_with_normal_it_would(tmp_path: Path) -> None:
    """The same with synchronous=NORMAL loses acknowledged commits: this test can fail, and FULL is why it does not."""
    directory = tmp_path / "normal"
    directory.mkdir()
    recording = recorded(directory, jobs=12, synchronous="NORMAL")

    lost = not_recovered(recording, Loss.ALL, tmp_path, moments=MOMENTS)

    assert any("was acknowledged and is lost" in what for what in lost)


def test_the_log_of_the_files_is_the_whole_story(recording: Recording) -> None:
    """Commits, syncs, checkpoints and the fold at the end are in the log; with all of it, everything is there."""
    words = {op.what for op in recording.ops}

    assert words == {"write", "sync", "truncate", "delete", "ack"}
    assert len(recording.acknowledged(len(recording.ops))) == 12 * 5
    left = left_after(recording, len(recording.ops), Loss.ALL, random.Random(1))
    assert left["fleet.db"].startswith(b"SQLite format 3\0")
