"""Which schema a PostgreSQL ledger has, and the way from it to ours, also while older replicas still work on it.

A schema has a version, and says how many versions a fleet must know to write to it. A migration that only adds leaves
that number as it is: then old and new replicas work side by side, and the next release may raise it.
"""

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import psycopg

from fleet.core.errors import Corrupt, InvalidInput, TooNew

__all__ = ["POSTGRES_MIGRATIONS", "bring_up_to_date", "check_code"]

POSTGRES_MIGRATIONS: Final[tuple[str, ...]] = tuple(
    file.read_text(encoding="utf-8")
    for file in sorted(files(__package__).joinpath("migrations").iterdir(), key=lambda file: file.name)
    if file.name.endswith(".sql")
)
"""The first makes version 1 out of nothing, the second makes version 2 out of version 1, and so on."""

_MIN_CODE: Final = re.compile(r"^-- min_code: (\d+)$", re.MULTILINE)
_ONE_AT_A_TIME: Final = 0x666C656574  # "fleet": the advisory lock of a transaction that migrates


def bring_up_to_date(
    connection: "psycopg.Connection[Any]", place: str, *, read_only: bool, migrations: Sequence[str]
) -> None:
    """The schema is the newest that we know, or a newer one that lets us write. All of it happens, or nothing.

    `TooNew` if it does not let us, `Corrupt` if the tables are another program's, and for reading alone `InvalidInput`
    if it is not there or older.
    """
    if read_only:
        version, min_code = _found(connection, place)
        if version < len(migrations):
            what = "is older than this fleet" if version else "is empty"
            raise InvalidInput(f"{place}: the ledger {what}; open it once for writing (fleet run or fleet serve)")
        check_code(place, version, min_code, knows=len(migrations))
        return
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '60s'")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ONE_AT_A_TIME,))
        version, min_code = _found(connection, place)
        check_code(place, version, min_code, knows=len(migrations))
        for number, migration in enumerate(migrations[version:], version + 1):
            connection.execute(migration.encode())
            told = _MIN_CODE.search(migration)
            connection.execute(
                "UPDATE fleet_schema SET version = %s, min_code = %s", (number, int(told[1]) if told else number)
            )


def check_code(place: str, version: int, min_code: int, *, knows: int) -> None:
    """`TooNew` if a fleet that knows so many versions must not write to this schema any more."""
    if min_code > knows:
        raise TooNew(
            f"{place}: the ledger was made by a newer fleet: its schema is version {version} and needs a fleet that "
            f"knows version {min_code}, this one knows {knows}. Nothing was changed. Install the newer fleet here too"
        )


def _found(connection: "psycopg.Connection[Any]", place: str) -> tuple[int, int]:
    """The schema's version and the versions that a fleet must know; 0 and 0 where there is nothing yet."""
    row = connection.execute("SELECT to_regclass('fleet_schema'), to_regclass('jobs'), to_regclass('lanes')").fetchone()
    ours, *others = row or (None,)
    if ours is None:
        if any(others):
            raise Corrupt(f"{place}: it has tables of another program (jobs or lanes); give fleet its own database")
        return 0, 0
    found = connection.execute("SELECT version, min_code FROM fleet_schema").fetchone()
    if found is None:
        raise Corrupt(f"{place}: its table fleet_schema is empty")
    return int(found[0]), int(found[1])
