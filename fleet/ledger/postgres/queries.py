"""The ledger's queries in PostgreSQL's words, and a transaction that runs them.

`queries.sql` is written for both databases. What PostgreSQL says otherwise is bridged here where it is a matter of
words, and in `queries.sql` beside this file where a query is another one.
"""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import psycopg

from fleet.ledger.database import load_queries, read_sql
from fleet.ledger.postgres.line import Line
from fleet.ledger.tables import Table

__all__ = ["PostgresTransaction", "in_postgres", "postgres_queries"]

_PARAMETER: Final = re.compile(r"(?<![:\w]):([a-z][a-z0-9_]*)")
_JSON_LIST: Final = re.compile(r"json_each\(:([a-z_]+)\)")


def in_postgres(sql: str) -> str:
    """A query of `queries.sql` as psycopg takes it: :name is %(name)s, and a list in JSON is one of PostgreSQL's."""
    sql = _JSON_LIST.sub(r"jsonb_array_elements_text(CAST(:\1 AS JSONB)) AS listed (value)", sql.replace("%", "%%"))
    return _PARAMETER.sub(r"%(\1)s", sql)


def postgres_queries() -> dict[str, str]:
    """All queries by name."""
    ours = load_queries(read_sql("queries.sql")) | load_queries(read_sql("postgres/queries.sql"))
    return {name: in_postgres(sql) for name, sql in ours.items()}


class PostgresTransaction:
    """A `Transaction` on a connection that is in one. Each statement tells its line when it began to wait."""

    __slots__ = ("_connection", "_line", "_queries")

    def __init__(self, connection: "psycopg.Connection[Any]", queries: Mapping[str, str], line: Line) -> None:
        self._connection = connection
        self._queries = queries
        self._line = line

    def all(self, query: str, /, **params: Any) -> list[tuple[Any, ...]]:
        """See `Transaction.all`."""
        return self._execute(query, params).fetchall()

    def one(self, query: str, /, **params: Any) -> tuple[Any, ...] | None:
        """See `Transaction.one`."""
        row: tuple[Any, ...] | None = self._execute(query, params).fetchone()
        return row

    def run(self, query: str, /, **params: Any) -> int:
        """See `Transaction.run`."""
        return self._execute(query, params).rowcount

    def many(self, query: str, rows: Iterable[Mapping[str, Any]], /) -> int:
        """See `Transaction.many`. All rows travel together, and wait for one answer."""
        listed = [_writable(row) for row in rows]
        if not listed:
            return 0
        self._line.asking_since = time.monotonic()
        try:
            with self._connection.cursor() as cursor:
                cursor.executemany(self._queries[query].encode(), listed)
                return cursor.rowcount
        finally:
            self._line.asking_since = None

    def page(self, table: Table, after: Sequence[object] | None, limit: int, /) -> list[tuple[Any, ...]]:
        """See `Transaction.page`."""
        query = table.page_query(first=after is None, mark="%s")
        self._line.asking_since = time.monotonic()
        try:
            return self._connection.execute(query.encode(), (*(after or ()), limit)).fetchall()
        finally:
            self._line.asking_since = None

    def load(self, table: Table, rows: Sequence[Sequence[Any]], /) -> None:
        """See `Transaction.load`. The rows are known to be `_writable`."""
        query = f"COPY {table.name} ({', '.join(table.columns)}) FROM STDIN"
        self._line.asking_since = time.monotonic()
        try:
            with self._connection.cursor() as cursor, cursor.copy(query.encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        finally:
            self._line.asking_since = None

    def _execute(self, query: str, params: Mapping[str, Any]) -> "psycopg.Cursor[Any]":
        self._line.asking_since = time.monotonic()
        try:
            return self._connection.execute(self._queries[query].encode(), _writable(params))
        finally:
            self._line.asking_since = None


def _writable(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters without the one character that PostgreSQL's text cannot hold."""
    return {
        name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") if type(value) is str and "\0" in value else value
        for name, value in params.items()
    }
