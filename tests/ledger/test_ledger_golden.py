"""Upgrades: every version opens the ledgers of every version before it, and answers the same."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fleet.core.errors import InvalidInput, TooNew
from fleet.ledger import Ledger
from fleet.ledger.sqlite.file import SQLiteFile
from fleet.ledger.sqlite.schema import MIGRATIONS
from tests.ledger.golden_ledgers import GOLDEN, restore, said

VERSIONS = range(1, len(MIGRATIONS) + 1)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_golden_ledger_is_read_as_it_was_written(tmp_path: Path, version: int) -> None:
    """Opened by this fleet, it answers what it answered then; it is sound, and an older one was copied first."""
    path = tmp_path / "fleet.db"
    restore(version, path)

    async with await Ledger.open(f"sqlite:///{path}") as ledger:
        answers, findings, copy = await said(ledger), await ledger.check(), ledger.upgraded_from()

    assert answers == json.loads((GOLDEN / f"schema-{version}.json").read_text())
    assert findings == []
    older = version < len(MIGRATIONS)
    assert copy == (f"{path}.schema-{version}" if older else None)
    assert (f"fleet.db.schema-{version}" in os.listdir(tmp_path)) == older


async def test_the_copy_of_an_older_ledger_is_that_ledger(tmp_path: Path) -> None:
    """The copy beside an upgraded ledger has the older schema and everything in it: the way back."""
    path = tmp_path / "fleet.db"
    restore(1, path)
    with closing(sqlite3.connect(path)) as connection:
        before = list(connection.iterdump())

    async with await Ledger.open(f"sqlite:///{path}"):
        pass

    with closing(sqlite3.connect(f"{path}.schema-1")) as copy:
        assert list(copy.iterdump()) == before
        assert copy.execute("PRAGMA user_version").fetchone() == (1,)


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_older_fleet_refuses_it(tmp_path: Path, version: int) -> None:
    """A fleet that knows fewer migrations leaves the file alone, and names both versions and the way back."""
    path = tmp_path / "fleet.db"
    restore(version, path)
    content = path.read_bytes()

    with pytest.raises(TooNew, match=f"version {version}, this fleet knows {version - 1} .*fleet.db.schema-"):
        SQLiteFile(str(path), migrations=MIGRATIONS[: version - 1]).writer()

    assert path.read_bytes() == content


async def test_a_reader_does_not_upgrade(tmp_path: Path) -> None:
    """Reading alone changes nothing, also not the schema: an older ledger is opened for writing once."""
    path = tmp_path / "fleet.db"
    restore(1, path)

    with pytest.raises(InvalidInput, match="older than this fleet"):
        await Ledger.open(f"sqlite:///{path}", read_only=True)


def test_each_schema_has_its_golden_ledger() -> None:
    """Who adds a migration adds the golden ledger of its version: python -m tests.ledger.golden_ledgers."""
    names = {file.name for file in GOLDEN.iterdir()}

    assert names == {f"schema-{version}.{form}" for version in VERSIONS for form in ("sql", "json")}
