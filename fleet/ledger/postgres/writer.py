"""The one writer of a process to a ledger on PostgreSQL: a transaction for many works, to an end that is known.

Each transaction counts itself in this writer's row of the table `writers`: where the answer to a COMMIT is lost, that
row tells whether it happened. It is read under its lock, so that the answer waits for a server that is still about to
commit. Nothing is ever repeated on a guess.

Deadlocks and collisions are run again, a few times; a connection that breaks before its COMMIT leaves nothing behind,
and the works are run again on a new one. What is still failing then is `Unwritable`.
"""

import os
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from fleet.core.errors import Fenced, Unwritable
from fleet.ledger.database import Transaction
from fleet.ledger.group_commit import Failed, Work
from fleet.ledger.postgres.errors import is_lost, is_unwritten, translated, worth_another_try
from fleet.ledger.postgres.line import LIMITS, Line
from fleet.ledger.postgres.queries import PostgresTransaction, postgres_queries

__all__ = ["Writer"]

_TRIES: Final = 4
_SETTLE_S: Final = 10.0
_FOLD_EVERY: Final = 50  # commits: as many rows as that are summed at a glance
_COUNTED: Final = (
    "INSERT INTO writers AS writer (name, commits, seen_at) VALUES ({}, 1, clock_timestamp()) "
    "ON CONFLICT (name) DO UPDATE SET commits = writer.commits + 1, seen_at = clock_timestamp() RETURNING commits"
)


class Writer:
    """An `Engine` on a line. `place` names the database for people; all methods are for the writing thread."""

    def __init__(self, line: Line, place: str) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        self.committed_s: Callable[[float], object] = lambda _: None
        self.rewinds = 0
        """How often the database had forgotten a commit that it had acknowledged, as after a failover."""
        self._last = 0
        self._writer = line
        self._place = place
        self._queries = postgres_queries()
        self._begin = self._begin_with("")

    def insist(self) -> None:
        """What was promised to be durable is so, whatever the server's default says of losing the last moments."""
        self._begin = self._begin_with("SET LOCAL synchronous_commit = on; ")

    def _begin_with(self, more: str) -> str:
        return f"BEGIN; {LIMITS}{more}{sql.SQL(_COUNTED).format(self.name).as_string()}"

    def commit(self, works: Sequence[Work]) -> list[Any]:
        """See `Engine.commit`."""
        for turn in range(1, _TRIES + 1):
            try:
                return self._once(works)
            except psycopg.Error as error:
                if turn == _TRIES or not (worth_another_try(error) or is_lost(error)):
                    raise
        raise AssertionError  # the last turn returns or raises

    def _once(self, works: Sequence[Work]) -> list[Any]:
        """One transaction, from its beginning to an end that is known."""
        line = self._writer
        try:
            number = self._begun()
            outcomes = self._run(works)
            if number % _FOLD_EVERY == 0:
                PostgresTransaction(line.same(), self._queries, line).run("fold_tallies")
        except BaseException:
            self._undo()
            raise
        began = time.perf_counter()
        try:
            ended = line.say("COMMIT").statusmessage
        except psycopg.Error as error:
            self._undo()
            if not is_lost(error) or not self._happened(number):
                raise
            ended = "COMMIT"
        if ended != "COMMIT":  # PostgreSQL answers so where a statement before it failed
            raise Unwritable(f"{self._place}: the transaction was rolled back")
        self._last = number
        self.committed_s(time.perf_counter() - began)
        return outcomes

    def _begun(self) -> int:
        """The writer is in a transaction; its number."""
        row = self._writer.begin(self._begin).fetchone()
        assert row is not None  # noqa: S101
        number = int(row[0])
        if number <= self._last:
            self._last = 0
            self.rewinds += 1
            raise Fenced(f"{self._place}: the database went back to an earlier state; its lanes are reconciled anew")
        return number

    def _run(self, works: Sequence[Work]) -> list[Any]:
        connection = self._writer.same()
        transaction = PostgresTransaction(connection, self._queries, self._writer)
        if len(works) == 1:
            return [works[0](transaction)]
        try:
            return [work(transaction) for work in works]
        except Exception as error:
            if worth_another_try(error) or is_lost(error):
                raise
        self._writer.say("ROLLBACK")
        self._begun()
        return [self._isolated(connection, transaction, work) for work in works]

    def _isolated(self, connection: "psycopg.Connection[Any]", transaction: Transaction, work: Work) -> Any:
        """What the work returned, or `Failed` with nothing of it left. Raises if the whole transaction is gone."""
        self._writer.say("SAVEPOINT work")
        try:
            result = work(transaction)
        except Exception as error:
            if connection.closed or worth_another_try(error) or is_lost(error):
                raise
            self._writer.say("ROLLBACK TO work")
            result = Failed(error)
        self._writer.say("RELEASE work")
        return result

    def _undo(self) -> None:
        """The writer is in no transaction."""
        try:
            if self._writer.same().info.transaction_status != TransactionStatus.IDLE:
                self._writer.say("ROLLBACK")
        except psycopg.Error:
            self._writer.drop()

    def _happened(self, number: int) -> bool:
        """Whether this writer's transaction of this number was committed, although nobody heard the answer."""
        until = time.monotonic() + _SETTLE_S
        ask = f"BEGIN; {LIMITS}{self._count_of_commits()}"
        while True:
            self._writer.drop()
            try:
                row = self._writer.begin(ask).fetchone()
                self._writer.say("ROLLBACK")
            except psycopg.Error as error:
                if time.monotonic() > until:
                    raise Unwritable(f"{self._place}: whether the last commit happened is not known yet") from error
                time.sleep(0.1)  # in the database's own thread, which has nothing else to do
                continue
            return row is not None and int(row[0]) >= number

    def _count_of_commits(self) -> str:
        return sql.SQL("SELECT commits FROM writers WHERE name = {} FOR UPDATE").format(self.name).as_string()

    def is_unwritten(self, error: BaseException) -> bool:
        """See `Engine.is_unwritten`."""
        return is_unwritten(error)

    def is_foreign(self, error: BaseException) -> bool:
        """See `Engine.is_foreign`."""
        return isinstance(error, psycopg.Error)

    def translated(self, error: BaseException) -> BaseException:
        """See `Engine.translated`."""
        return translated(error, self._place)

    def leave(self) -> None:
        """Nothing of this writer is left in the database, and its line is closed."""
        with suppress(psycopg.Error):
            self._writer.get().execute("DELETE FROM writers WHERE name = %s", (self.name,))
        self._writer.drop()
