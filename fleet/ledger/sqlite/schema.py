"""Which schema a SQLite file has, and the way from it to ours: migrations in order, each whole or not at all."""

import sqlite3
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from fleet.core.errors import Corrupt, InvalidInput, TooNew
from fleet.ledger.sqlite.copy import copy_to
from fleet.ledger.sqlite.errors import damaged

__all__ = ["APPLICATION_ID", "CHECK_MAX_S", "MIGRATIONS", "check", "integrity", "migrate", "verify", "verify_pair"]

APPLICATION_ID: Final = 0x666C6565

MIGRATIONS: Final[tuple[str, ...]] = tuple(
    file.read_text(encoding="utf-8")
    for file in sorted(files(__package__).joinpath("migrations").iterdir(), key=lambda file: file.name)
    if file.name.endswith(".sql")
)
"""The first makes version 1 out of nothing, the second makes version 2 out of version 1, and so on."""

CHECK_MAX_S: Final = 2.0
"""How long a start may look at the ledger."""

_TABLES: Final = ("lanes", "tallies", "requests", "manifests", "jobs", "entries", "rejections", "events", "orphans")
_TALLIES: Final = """
SELECT COUNT(*) FROM tallies
LEFT JOIN (SELECT lane_id, state, COUNT(*) AS jobs FROM jobs GROUP BY lane_id, state) AS counted USING (lane_id, state)
WHERE tallies.jobs <> COALESCE(counted.jobs, 0)
"""
_ENDS: Final = """
SELECT id, key, created_at FROM jobs
WHERE id = (SELECT MIN(id) FROM jobs) OR id = (SELECT MAX(id) FROM jobs)
"""
_JOB: Final = "SELECT id, key, created_at FROM jobs WHERE id = ?"


def check(connection: sqlite3.Connection, place: Path, *, read_only: bool, migrations: Sequence[str]) -> int:
    """The file's schema version, 0 for an empty file. Changes nothing.

    `Corrupt` for another program's file, `TooNew` for one of a newer fleet, and for reading alone `InvalidInput` for
    one of an older fleet.
    """
    application_id: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    if application_id != APPLICATION_ID and (application_id or version or tables):
        raise Corrupt(f"{place}: this is a SQLite file of another program, not a ledger. Give another path")
    if version > len(migrations):
        raise TooNew(
            f"{place}: the ledger was made by a newer fleet: its schema is version {version}, this fleet knows "
            f"{len(migrations)} and cannot go back. Install that fleet again, or put back the copy that it made of the "
            f"older ledger ({place}.schema-{len(migrations)})"
        )
    if read_only and version < len(migrations):
        what = "is older than this fleet" if version else "is empty"
        raise InvalidInput(f"{place}: the ledger {what}; open it once for writing (fleet run or fleet serve)")
    return version


def migrate(connection: sqlite3.Connection, place: Path | None, version: int, migrations: Sequence[str]) -> Path | None:
    """The schema is the newest. A file that held an older one was copied first: the copy, or None.

    All that is missing happens in one transaction: whole, or after a crash or an error not at all. After an error the
    connection is to be closed.
    """
    if version == len(migrations):
        return None
    copy = None
    if version and place is not None:
        copy = place.with_name(f"{place.name}.schema-{version}")
        copy.unlink(missing_ok=True)
        copy_to(connection, copy)
    steps = "\n;\n".join(migrations[version:])
    connection.executescript(f"BEGIN IMMEDIATE;\n{steps}\n;PRAGMA user_version = {len(migrations)};\nCOMMIT;")
    return copy


def verify(
    connection: sqlite3.Connection, place: object, *, max_s: float = CHECK_MAX_S, thorough: bool = False
) -> None:
    """`Corrupt` if a look of at most about `max_s` seconds finds damage: all of a small ledger, the start of a big one.

    A thorough look compares indexes and tallies with the rows as well: it is what finds a WAL of another file, whose
    pages are sound in themselves. Damage beyond the look is found when its page is read, and raises `Corrupt` as well.
    """
    deadline = time.monotonic() + max_s
    connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    check_of = "integrity_check" if thorough else "quick_check"
    try:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        for table in (table for table in _TABLES if table in names):  # an older ledger has not all of them yet
            for (finding,) in connection.execute(f"PRAGMA {check_of}({table})"):
                if finding != "ok":
                    raise damaged(place, finding)
        if thorough and connection.execute(_TALLIES).fetchone() != (0,):
            raise damaged(place, "the tallies are not a count of its jobs")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
    finally:
        connection.set_progress_handler(None, 0)


def verify_pair(connection: sqlite3.Connection, alone: sqlite3.Connection, place: object) -> None:
    """`Corrupt` if the WAL through which `connection` sees the file was not written for it.

    `alone` sees the file without its WAL. Jobs are never deleted and their keys never change, so whatever job the file
    has must be there with the WAL too. A WAL can hold all of another ledger, which is sound in itself. Where a power
    loss broke off a checkpoint, the file alone is not: half of a page was written, and its jobs mean nothing.
    """
    try:
        jobs = alone.execute(_ENDS).fetchall()
    except sqlite3.DatabaseError:
        return
    if any(connection.execute(_JOB, job[:1]).fetchone() != job for job in jobs) and _is_whole(alone):
        raise damaged(place, f"{Path(str(place)).name}-wal belongs to another file or to another copy of it")


def _is_whole(connection: sqlite3.Connection) -> bool:
    try:
        return not integrity(connection)
    except sqlite3.DatabaseError:
        return False


def integrity(connection: sqlite3.Connection) -> list[str]:
    """Everything that SQLite finds wrong with the whole file and its foreign keys, however long it takes."""
    found = [finding for (finding,) in connection.execute("PRAGMA integrity_check") if finding != "ok"]
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        found.append(f"row {row} of {table} points to a row of {parent} that is not there")
    return found
