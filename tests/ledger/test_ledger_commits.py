"""Group commit: one fsync for all who wait, one failure for the one who fails, and no answer before the disk has it."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fleet.core.errors import Corrupt, Unwritable
from fleet.ledger.database import Transaction
from fleet.ledger.sqlite.database import SQLite

Work = Callable[[Transaction], int]


def begin(source: str) -> Work:
    """A work that writes one row."""
    return lambda tx: tx.run("begin_manifest", source=source, digest=None)


def fail_after(work: Work, error: Exception) -> Work:
    """A work that writes, and then fails."""

    def both(tx: Transaction) -> int:
        work(tx)
        raise error

    return both


def written(tx: Transaction) -> list[str]:
    """The sources that were written, in order."""
    return [row[1] for row in tx.all("manifests")]


class FailingConnection:
    """A connection on which one statement fails once, as the disk would make it fail."""

    def __init__(self, connection: sqlite3.Connection, statement: str, code: int) -> None:
        self._connection = connection
        self._statement: str | None = statement
        self._code = code

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql == self._statement:
            self._statement = None
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = self._code
            raise error
        return self._connection.execute(sql, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SQLite]:
    """An open database."""
    database = await SQLite.open(f"{tmp_path}/fleet.db")
    yield database
    await database.close()


@pytest.fixture
def statements(database: SQLite) -> list[str]:
    """Every statement that the writer runs from now on."""
    heard: list[str] = []
    assert database._writer is not None
    database._writer.set_trace_callback(heard.append)
    return heard


async def test_all_who_wait_share_one_commit(database: SQLite, statements: list[str]) -> None:
    """A hundred writes at once are one transaction, without a savepoint."""
    results = await asyncio.gather(*(database.write(begin(str(number))) for number in range(100)))

    assert results == [1] * 100
    assert statements[0] == "BEGIN IMMEDIATE"
    assert statements.count("COMMIT") == 1
    assert not any("SAVEPOINT" in statement for statement in statements)
    assert len(await database.read(written)) == 100


async def test_one_failure_is_one_failure(database: SQLite, statements: list[str]) -> None:
    """Those that fail after they have written leave nothing, raise their own error, and cost no other its write."""
    works = [begin(str(number)) for number in range(10)]
    works[3] = fail_after(works[3], KeyError("three"))
    works[8] = fail_after(works[8], OSError("eight"))

    outcomes = await asyncio.gather(*map(database.write, works), return_exceptions=True)

    assert [repr(outcomes[3]), repr(outcomes[8])] == ["KeyError('three')", "OSError('eight')"]
    assert [outcome for outcome in outcomes if outcome == 1] == [1] * 8
    assert await database.read(written) == [str(number) for number in range(10) if number not in (3, 8)]
    assert statements.count("COMMIT") == 1


@pytest.mark.parametrize("statement", ["COMMIT", "BEGIN IMMEDIATE"])
@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR_FSYNC])
async def test_nobody_is_told_of_a_commit_that_failed(database: SQLite, statement: str, code: int) -> None:
    """All of the batch fail with `Unwritable`, an error of their own each; none happened; the next batch works."""
    told: list[str] = []
    await database.write(begin("before"))
    database._writer = FailingConnection(database._writer, statement, code)  # type: ignore[assignment,arg-type]

    outcomes = await asyncio.gather(
        *(database.write(begin(str(number)), committed=partial(told.append, "told")) for number in range(5)),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [Unwritable] * 5
    assert len(set(map(id, outcomes))) == 5
    assert told == []
    assert await database.read(written) == ["before"]
    assert await database.write(begin("after"), committed=partial(told.append, "told")) == 1
    assert told == ["told"]
    assert await database.read(written) == ["before", "after"]


async def test_after_an_io_error_the_connection_is_not_trusted(database: SQLite) -> None:
    """An fsync that failed once may lie the next time: the file is opened and checked anew."""
    failing = FailingConnection(database._writer, "COMMIT", sqlite3.SQLITE_IOERR_FSYNC)  # type: ignore[arg-type]
    database._writer = failing  # type: ignore[assignment]
    with pytest.raises(Unwritable):
        await database.write(begin("lost"))

    await database.write(begin("after"))

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        failing.execute("SELECT 1")
    assert await database.read(written) == ["after"]


async def test_an_io_error_inside_a_work_is_not_tried_again(database: SQLite) -> None:
    """The work does not run a second time on a connection that cannot be trusted: its batch fails."""
    sql, _ = database._queries["begin_manifest"]
    failing = FailingConnection(database._writer, sql, sqlite3.SQLITE_IOERR_WRITE)  # type: ignore[arg-type]
    database._writer = failing  # type: ignore[assignment]

    outcomes = await asyncio.gather(*(database.write(begin(name)) for name in "ab"), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Unwritable] * 2
    assert database._writer is None
    assert await database.write(begin("after")) == 1
    assert await database.read(written) == ["after"]


async def test_damage_that_shows_up_later_is_corrupt(database: SQLite) -> None:
    """A damaged page under a write is `Corrupt`, with what to do."""
    failing = FailingConnection(database._writer, "COMMIT", sqlite3.SQLITE_CORRUPT)  # type: ignore[arg-type]
    database._writer = failing  # type: ignore[assignment]

    with pytest.raises(Corrupt, match="restore a backup"):
        await database.write(begin("lost"))


async def test_a_full_disk_stops_who_needs_space_until_there_is_some(database: SQLite) -> None:
    """`Unwritable` while the disk is full, nothing half written, and the same write works once there is space."""
    assert database._writer is not None
    (pages,) = database._writer.execute("PRAGMA page_count").fetchone()
    database._writer.execute(f"PRAGMA max_page_count = {pages}")
    large = begin("x" * 100_000)

    with pytest.raises(Unwritable, match="full"):
        await database.write(large)

    assert await database.read(written) == []
    database._writer.execute(f"PRAGMA max_page_count = {pages + 1_000}")
    assert await database.write(large) == 1


async def test_another_programs_lock_passes(database: SQLite, tmp_path: Path) -> None:
    """A backup tool that holds the file makes writes `Unwritable` after the busy timeout, and nothing else."""
    assert database._writer is not None
    database._writer.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(tmp_path / "fleet.db", isolation_level=None)) as backup:
        backup.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unwritable, match="locked"):
            await database.write(begin("early"))
        backup.execute("ROLLBACK")

    assert await database.write(begin("late")) == 1


async def test_a_reader_waits_for_no_writer(database: SQLite) -> None:
    """While a write is going on, a read returns what was committed before."""
    await database.write(begin("before"))
    entered, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(tx: Transaction) -> int:
        rows = begin("slow")(tx)
        loop.call_soon_threadsafe(entered.set)
        go_on.wait()
        return rows

    writer = asyncio.create_task(database.write(slow))
    await entered.wait()
    seen = await database.read(written)
    go_on.set()

    assert seen == ["before"]
    assert await writer == 1
    assert await database.read(written) == ["before", "slow"]


async def test_a_writer_waits_for_no_reader(database: SQLite) -> None:
    """While a read is going on, writes are committed; the read goes on seeing the state that it began with."""
    await database.write(begin("before"))
    entered, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(tx: Transaction) -> list[str]:
        first = written(tx)
        loop.call_soon_threadsafe(entered.set)
        go_on.wait()
        return [*first, *written(tx)]

    reader = asyncio.create_task(database.read(slow))
    await entered.wait()
    await database.write(begin("during"))
    go_on.set()

    assert await reader == ["before", "before"]


async def test_a_read_that_fails_leaves_the_reader_usable(database: SQLite) -> None:
    """The error is the caller's own; the next read works."""
    with pytest.raises(KeyError):
        await database.read(lambda tx: tx.all("no such query"))

    assert await database.read(written) == []


async def test_a_writer_that_was_cancelled_before_its_turn_writes_nothing(database: SQLite) -> None:
    """Who no longer waits when the batch begins is left out of it."""
    first = asyncio.create_task(database.write(begin("first")))
    second = asyncio.create_task(database.write(begin("second")))
    await asyncio.sleep(0)

    first.cancel()

    assert await second == 1
    assert await database.read(written) == ["second"]
    assert "0 waiting" in repr(database)


class InlineLoop(asyncio.SelectorEventLoop):
    """A loop without threads, as a simulation has it: what belongs into an executor runs at once."""

    def run_in_executor(self, executor: Any, function: Callable[..., Any], *arguments: Any) -> Any:
        future = self.create_future()
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future


def test_a_loop_without_threads_will_do(tmp_path: Path) -> None:
    """In a simulated loop everything runs in the loop's own thread, with the same results."""

    async def use() -> list[str]:
        threads = threading.active_count()
        database = await SQLite.open(f"{tmp_path}/fleet.db")
        outcomes = await asyncio.gather(
            database.write(begin("one")),
            database.write(fail_after(begin("two"), KeyError("two"))),
            database.write(begin("three")),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [int, KeyError, int]
        assert threading.active_count() == threads
        last = asyncio.create_task(database.write(begin("four")))
        await asyncio.sleep(0)
        await database.close()
        assert await last == 1
        database = await SQLite.open(f"{tmp_path}/fleet.db")
        found = await database.read(written)
        await database.close()
        return found

    with asyncio.Runner(loop_factory=InlineLoop) as runner:
        assert runner.run(use()) == ["one", "three", "four"]
