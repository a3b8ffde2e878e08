"""Every change of a lease's holder, as the database itself notes it: by a trigger beside the ledger's own tables."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from tests.postgres import PostgreSQL

__all__ = ["Change", "holders_at", "next_taking", "process_of", "read_changes", "watch"]

_WATCH: Final = (
    "CREATE SCHEMA noted",
    """
    CREATE TABLE noted.leases (
        id BIGINT GENERATED ALWAYS AS IDENTITY, at TIMESTAMPTZ, name TEXT, holder TEXT, epoch BIGINT
    )
    """,
    """
    CREATE FUNCTION noted.note() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO noted.leases (at, name, holder, epoch) VALUES (clock_timestamp(), NEW.name, NEW.holder, NEW.epoch);
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER noted AFTER UPDATE ON leases FOR EACH ROW
    WHEN (OLD.holder IS DISTINCT FROM NEW.holder OR OLD.epoch <> NEW.epoch) EXECUTE FUNCTION noted.note()
    """,
    """
    INSERT INTO noted.leases (at, name, holder, epoch)
    SELECT clock_timestamp(), name, holder, epoch FROM leases WHERE epoch > 0
    """,
)


class Change(NamedTuple):
    """From `at` (Unix seconds) on, the lease had this holder; None: it was given back. A new epoch: it was taken."""

    at: float
    name: str
    holder: str | None
    epoch: int


def watch(postgres: PostgreSQL, database: str) -> None:
    """From now on every change of a holder in the table `leases` is noted, and so is who holds what now."""
    for statement in _WATCH:
        postgres.execute(statement, database=database)


def read_changes(postgres: PostgreSQL, database: str) -> list[Change]:
    """All that was noted, in the order of time."""
    rows = postgres.execute(
        "SELECT EXTRACT(EPOCH FROM at)::float, name, holder, epoch FROM noted.leases ORDER BY at, id", database=database
    )
    return [Change(*row) for row in rows]


def process_of(holder: str) -> int:
    """The process id in a replica's name (host:pid:random)."""
    return int(holder.rsplit(":", 2)[1])


def holders_at(changes: Iterable[Change], at: float) -> dict[str, str | None]:
    """Lease -> who had it then, whether or not it had expired."""
    held: dict[str, str | None] = {}
    for change in changes:
        if change.at <= at:
            held[change.name] = change.holder
    return held


def next_taking(changes: Sequence[Change], name: str, after: float) -> Change | None:
    """When the lease was next taken by somebody."""
    found = (change for change in changes if change.name == name and change.at > after and change.holder is not None)
    return next(found, None)
