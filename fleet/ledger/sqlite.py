"""The ledger in one SQLite file, for one fleet process: no server, durable, and fast through group commit.

Writers queue their work; one drain at a time runs all that is queued in one transaction with one fsync. If a work
fails, the transaction is undone and runs once more with each work in a savepoint of its own: savepoints for nothing
would cost a sixth of the speed. So a hundred waiting tasks pay for one fsync together, one that fails takes no other
with it, and nobody hears of success before it is on the disk. There is one writing connection in one thread, and one
reading connection in another, which in WAL mode never waits for the writer.

SQLite's own documentation (wal.html): with synchronous=NORMAL a power cut may undo committed transactions; hence FULL.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any, Final, TypeVar

from fleet.core.errors import InvalidInput, Unavailable
from fleet.ledger.database import Transaction, load_queries, read_sql
from fleet.ledger.schema import damaged
from fleet.ledger.sqlite_file import SQLiteFile

__all__ = ["SQLite"]

T = TypeVar("T")
_Waiting = tuple[Callable[[Transaction], Any], "asyncio.Future[Any]", Callable[[], object] | None]
_Queries = Mapping[str, tuple[str, Callable[[Mapping[str, Any]], tuple[Any, ...]]]]

_PARAMETER: Final = re.compile(r"(?<![:\w]):([a-z][a-z0-9_]*)")
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_POISON: Final = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class SQLite:
    """A `Database` in a file, or in memory for as long as it is open."""

    @classmethod
    async def open(cls, path: str, *, read_only: bool = False) -> "SQLite":
        """A database with the newest schema. `path` may be `:memory:`.

        `Locked` if another process writes it, `Corrupt` if it is damaged, newer or not a ledger, `InvalidInput` if it
        cannot be where it should be. Read-only takes no lock, makes no file, and needs one that exists.
        """
        database = cls(SQLiteFile(path, read_only=read_only))
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(database._writing, database._open)
        except sqlite3.Error as error:
            await database.close()
            raise _translated(error, path) from error
        except BaseException:
            await database.close()
            raise
        return database

    def __init__(self, file: SQLiteFile) -> None:
        self._file = file
        self._queries = _positional(load_queries(read_sql("queries.sql")))
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="ledger-write")
        self._reading = self._writing if file.in_memory else ThreadPoolExecutor(1, thread_name_prefix="ledger-read")
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._waiting: list[_Waiting] = []
        self._draining = False
        self._closed = False

    def __repr__(self) -> str:
        return f"<SQLite {self._file.path} [{len(self._waiting)} waiting{', closed' if self._closed else ''}]>"

    def _open(self) -> None:
        self._file.hold()
        if not self._file.read_only:
            self._writer = self._file.writer()
        self._reader = self._writer if self._file.in_memory else self._file.reader()

    async def write(self, work: Callable[[Transaction], T], /, *, committed: Callable[[], object] | None = None) -> T:
        """See `Database.write`. Works that wait at the same time share one transaction and one fsync."""
        if self._file.read_only:
            raise InvalidInput(f"{self._file.path}: the ledger is open for reading only")
        if self._closed:
            raise RuntimeError(f"{self._file.path}: the ledger is closed")
        return await self._queued(work, committed)

    async def _queued(self, work: Callable[[Transaction], T], committed: Callable[[], object] | None) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((work, future, committed))
        if not self._draining:
            self._draining = True
            # not at once: every task that is ready now may still queue its work for this transaction
            loop.call_soon(self._drain, loop)
        try:
            result: T = await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                future.exception()  # nobody is left to hear of it
            raise
        return result

    def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run all that waits in one transaction. A chain of callbacks: no task can die with the queue in hand."""
        batch = [waiting for waiting in self._waiting if not waiting[1].cancelled()]
        self._waiting = []
        if not batch:
            self._draining = False
            return
        done = loop.run_in_executor(self._writing, self._commit, [work for work, _, _ in batch])
        done.add_done_callback(partial(self._settle, batch, loop))

    def _settle(
        self, batch: Sequence[_Waiting], loop: asyncio.AbstractEventLoop, done: "asyncio.Future[list[Any]]"
    ) -> None:
        """Tell every waiting task how its work ended, and go on with what was queued meanwhile."""
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        outcomes = [_Failed(error)] * len(batch) if error else done.result()
        for (_, future, committed), outcome in zip(batch, outcomes, strict=True):
            failed = isinstance(outcome, _Failed)
            if committed is not None and not failed:
                committed()
            if future.done():
                continue
            if failed:
                future.set_exception(_translated(outcome.error, self._file.path))
            else:
                future.set_result(outcome)
        loop.call_soon(self._drain, loop)

    def _commit(self, works: Sequence[Callable[[Transaction], Any]]) -> list[Any]:
        """What each work returned or how it failed, after one commit. Raises if none of them happened."""
        if self._writer is None:
            self._writer = self._file.writer()
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                outcomes = self._run(connection, works)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            # an fsync that failed once may succeed the next time without having written: trust only a fresh look
            if _primary(error) in _POISON and not self._file.in_memory:
                self._writer = None
                connection.close()
            raise
        return outcomes

    def _run(self, connection: sqlite3.Connection, works: Sequence[Callable[[Transaction], Any]]) -> list[Any]:
        transaction = _Transaction(connection, self._queries)
        try:
            return [work(transaction) for work in works]
        except Exception as error:
            if _primary(error) in _POISON:
                raise
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        return [_isolated(connection, transaction, work) for work in works]

    async def read(self, work: Callable[[Transaction], T], /) -> T:
        """See `Database.read`."""
        if self._closed:
            raise RuntimeError(f"{self._file.path}: the ledger is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, self._snapshot, work)
        except sqlite3.Error as error:
            raise _translated(error, self._file.path) from error

    def _snapshot(self, work: Callable[[Transaction], T]) -> T:
        assert self._reader is not None  # noqa: S101
        self._reader.execute("BEGIN")
        try:
            return work(_Transaction(self._reader, self._queries))
        finally:
            if self._reader.in_transaction:
                self._reader.execute("ROLLBACK")

    async def close(self) -> None:
        """See `Database.close`. The last one to leave folds the WAL into the file."""
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        try:
            if self._draining:
                await self._queued(lambda transaction: None, None)
        finally:
            await loop.run_in_executor(self._reading, self._close_reader)
            await loop.run_in_executor(self._writing, self._close_writer)
            self._reading.shutdown()
            self._writing.shutdown()

    def _close_reader(self) -> None:
        if self._reader is not None and self._reader is not self._writer:
            self._reader.close()

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._file.release()


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


class _Transaction:
    """A `Transaction` on a connection that is in one."""

    __slots__ = ("_connection", "_queries")

    def __init__(self, connection: sqlite3.Connection, queries: _Queries) -> None:
        self._connection = connection
        self._queries = queries

    def all(self, query: str, /, **params: Any) -> list[tuple[Any, ...]]:
        sql, pick = self._queries[query]
        return self._connection.execute(sql, pick(params)).fetchall()

    def one(self, query: str, /, **params: Any) -> tuple[Any, ...] | None:
        sql, pick = self._queries[query]
        row: tuple[Any, ...] | None = self._connection.execute(sql, pick(params)).fetchone()
        return row

    def run(self, query: str, /, **params: Any) -> int:
        sql, pick = self._queries[query]
        return self._connection.execute(sql, pick(params)).rowcount

    def many(self, query: str, rows: Iterable[Mapping[str, Any]], /) -> int:
        sql, pick = self._queries[query]
        return self._connection.executemany(sql, map(pick, rows)).rowcount


def _positional(queries: Mapping[str, str]) -> _Queries:
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


def _isolated(connection: sqlite3.Connection, transaction: _Transaction, work: Callable[[Transaction], Any]) -> Any:
    """What the work returned, or `_Failed` with nothing of it left. Raises if the whole transaction is gone."""
    connection.execute("SAVEPOINT work")
    try:
        result = work(transaction)
    except Exception as error:
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO work")
        result = _Failed(error)
    connection.execute("RELEASE work")
    return result


def _primary(error: BaseException) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _translated(error: BaseException, place: object) -> BaseException:
    """The error as fleet knows it; each waiting task gets one of its own."""
    if not isinstance(error, sqlite3.Error):
        return error
    code = _primary(error)
    ours: Exception
    if code in _DAMAGE:
        ours = damaged(place, error)
    elif code == sqlite3.SQLITE_CONSTRAINT:
        ours = ValueError(f"{place}: the ledger refuses a row ({error})")
    elif isinstance(error, sqlite3.OperationalError):
        ours = Unavailable(f"{place}: the ledger cannot be used now ({error})", maybe_accepted=False)
    else:
        return error
    ours.__cause__ = error
    return ours
