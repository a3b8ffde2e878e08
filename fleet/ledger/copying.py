"""A ledger copied into an empty one, between databases of any two kinds: whole, or not at all.

One thread reads the source, from one snapshot of it; another writes the target, in one transaction. A few pages of rows
are on their way from one to the other. Before the transaction is committed, the target is read again and compared with
what was read from the source.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from anyio import to_thread

from fleet.core.errors import Corrupt, InvalidInput, Locked
from fleet.ledger.database import Database, Transaction
from fleet.ledger.leases import look
from fleet.ledger.place import check_url, is_shared, server_of, sqlite_path
from fleet.ledger.sqlite.database import SQLite
from fleet.ledger.tables import TABLES, Table

__all__ = ["Contents", "Copied", "Progress", "copy_ledger"]

Progress = Callable[[int, int], object]
"""Is told, in another thread, how many steps of how many are done: a row is one when it is read, and one compared."""

_PAGE: Final = 2_000
_PAGES_UNDER_WAY: Final = 4
_HASH_BYTES: Final = 16
_encode: Final = msgspec.msgpack.Encoder().encode


class Contents(NamedTuple):
    """What is in a table: how many rows, and a sum of their hashes, which does not depend on their order."""

    rows: int
    digest: str


class Copied(NamedTuple):
    """A copy of a ledger: where from and where to, without passwords, and what is in each table of both."""

    source: str
    target: str
    contents: dict[str, Contents]


class _Page(NamedTuple):
    table: Table
    rows: list[tuple[Any, ...]]


class _SourceFailed(Exception):
    """Nothing more comes, because reading the source has raised this error."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class _Sum:
    """The contents of a table, row by row."""

    def __init__(self) -> None:
        self._rows = self._sum = 0

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._rows += len(rows)
        self._sum += sum(int.from_bytes(blake2b(_encode(row), digest_size=_HASH_BYTES).digest(), "big") for row in rows)

    def contents(self) -> Contents:
        return Contents(self._rows, f"{self._sum % (1 << 8 * _HASH_BYTES):0{2 * _HASH_BYTES}x}")


class _Pipe:
    """Pages on their way from one thread to another, and after them what they were. Broken off, it stays so."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[_Page | dict[str, Contents]] = deque()
        self._broken: BaseException | None = None

    def put(self, item: _Page | dict[str, Contents]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._broken or len(self._waiting) < _PAGES_UNDER_WAY)
            if self._broken:
                raise self._broken.error if isinstance(self._broken, _SourceFailed) else self._broken
            self._waiting.append(item)
            self._changed.notify_all()

    def get(self) -> _Page | dict[str, Contents]:
        with self._changed:
            self._changed.wait_for(lambda: self._broken or self._waiting)
            if self._broken:
                raise self._broken
            item = self._waiting.popleft()
            self._changed.notify_all()
            return item

    def break_off(self, error: BaseException) -> None:
        """Whoever waits, or comes later, gets this error; the first one counts."""
        with self._changed:
            self._broken = self._broken or error
            self._changed.notify_all()


async def copy_ledger(
    source: str,
    target: str,
    *,
    source_password_file: Path | None = None,
    target_password_file: Path | None = None,
    lease_s: float,
    progress: Progress = lambda done, total: None,
) -> Copied:
    """All of the ledger at one URL is in the empty one at the other, with the same ids.

    Characters that PostgreSQL cannot hold (U+0000) are U+FFFD there. The target is made where it is missing. Whatever
    goes wrong, it is as empty as before. Nobody else writes either ledger meanwhile: `Locked` if another process holds
    one in a file, or a replica has been seen within `lease_s` at a shared one. `InvalidInput` if there is no source or
    the target has jobs or manifests, `Corrupt` if the two were not the same in the end. Other errors as for
    `Ledger.open`.
    """
    check_url(target)
    _refuse_the_same(source, target)
    read_from = await _open_source(source, source_password_file)
    try:
        write_to = await _open(target, target_password_file)
        try:
            both = _Copy(_Place(source, read_from), _Place(target, write_to), lease_s, progress)
            return Copied(both.source.name, both.target.name, await _copy(both))
        finally:
            await write_to.close()
    finally:
        await read_from.close()


class _Place:
    """A ledger that is open."""

    def __init__(self, url: str, database: Database) -> None:
        self.database = database
        self.shared = database.writer is not None
        self.name = server_of(url).name if self.shared else url


class _Copy:
    """Both ends of one copy, each for a thread of its own."""

    def __init__(self, source: _Place, target: _Place, lease_s: float, progress: Progress) -> None:
        self.source, self.target = source, target
        self.pipe = _Pipe()
        self._lease_s = lease_s
        self._progress = progress

    def send(self, tx: Transaction) -> None:
        """In the source: every page has been taken, or the pipe is broken."""
        try:
            self._send(tx)
        except BaseException as error:
            # a database may run a work again that failed: then it fails again, for the pages are gone
            self.pipe.break_off(_SourceFailed(error))
            raise

    def _send(self, tx: Transaction) -> None:
        self._hold(self.source, tx)
        row = tx.one("copied_rows")
        total, done = 2 * int(row[0] if row else 0), 0
        sums = {table.name: _Sum() for table in TABLES}
        for table, rows in _pages(tx):
            readable = [tuple(map(_without_nul, row)) for row in rows] if self.target.shared else rows
            sums[table.name].add(readable)
            self.pipe.put(_Page(table, readable))
            done += len(rows)
            self._progress(done, total)
        self.pipe.put({name: found.contents() for name, found in sums.items()})

    def receive(self, tx: Transaction) -> dict[str, Contents]:
        """In the target: all that came is there, and is what was read at the source."""
        try:
            return self._receive(tx)
        except BaseException as error:
            self.pipe.break_off(error)
            raise

    def _receive(self, tx: Transaction) -> dict[str, Contents]:
        self._hold(self.target, tx)
        if any(tx.page(table, None, 1) for table in TABLES if table.name in ("jobs", "manifests")):
            raise InvalidInput(
                f"{self.target.name}: this ledger has jobs or manifests already, and nothing was copied; "
                "give an empty database or the name of a new file"
            )
        for left_over in ("clear_orphans", "clear_tallies", "clear_lanes", "clear_requests"):
            tx.run(left_over)
        while isinstance(item := self.pipe.get(), _Page):
            tx.load(item.table, item.rows)
        self._compare(tx, item)
        if self.target.shared:
            tx.all("number_on")
            tx.run("analyze")
        return item

    def _compare(self, tx: Transaction, wanted: dict[str, Contents]) -> None:
        """`Corrupt` unless the target has exactly this, and its tallies are a count of its jobs."""
        rows = done = sum(found.rows for found in wanted.values())
        sums = {table.name: _Sum() for table in TABLES}
        for table, page in _pages(tx):
            sums[table.name].add(page)
            done += len(page)
            self._progress(done, 2 * rows)
        differ = [name for name, found in sums.items() if found.contents() != wanted[name]]
        if tx.all("wrong_tallies"):
            differ.append("tallies")
        if differ:
            raise Corrupt(
                f"{self.target.name}: would not be the same as {self.source.name} ({', '.join(differ)}); "
                "nothing was copied. fleet ledger check tells whether the source is sound"
            )

    def _hold(self, place: _Place, tx: Transaction) -> None:
        """Nobody else changes the ledger until the transaction ends, however long it takes."""
        if not place.shared:
            return  # the file is locked, and its writing transaction keeps wishes of other processes out
        tx.run("lock_tables")  # before the snapshot is taken, which the first SELECT does
        tx.all("lift_limits")
        leases, replicas = look(tx)
        living = {replica.name for replica in replicas if replica.seen_s < self._lease_s}
        living |= {str(lease.holder) for lease in leases if lease.holder and lease.left_s > 0}
        if living:
            raise Locked(
                f"{place.name}: a replica works on this ledger ({', '.join(sorted(living))}); stop all replicas, wait "
                f"until none was seen for {self._lease_s:g} s, and copy then. Nothing was copied"
            )


async def _copy(both: _Copy) -> dict[str, Contents]:
    source = both.source.database
    # a transaction that writes is the only way to keep other processes' wishes out of a file
    reads = source.read if both.source.shared else source.write
    reading = asyncio.ensure_future(reads(both.send))
    try:
        return await both.target.database.write(both.receive)
    except _SourceFailed:
        await reading
        raise
    finally:
        both.pipe.break_off(RuntimeError("nobody waits for the copy any more"))
        await asyncio.gather(reading, return_exceptions=True)


def _pages(tx: Transaction) -> Iterator[_Page]:
    """All rows of all tables, each table after those that it points to."""
    for table in TABLES:
        rows = tx.page(table, None, _PAGE)
        while rows:
            yield _Page(table, rows)
            rows = tx.page(table, table.key(rows[-1]), _PAGE) if len(rows) == _PAGE else []


def _without_nul(value: Any) -> Any:
    """The value without the one character that PostgreSQL's text cannot hold."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if type(value) is str and "\0" in value else value


def _refuse_the_same(source: str, target: str) -> None:
    same = source == target
    if not is_shared(source) and not is_shared(target):
        paths = [Path(sqlite_path(url)) for url in (source, target)]
        if ":memory:" in map(str, paths):
            raise InvalidInput("a ledger in memory ends with its process; copy it from or to a file or a database")
        same = paths[0].resolve() == paths[1].resolve()
    if same:
        raise InvalidInput("both URLs name the same ledger; nothing was copied")


async def _open_source(url: str, password_file: Path | None) -> Database:
    """The database of a ledger that is there. In a file it is ours alone; on a server nothing of it can be changed."""
    if is_shared(url):
        return await _open(url, password_file, read_only=True)
    if not await to_thread.run_sync(Path(sqlite_path(url)).exists):
        raise InvalidInput(f"{url}: there is no ledger to copy")
    return await _open(url, password_file)


async def _open(url: str, password_file: Path | None, *, read_only: bool = False) -> Database:
    if is_shared(url):
        server = server_of(url, password_file=password_file)
        from fleet.ledger.postgres.database import PostgreSQL  # which nobody needs who has the ledger in a file

        return await PostgreSQL.open(server, read_only=read_only)
    return await SQLite.open(sqlite_path(url))
