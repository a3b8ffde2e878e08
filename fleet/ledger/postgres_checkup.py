"""What an administrator should know of a PostgreSQL database before fleet works with it. Reads only."""

from dataclasses import dataclass
from pathlib import Path

import psycopg

from fleet.ledger.place import server_of
from fleet.ledger.postgres_errors import refused
from fleet.ledger.postgres_schema import POSTGRES_MIGRATIONS, check_code

__all__ = ["ServerCheckup", "look_at"]

_ASK = """
SELECT
    current_setting('server_version'),
    current_setting('synchronous_commit'),
    current_setting('fsync'),
    COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
    pg_is_in_recovery(),
    has_schema_privilege(current_schema(), 'CREATE'),
    to_regclass('fleet_schema') IS NOT NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCheckup:
    """What was found. `verified`: whether the server's certificate and name are checked; `here`: whether it is on this
    machine. `jobs`: how many the ledger has, None where there is no ledger yet."""

    place: str
    version: str
    synchronous_commit: str
    fsync: bool
    encrypted: bool
    verified: bool
    here: bool
    standby: bool
    may_create: bool
    jobs: int | None


def look_at(url: str, password_file: Path | None) -> ServerCheckup:
    """What the server and its ledger are like. `Misconfigured`, `Unwritable` or `TooNew` as for a ledger's opening."""
    server = server_of(url, password_file=password_file)
    try:
        with server.connect() as connection:
            row = connection.execute(_ASK).fetchone()
            assert row is not None  # noqa: S101
            version, synchronous, fsync, encrypted, standby, may_create, exists = row
            jobs = None
            if exists:
                schema = connection.execute("SELECT version, min_code FROM fleet_schema").fetchone()
                check_code(server.name, *(schema or (0, 0)), knows=len(POSTGRES_MIGRATIONS))
                counted = connection.execute("SELECT COALESCE(SUM(jobs), 0)::BIGINT FROM tallies").fetchone()
                jobs = counted[0] if counted else 0
    except psycopg.Error as error:
        raise refused(error, server.name) from error
    return ServerCheckup(
        place=server.name,
        version=version.split()[0],
        synchronous_commit=synchronous,
        fsync=fsync == "on",
        encrypted=encrypted,
        verified=server.sslmode == "verify-full",
        here=server.here,
        standby=standby,
        may_create=may_create,
        jobs=jobs,
    )
