"""What an administrator should know of a PostgreSQL database before fleet works with it. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from fleet.ledger.place import server_of
from fleet.ledger.postgres.errors import refused
from fleet.ledger.postgres.schema import POSTGRES_MIGRATIONS, check_code

__all__ = ["LedgerCheckup", "ServerCheckup", "look_at"]

_ASK = """
SELECT
    current_setting('server_version'),
    current_setting('synchronous_commit'),
    current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on',
    current_setting('synchronous_standby_names') <> '',
    (SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state IS DISTINCT FROM 'sync'),
    pg_is_in_recovery(),
    COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false),
    to_regclass('fleet_schema') IS NOT NULL
"""


_CLOSED = """
SELECT relname FROM pg_class
WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'fleet_schema'::regclass) AND relkind = 'r'
    AND NOT (
        has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
        AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')
    )
ORDER BY relname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCheckup:
    """What was found of a ledger. `knows`: the newest version of the schema that this fleet has; `closed`: the tables
    that the role may not both read and write."""

    version: int
    knows: int
    jobs: int
    closed: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCheckup:
    """What was found. `safe_writes`: whether a power cut leaves its files whole; `waits_for_standby`: whether commits
    may be told to; `late_standbys`: how many copies may lag behind, as far as the role may see.

    `encrypted` and `verified` (its certificate and name are checked) are of our own connection, which may end at a
    pooler; `here`: whether that is on this machine. `ledger` is None where there is none yet.
    """

    place: str
    version: str
    synchronous_commit: str
    safe_writes: bool
    waits_for_standby: bool
    late_standbys: int
    encrypted: bool
    verified: bool
    here: bool
    standby: bool
    may_create: bool
    ledger: LedgerCheckup | None


def look_at(url: str, password_file: Path | None) -> ServerCheckup:
    """What the server and its ledger are like. `Misconfigured`, `Unwritable` or `TooNew` as for a ledger's opening."""
    server = server_of(url, password_file=password_file)
    try:
        with server.connect() as connection:
            row = connection.execute(_ASK).fetchone()
            assert row is not None  # noqa: S101
            version, synchronous, safe_writes, waits_for_standby, late_standbys, standby, may_create, exists = row
            ledger = _ledger(connection, server.name) if exists else None
            encrypted = connection.pgconn.ssl_in_use
    except psycopg.Error as error:
        raise refused(error, server.name) from error
    return ServerCheckup(
        place=server.name,
        version=version.split()[0],
        synchronous_commit=synchronous,
        safe_writes=safe_writes,
        waits_for_standby=waits_for_standby,
        late_standbys=late_standbys,
        encrypted=encrypted,
        verified=server.sslmode == "verify-full",
        here=server.here,
        standby=standby,
        may_create=may_create,
        ledger=ledger,
    )


def _ledger(connection: "psycopg.Connection[Any]", place: str) -> LedgerCheckup:
    version, min_code = connection.execute("SELECT version, min_code FROM fleet_schema").fetchone() or (0, 0)
    check_code(place, version, min_code, knows=len(POSTGRES_MIGRATIONS))
    counted = connection.execute("SELECT COALESCE(SUM(jobs), 0)::BIGINT FROM tallies").fetchone()
    return LedgerCheckup(
        version=version,
        knows=len(POSTGRES_MIGRATIONS),
        jobs=counted[0] if counted else 0,
        closed=[name for (name,) in connection.execute(_CLOSED)],
    )
