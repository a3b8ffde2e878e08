"""What a database must do for the ledger, and nothing more: run named queries in transactions.

The ledger says what it wants (`ledger.py`), `queries.sql` holds the words, and a database (`sqlite/`, `postgres/`)
knows how. A new database is a new folder here; it is done when `tests/contract` is green on it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from fleet.ledger.tables import Table

__all__ = ["Database", "Health", "Queries", "Transaction", "load_queries", "read_sql"]

T = TypeVar("T")
Queries = Mapping[str, str]

_HEADING = re.compile(r"^-- name: *(.*)$", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Transaction(Protocol):
    """Runs named queries in one transaction. Synchronous: it is used in the database's own thread only.

    What the database cannot do ends in `Unwritable`, `Corrupt` or `DiskFailed`; a row that the schema refuses in
    `ValueError`, because that is a mistake in the calling code.
    """

    def all(self, query: str, /, **params: Any) -> list[tuple[Any, ...]]:
        """Every row."""
        ...

    def one(self, query: str, /, **params: Any) -> tuple[Any, ...] | None:
        """The first row, or None."""
        ...

    def run(self, query: str, /, **params: Any) -> int:
        """How many rows were changed, not counting what triggers changed."""
        ...

    def many(self, query: str, rows: Iterable[Mapping[str, Any]], /) -> int:
        """How many rows were changed by the query, run once with each mapping."""
        ...

    def page(self, table: Table, after: Sequence[object] | None, limit: int, /) -> list[tuple[Any, ...]]:
        """At most so many rows of the table, in the order of its key: those after this key, or the first."""
        ...

    def load(self, table: Table, rows: Sequence[Sequence[Any]], /) -> None:
        """These rows, with all columns, are in the table too. The fastest way for many."""
        ...


class Health(NamedTuple):
    """How a database fares. `trouble`: why nothing could be written the last time, None if all is well.

    `failed_commits`: how many commits failed since it was opened. `wal_bytes`: what is to be folded into its file.
    `size_bytes`: its file with that; `free_bytes`: room where the file is, None where that is not known.
    """

    trouble: str | None
    failed_commits: int
    wal_bytes: int
    size_bytes: int = 0
    free_bytes: int | None = None


class Database(Protocol):
    """Transactions one after the other, readers that never block them."""

    writer: str | None
    """The name of this writer among several, where a database can have more than one; None where it cannot."""

    @property
    def rewinds(self) -> int:
        """How often it had forgotten what it had said to be durable, as a server may after a failover."""
        ...

    async def write(self, work: Callable[[Transaction], T], /, *, committed: Callable[[], object] | None = None) -> T:
        """What `work` returned, once its changes are durable; if it raises, none of them happened.

        `work` runs in one transaction, alone, in a thread of the database, and may be run again if the first run left
        no trace. `Unwritable` if it is not durable and may be tried again; `Corrupt` or `DiskFailed` if fleet must
        not go on. `committed` is called in the event loop right after the commit, also if the caller was cancelled
        while it waited and will never hear of it.
        """
        ...

    async def read(self, work: Callable[[Transaction], T], /) -> T:
        """What `work` returned; it sees one state of the database, with everything that was durable before."""
        ...

    async def check(self) -> list[str]:
        """Everything that the database finds wrong with its own files; empty if they are whole. Reads all of it."""
        ...

    async def back_up(self, copy: Path) -> None:
        """A copy of all that was durable before, for its owner alone. Works while another process writes.

        `InvalidInput` if there is something of that name or it cannot be made, `Unwritable` if there is no room.
        """
        ...

    def health(self) -> Health:
        """How it fares now. Costs next to nothing, and waits for nobody."""
        ...

    def observe(self, committed_s: Callable[[float], object]) -> None:
        """`committed_s` is told from now on how many seconds each commit took, in a thread of the database."""
        ...

    @property
    def upgraded_from(self) -> Path | None:
        """The copy that was made of an older ledger when this one was opened; None if it had the newest schema."""
        ...

    async def close(self) -> None:
        """Waits for the writes that were asked for before, and lets go of the database. Twice is harmless."""
        ...


def load_queries(text: str) -> dict[str, str]:
    """The queries of a file by name: blocks that begin with `-- name: xyz`, a line of plain English, then one query.

    `ValueError` for a name that is no name, is there twice, or has no query.
    """
    queries: dict[str, str] = {}
    _, *parts = _HEADING.split(text)
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        lines = [line for line in body.splitlines() if not line.startswith("--")]
        query = "\n".join(lines).strip().removesuffix(";")
        if not _NAME.fullmatch(name) or name in queries or not query:
            raise ValueError(f"query {name!r}: a query needs a name of its own and a text")
        queries[name] = query
    return queries


def read_sql(name: str) -> str:
    """The text of a `.sql` file of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
