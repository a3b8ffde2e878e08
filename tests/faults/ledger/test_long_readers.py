"""Other programs that read or lock the ledger: the WAL does not grow without end, and writes wait their turn."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fleet.core.errors import Unwritable
from fleet.ledger import Ledger
from fleet.ledger.sqlite import file as sqlite_file
from fleet.ledger.sqlite.database import SQLite
from tests.faults.ledger.writer import use


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the ledger."""
    with closing(sqlite3.connect(tmp_path / "fleet.db", isolation_level=None)) as connection:
        yield connection


def hold(reader: sqlite3.Connection) -> None:
    """Begin to read, and stay at it."""
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM jobs").fetchone()


def database(ledger: Ledger) -> SQLite:
    """What is behind the ledger."""
    found = ledger._database
    assert isinstance(found, SQLite)
    return found


def quiet(word: str, key: str) -> None:
    """Nobody needs to hear it."""


async def test_a_reader_that_never_leaves_stops_the_writer_before_the_disk_is_full(
    tmp_path: Path, reader: sqlite3.Connection
) -> None:
    """At its limit the WAL grows no more: `Unwritable` says why. Once the reader leaves, it is cut and all goes on."""
    async with await Ledger.open(f"sqlite:///{tmp_path}/fleet.db") as ledger:
        database(ledger).wal.long_bytes, database(ledger).wal.max_bytes = 120_000, 240_000
        await use(ledger, 2, quiet)
        hold(reader)

        with pytest.raises(Unwritable, match="reading the ledger for so long"):
            await use(ledger, 1_000, quiet, first=2)

        assert 240_000 <= ledger.health().wal_bytes < 400_000
        assert "WAL" in (ledger.health().trouble or "")
        reader.execute("ROLLBACK")
        await use(ledger, 2, quiet, first=5_000)
        assert ledger.health().wal_bytes < 200_000
        assert await ledger.check() == []


async def test_a_long_wal_is_cut_once_its_reader_has_left(
    tmp_path: Path, reader: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the limit everything is written while somebody reads; afterwards the WAL is as short as before."""
    monkeypatch.setattr(sqlite_file, "CHECKPOINT_PAGES", 20)
    async with await Ledger.open(f"sqlite:///{tmp_path}/fleet.db") as ledger:
        database(ledger).wal.long_bytes = 150_000
        await use(ledger, 2, quiet)
        hold(reader)
        await use(ledger, 30, quiet, first=2)
        grown = ledger.health().wal_bytes
        reader.execute("ROLLBACK")

        await use(ledger, 6, quiet, first=5_000)

        assert grown > 150_000
        assert ledger.health().wal_bytes <= 150_000


async def test_a_lock_of_a_backup_tool_passes(tmp_path: Path, reader: sqlite3.Connection) -> None:
    """While another program holds the write lock writes are `Unwritable`, not lost; reads go on; then it works."""
    async with await Ledger.open(f"sqlite:///{tmp_path}/fleet.db") as ledger:
        await use(ledger, 2, quiet)
        writer = database(ledger)._writer
        assert writer is not None
        writer.execute("PRAGMA busy_timeout = 1")
        reader.execute("BEGIN IMMEDIATE")

        with pytest.raises(Unwritable, match="locked"):
            await use(ledger, 2, quiet, first=2)

        assert len(await ledger.jobs()) == 2
        assert ledger.health().failed_commits >= 1
        reader.execute("ROLLBACK")
        await use(ledger, 2, quiet, first=2)
        assert (ledger.health().trouble, len(await ledger.jobs())) == (None, 4)
