"""Which schema a SQLite file has, and the way from it to ours: migrations in order, each whole or not at all."""

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Final

from fleet.core.errors import Corrupt, InvalidInput

__all__ = ["APPLICATION_ID", "MIGRATIONS", "check", "damaged", "migrate", "verify"]

APPLICATION_ID: Final = 0x666C6565

MIGRATIONS: Final[tuple[str, ...]] = tuple(
    file.read_text(encoding="utf-8")
    for file in sorted(files(__package__).joinpath("migrations").iterdir(), key=lambda file: file.name)
    if file.name.endswith(".sql")
)
"""The first makes version 1 out of nothing, the second makes version 2 out of version 1, and so on."""

_CHECK_MAX_S: Final = 2.0
_WHAT_TO_DO: Final = (
    "Keep a copy of it. Then restore a backup, or recover what can be read (sqlite3 LEDGER .recover | sqlite3 NEW), or "
    "begin a new ledger: fleet finds the jobs that already ran by their names in AWS"
)


def damaged(place: object, what: object) -> Corrupt:
    """The error for a file that SQLite cannot trust."""
    return Corrupt(f"{place}: the ledger is damaged ({what}). {_WHAT_TO_DO}")


def check(connection: sqlite3.Connection, place: Path, *, read_only: bool, migrations: Sequence[str]) -> int:
    """The file's schema version, 0 for an empty file; `Corrupt` for one that is not ours to read. Changes nothing."""
    application_id: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    if application_id != APPLICATION_ID and (application_id or version or tables):
        raise Corrupt(f"{place}: this is a SQLite file of another program, not a ledger. Give another path")
    if version > len(migrations):
        raise Corrupt(
            f"{place}: the ledger was made by a newer fleet (its schema is {version}, this fleet knows "
            f"{len(migrations)}). Install that version of fleet or a later one"
        )
    if read_only and version < len(migrations):
        what = "is older than this fleet" if version else "is empty"
        raise InvalidInput(f"{place}: the ledger {what}; open it once for writing (fleet run or fleet serve)")
    return version


def migrate(connection: sqlite3.Connection, place: Path | None, version: int, migrations: Sequence[str]) -> None:
    """The schema is the newest. A file that held an older one was copied beside it first.

    After a migration that fails the connection is to be closed: that undoes the half of it.
    """
    if 0 < version < len(migrations) and place is not None:
        _back_up(connection, place.with_name(f"{place.name}.schema-{version}"))
    for number, migration in enumerate(migrations[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{migration}\n;PRAGMA user_version = {number};\nCOMMIT;")


def _back_up(connection: sqlite3.Connection, copy: Path) -> None:
    copy.unlink(missing_ok=True)
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(copy)) as backup:
        connection.backup(backup)


def verify(connection: sqlite3.Connection, place: object, *, max_s: float = _CHECK_MAX_S) -> None:
    """`Corrupt` if a look of at most about `max_s` seconds finds damage: all of a small ledger, the start of a big one.

    Damage that it does not reach is found when the damaged page is read, and raises `Corrupt` as well.
    """
    deadline = time.monotonic() + max_s
    connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    try:
        for table in ("lanes", "tallies", "requests", "manifests", "jobs", "entries", "rejections", "events"):
            for (finding,) in connection.execute(f"PRAGMA quick_check({table})"):
                if finding != "ok":
                    raise damaged(place, finding)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
    finally:
        connection.set_progress_handler(None, 0)
