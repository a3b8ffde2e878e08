"""The ledger in a PostgreSQL database, which several replicas may share.

Works that wait at the same time share one transaction (`group_commit.py`), as with SQLite; there is one connection that
writes (`writer.py`) and one that reads, each in a thread of its own.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import psycopg

from fleet.core.errors import InvalidInput
from fleet.ledger.database import Health, Transaction
from fleet.ledger.group_commit import GroupCommit
from fleet.ledger.postgres.errors import is_lost, refused, translated
from fleet.ledger.postgres.line import LIMITS, Line, Server
from fleet.ledger.postgres.queries import PostgresTransaction, postgres_queries
from fleet.ledger.postgres.schema import POSTGRES_MIGRATIONS, bring_up_to_date
from fleet.ledger.postgres.writer import Writer
from fleet.ledger.wall import steady_wall

__all__ = ["PostgreSQL"]

T = TypeVar("T")

_READ: Final = f"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; {LIMITS}"


class PostgreSQL:
    """A `Database` on a server."""

    @classmethod
    async def open(
        cls, server: Server, *, read_only: bool = False, migrations: Sequence[str] = POSTGRES_MIGRATIONS
    ) -> "PostgreSQL":
        """A database with the newest schema, or a newer one that lets us write.

        `Misconfigured` if it does not let us in, `Unwritable` if it is out of reach, `TooNew` if a newer fleet made it
        and must not be disturbed, `Corrupt` if its tables are another program's. Read-only needs a ledger that exists.
        """
        database = cls(server, read_only=read_only)
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(database._writing, partial(database._open, migrations))
        except BaseException:
            await database.close()
            raise
        database._watch(loop)
        return database

    def __init__(self, server: Server, *, read_only: bool) -> None:
        self.name = server.name
        self.wall: Callable[[], float] = time.time
        """Now, in Unix seconds of the database's clock as it was when this was opened."""
        self._read_only = read_only
        self._queries = postgres_queries()
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="ledger-write")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="ledger-read")
        self._to_write, self._to_read = Line(server), Line(server)
        self._engine = Writer(self._to_write, self.name)
        self.writer: str | None = self._engine.name
        self._queue = GroupCommit(self._engine, self._writing)
        self._watching: asyncio.TimerHandle | None = None
        self._opened = self._closed = False

    def __repr__(self) -> str:
        return f"<PostgreSQL {self.name} [{len(self._queue)} waiting{', closed' if self._closed else ''}]>"

    def _open(self, migrations: Sequence[str]) -> None:
        try:
            connection = self._to_write.get()
            bring_up_to_date(connection, self.name, read_only=self._read_only, migrations=migrations)
            row = connection.execute(
                "SELECT EXTRACT(EPOCH FROM clock_timestamp())::float8, current_setting('synchronous_commit')"
            ).fetchone()
        except psycopg.Error as error:
            raise refused(error, self.name) from error
        now, synchronous = row or (time.time(), "on")
        self.wall = steady_wall(now)
        if synchronous == "off":
            self._engine.insist()
        self._opened = True

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Once a second: a line that hangs is cut, because a dead peer may never say so."""
        for line in (self._to_write, self._to_read):
            line.cut_if_hung(time.monotonic())
        self._watching = loop.call_later(1.0, self._watch, loop)

    async def write(self, work: Callable[[Transaction], T], /, *, committed: Callable[[], object] | None = None) -> T:
        """See `Database.write`. Works that wait at the same time share one transaction and one commit."""
        if self._read_only:
            raise InvalidInput(f"{self.name}: the ledger is open for reading only")
        if self._closed:
            raise RuntimeError(f"{self.name}: the ledger is closed")
        return await self._queue.write(work, committed)

    async def read(self, work: Callable[[Transaction], T], /) -> T:
        """See `Database.read`."""
        if self._closed:
            raise RuntimeError(f"{self.name}: the ledger is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, self._snapshot, work)
        except psycopg.Error as error:
            raise translated(error, self.name) from error

    def _snapshot(self, work: Callable[[Transaction], T]) -> T:
        line = self._to_read
        try:
            line.begin(_READ)
        except psycopg.Error as error:
            if not is_lost(error):
                raise
            line.drop()  # the server was started again since: nothing has been asked yet
            line.begin(_READ)
        try:
            result = work(PostgresTransaction(line.same(), self._queries, line))
            line.say("COMMIT")
        except BaseException:
            with suppress(psycopg.Error):
                line.say("ROLLBACK")
            raise
        return result

    async def check(self) -> list[str]:
        """See `Database.check`: the server looks after its own files (checksums, amcheck)."""
        return []

    async def back_up(self, copy: Path) -> None:
        """See `Database.back_up`."""
        raise InvalidInput(
            f"{self.name}: a ledger on PostgreSQL is backed up with pg_dump; "
            "`fleet ledger copy` writes it into a SQLite file"
        )

    def health(self) -> Health:
        """See `Database.health`. What its files take is the server's matter."""
        return Health(self._queue.trouble, self._queue.failed_commits, 0)

    @property
    def rewinds(self) -> int:
        """See `Database.rewinds`."""
        return self._engine.rewinds

    def observe(self, committed_s: Callable[[float], object]) -> None:
        """See `Database.observe`."""
        self._engine.committed_s = committed_s

    @property
    def upgraded_from(self) -> Path | None:
        """See `Database.upgraded_from`: no copy is made here; a backup is the administrator's."""
        return None

    async def close(self) -> None:
        """See `Database.close`."""
        if self._closed:
            return
        self._closed = True
        if self._watching is not None:
            self._watching.cancel()
        loop = asyncio.get_running_loop()
        try:
            await self._queue.finish()
        finally:
            await loop.run_in_executor(self._reading, self._to_read.drop)
            await loop.run_in_executor(self._writing, self._leave)
            self._reading.shutdown()
            self._writing.shutdown()

    def _leave(self) -> None:
        if self._opened and not self._read_only:
            self._engine.leave()
        self._to_write.drop()
