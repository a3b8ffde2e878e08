"""A transaction on a SQLite connection: named queries, run with their parameters."""

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from fleet.ledger.database import Transaction
from fleet.ledger.group_commit import Failed
from fleet.ledger.tables import Table

__all__ = ["Queries", "SQLiteTransaction", "isolated", "positional"]

Queries = Mapping[str, tuple[str, Callable[[Mapping[str, Any]], tuple[Any, ...]]]]

_PARAMETER: Final = re.compile(r"(?<![:\w]):([a-z][a-z0-9_]*)")


class SQLiteTransaction:
    """A `Transaction` on a connection that is in one."""

    __slots__ = ("_connection", "_queries")

    def __init__(self, connection: sqlite3.Connection, queries: Queries) -> None:
        self._connection = connection
        self._queries = queries

    def all(self, query: str, /, **params: Any) -> list[tuple[Any, ...]]:
        """See `Transaction.all`."""
        sql, pick = self._queries[query]
        return self._connection.execute(sql, pick(params)).fetchall()

    def one(self, query: str, /, **params: Any) -> tuple[Any, ...] | None:
        """See `Transaction.one`."""
        sql, pick = self._queries[query]
        row: tuple[Any, ...] | None = self._connection.execute(sql, pick(params)).fetchone()
        return row

    def run(self, query: str, /, **params: Any) -> int:
        """See `Transaction.run`."""
        sql, pick = self._queries[query]
        return self._connection.execute(sql, pick(params)).rowcount

    def many(self, query: str, rows: Iterable[Mapping[str, Any]], /) -> int:
        """See `Transaction.many`."""
        sql, pick = self._queries[query]
        return self._connection.executemany(sql, map(pick, rows)).rowcount

    def page(self, table: Table, after: Sequence[object] | None, limit: int, /) -> list[tuple[Any, ...]]:
        """See `Transaction.page`."""
        query = table.page_query(first=after is None, mark="?")
        return self._connection.execute(query, (*(after or ()), limit)).fetchall()

    def load(self, table: Table, rows: Sequence[Sequence[Any]], /) -> None:
        """See `Transaction.load`."""
        marks = ", ".join("?" * len(table.columns))
        query = f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})"  # noqa: S608 - names of ours
        self._connection.executemany(query, rows)


def positional(queries: Mapping[str, str]) -> Queries:
    """The queries with ? for :name, and how to pick their values: SQLite binds twenty names in thrice the time."""
    found = {}
    for name, sql in queries.items():
        names = _PARAMETER.findall(sql)
        found[name] = (_PARAMETER.sub("?", sql), _picker(names))
    return found


def _picker(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda params: tuple(params[name] for name in names)


def isolated(connection: sqlite3.Connection, transaction: Transaction, work: Callable[[Transaction], Any]) -> Any:
    """What the work returned, or `Failed` with nothing of it left. Raises if the whole transaction is gone."""
    connection.execute("SAVEPOINT work")
    try:
        result = work(transaction)
    except Exception as error:
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO work")
        result = Failed(error)
    connection.execute("RELEASE work")
    return result
