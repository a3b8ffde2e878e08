"""The ledger in one SQLite file, for one fleet process: no server, durable, and fast through group commit.

Works that wait at the same time share one transaction (`group_commit.py`). If one of them fails, the transaction is
undone and runs once more with each work in a savepoint of its own: savepoints for nothing would cost a sixth of the
speed. So one that fails takes no other with it. There is one writing connection in one thread, and one reading
connection in another, which in WAL mode never waits for the writer.

SQLite's own documentation (wal.html): with synchronous=NORMAL a power cut may undo committed transactions; hence FULL.

A full or read-only disk, a spent quota and another program's lock are `Unwritable`: nothing has happened, and the next
write tries again. After an I/O error the connection is closed, because an fsync that failed once may succeed the next
time without having written; the next write opens the file anew, checks it and writes the whole WAL into it. If that
fails too, and for no cause that passes, it is `DiskFailed`. A program that reads for hours keeps the WAL growing; from
4 GiB on writes are `Unwritable` until it is done, so that the disk is not filled for everybody.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fleet.core.errors import Corrupt, InvalidInput
from fleet.ledger.database import Health, Transaction, load_queries, read_sql
from fleet.ledger.group_commit import GroupCommit, Work
from fleet.ledger.sqlite.copy import back_up
from fleet.ledger.sqlite.errors import POISON, is_unwritten, primary, still_failing, translated
from fleet.ledger.sqlite.file import SQLiteFile
from fleet.ledger.sqlite.schema import integrity
from fleet.ledger.sqlite.transaction import SQLiteTransaction, isolated, positional
from fleet.ledger.sqlite.wal import Wal

__all__ = ["SQLite"]

T = TypeVar("T")


class SQLite:
    """A `Database` in a file, or in memory for as long as it is open."""

    @classmethod
    async def open(cls, path: str, *, read_only: bool = False) -> "SQLite":
        """A database with the newest schema. `path` may be `:memory:`.

        `Locked` if another process writes it, `Corrupt` if it is damaged or not a ledger, `TooNew` if a newer fleet
        made it, `InvalidInput` if it cannot be where it should be, `Unwritable` or `DiskFailed` if the disk is full or
        broken. Read-only takes no lock, makes no file, and needs one that exists.
        """
        return await cls.over(SQLiteFile(path, read_only=read_only))

    @classmethod
    async def over(cls, file: SQLiteFile) -> "SQLite":
        """The same over a file of the caller's making."""
        database = cls(file)
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(database._writing, database._open)
        except BaseException:
            await database.close()
            raise
        return database

    def __init__(self, file: SQLiteFile) -> None:
        self.writer: str | None = None
        self._file = file
        self._queries = positional(load_queries(read_sql("queries.sql")))
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="ledger-write")
        self._reading = self._writing if file.alone else ThreadPoolExecutor(1, thread_name_prefix="ledger-read")
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._queue = GroupCommit(self, self._writing)
        self._closed = False
        self._renewed = False  # and not one commit has worked since
        self.wal = Wal(file)
        self._committed_s: Callable[[float], object] = lambda _: None

    def __repr__(self) -> str:
        return f"<SQLite {self._file.path} [{len(self._queue)} waiting{', closed' if self._closed else ''}]>"

    def _open(self) -> None:
        self._file.hold()
        try:
            if not self._file.read_only:
                self._writer = self._file.writer()
            self._reader = self._writer if self._file.alone else self._file.reader()
        except sqlite3.Error as error:
            told = translated if self._file.read_only else still_failing
            raise told(error, self._file.path) from error

    async def write(self, work: Callable[[Transaction], T], /, *, committed: Callable[[], object] | None = None) -> T:
        """See `Database.write`. Works that wait at the same time share one transaction and one fsync."""
        if self._file.read_only:
            raise InvalidInput(f"{self._file.path}: the ledger is open for reading only")
        if self._closed:
            raise RuntimeError(f"{self._file.path}: the ledger is closed")
        return await self._queue.write(work, committed)

    def commit(self, works: Sequence[Work]) -> list[Any]:
        """See `Engine.commit`."""
        if self._writer is None:
            self._writer = self._file.renewed()
            self._renewed = True
        if self._file.moved():
            raise Corrupt(
                f"{self._file.path}: was moved, removed or replaced while fleet had it open; start fleet again"
            )
        self.wal.keep_short(self._writer)
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                outcomes = self._run(connection, works)
                began = time.perf_counter()
                connection.execute("COMMIT")
                self._committed_s(time.perf_counter() - began)
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            if primary(error) not in POISON or self._file.alone:
                raise
            self._writer = None
            connection.close()
            if self._renewed:
                raise still_failing(error, self._file.path) from error
            raise
        self._renewed = False
        return outcomes

    def _run(self, connection: sqlite3.Connection, works: Sequence[Work]) -> list[Any]:
        transaction = SQLiteTransaction(connection, self._queries)
        try:
            return [work(transaction) for work in works]
        except Exception as error:
            if primary(error) in POISON:
                raise
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        return [isolated(connection, transaction, work) for work in works]

    async def read(self, work: Callable[[Transaction], T], /) -> T:
        """See `Database.read`."""
        return await self._on_reader(partial(self._snapshot, work))

    async def check(self) -> list[str]:
        """See `Database.check`."""
        return await self._on_reader(integrity)

    async def back_up(self, copy: Path) -> None:
        """See `Database.back_up`."""
        await self._on_reader(partial(back_up, copy=copy))

    async def _on_reader(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise RuntimeError(f"{self._file.path}: the ledger is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, self._read, work)
        except sqlite3.Error as error:
            raise translated(error, self._file.path) from error

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        assert self._reader is not None  # noqa: S101
        try:
            return work(self._reader)
        except sqlite3.Error as error:
            if primary(error) != sqlite3.SQLITE_IOERR or self._file.alone:
                raise
        try:
            self._reader.close()
            self._reader = self._file.reader()
            return work(self._reader)
        except sqlite3.Error as error:
            raise still_failing(error, self._file.path) from error

    def _snapshot(self, work: Callable[[Transaction], T], connection: sqlite3.Connection) -> T:
        connection.execute("BEGIN")
        try:
            return work(SQLiteTransaction(connection, self._queries))
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def is_unwritten(self, error: BaseException) -> bool:
        """See `Engine.is_unwritten`."""
        return is_unwritten(error)

    def is_foreign(self, error: BaseException) -> bool:
        """See `Engine.is_foreign`."""
        return isinstance(error, sqlite3.Error)

    def translated(self, error: BaseException) -> BaseException:
        """See `Engine.translated`."""
        return translated(error, self._file.path)

    def health(self) -> Health:
        """See `Database.health`."""
        file = self._file
        room = (file.wal_bytes(), file.size_bytes(), file.free_bytes())
        return Health(self._queue.trouble, self._queue.failed_commits, *room)

    @property
    def rewinds(self) -> int:
        """See `Database.rewinds`: a file forgets nothing that was synced."""
        return 0

    def observe(self, committed_s: Callable[[float], object]) -> None:
        """See `Database.observe`."""
        self._committed_s = committed_s

    @property
    def upgraded_from(self) -> Path | None:
        """See `Database.upgraded_from`."""
        return self._file.copy

    async def close(self) -> None:
        """See `Database.close`. The last one to leave folds the WAL into the file."""
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        try:
            await self._queue.finish()
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
