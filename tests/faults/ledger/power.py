"""Power that fails at any moment: a VFS that knows what was synced, and the files that are left when it was not.

A ledger's own code runs once over apsw, whose VFS writes down every operation on the files and every word of what the
ledger acknowledged. Afterwards any moment of that log is a power loss: what was synced is on the disk; of what was not,
nothing is, or some of it in any order, or half of a write (SQLite, atomiccommit.html and fullsync). The left files are
then opened by the ledger as it is shipped.

WAL under a VFS in Python has no shared memory, hence locking_mode = exclusive: one connection, the rest is the same.
"""

import asyncio
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import apsw
import pytest

from fleet.core.identity import intent
from fleet.ledger import Ledger
from fleet.ledger.sqlite import file as sqlite_file
from fleet.ledger.sqlite.database import SQLite
from fleet.ledger.sqlite.file import SQLiteFile
from tests.faults.ledger.writer import CHECKPOINT_PAGES, use

__all__ = ["Loss", "Recording", "left_after", "recorded"]

_SECTOR_BYTES: Final = 512


class Loss(StrEnum):
    """What becomes of the writes that were not synced."""

    ALL = "all"  # none of them is on the disk
    SOME = "some"  # each of them is or is not, by chance
    TORN = "torn"  # the same, and of some only a part of the sectors


@dataclass(frozen=True, slots=True)
class Op:
    """One thing that happened: a write, truncate, sync or delete of a file, or something that was acknowledged."""

    what: str
    file: str = ""
    offset: int = 0
    data: bytes = b""


@dataclass(slots=True)
class Recording:
    """All that happened to a ledger's files, in order."""

    ops: list[Op] = field(default_factory=list)

    def moments(self) -> list[int]:
        """Every length of the log at which the power can fail: after each operation on a file."""
        return [number for number, op in enumerate(self.ops, start=1) if op.what != "ack"]

    def acknowledged(self, moment: int) -> list[tuple[str, str]]:
        """What the ledger had said to be durable by then."""
        return [(op.file, op.data.decode()) for op in self.ops[:moment] if op.what == "ack"]


class _File(apsw.VFSFile):  # type: ignore[misc, unused-ignore]
    def __init__(self, log: list[Op], name: Any, flags: Sequence[int]) -> None:
        super().__init__("", name, flags)
        self._log = log
        self._name = Path(name.filename() if hasattr(name, "filename") else name).name

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._log.append(Op("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._log.append(Op("truncate", self._name, size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._log.append(Op("sync", self._name))


class _Vfs(apsw.VFS):  # type: ignore[misc, unused-ignore]
    def __init__(self, name: str, log: list[Op]) -> None:
        super().__init__(name, "")
        self._log = log

    def xOpen(self, name: Any, flags: Sequence[int]) -> _File:  # noqa: N802
        return _File(self._log, name, flags)

    def xDelete(self, name: str, sync_directory: bool) -> None:  # noqa: N802
        super().xDelete(name, sync_directory)
        self._log.append(Op("delete", Path(name).name, int(sync_directory)))


class _Rows:
    """What a statement of the standard library's sqlite3 returns."""

    def __init__(self, rows: list[tuple[Any, ...]], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows[0] if self._rows else None

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._rows)


class _Connection:
    """apsw in the shape of the standard library's connection, as far as the ledger uses it."""

    def __init__(self, path: str, vfs: str, synchronous: str) -> None:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        self._apsw = apsw.Connection(path, vfs=vfs, flags=flags)
        self._synchronous = synchronous
        self.execute("PRAGMA locking_mode = exclusive")

    @property
    def in_transaction(self) -> bool:
        return bool(self._apsw.in_transaction)

    def execute(self, sql: str, params: Sequence[Any] = ()) -> _Rows:
        if sql == "PRAGMA synchronous = FULL":
            sql = f"PRAGMA synchronous = {self._synchronous}"
        rows = list(self._apsw.execute(sql, params or None))
        return _Rows(rows, self._apsw.changes())

    def executemany(self, sql: str, many: Iterable[Sequence[Any]]) -> _Rows:
        return _Rows([], sum(self.execute(sql, params).rowcount for params in many))

    def executescript(self, script: str) -> None:
        list(self._apsw.execute(script))

    def set_progress_handler(self, handler: Any, every: int) -> None:
        self._apsw.set_progress_handler(handler, every or 100)

    def close(self) -> None:
        self._apsw.close()


class _PoweredFile(SQLiteFile):
    """The ledger's file, opened through the VFS that keeps the log."""

    def __init__(self, path: str, vfs: str, synchronous: str) -> None:
        super().__init__(path)
        self.alone = True
        self._vfs_name = vfs
        self._synchronous = synchronous

    def _connect(self, uri: str) -> Any:
        return _Connection(str(self.path), self._vfs_name, self._synchronous)


def recorded(directory: Path, *, jobs: int, synchronous: str = "FULL", close: bool = True) -> Recording:
    """What happens to the files while a ledger brings so many jobs through their life, with this `synchronous`."""
    recording = Recording()
    name = f"power-{directory}"
    vfs = _Vfs(name, recording.ops)

    def say(word: str, key: str) -> None:
        recording.ops.append(Op("ack", word, data=key.encode()))

    async def work() -> None:
        database = await SQLite.over(_PoweredFile(f"{directory}/fleet.db", name, synchronous))
        async with Ledger(database, wall=lambda: 1_700_000_000.0, intent=intent) as ledger:
            await use(ledger, jobs, say)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_file, "CHECKPOINT_PAGES", CHECKPOINT_PAGES)
        asyncio.run(work())
    vfs.unregister()
    return recording


def left_after(recording: Recording, moment: int, loss: Loss, rng: random.Random) -> Mapping[str, bytes]:
    """The files as they are when the power comes back, by name."""
    disk: dict[str, bytearray] = {"fleet.db": bytearray()}
    waiting: dict[str, list[Op]] = {}
    for op in recording.ops[:moment]:
        if op.what == "sync":
            if op.file not in disk:
                _sync_names(disk, waiting)
            for done in waiting.pop(op.file, []):
                _apply(disk, done)
            disk.setdefault(op.file, bytearray())
        elif op.what == "delete" and op.offset:
            waiting.pop(op.file, None)
            disk.pop(op.file, None)
        elif op.what != "ack":
            waiting.setdefault(op.file, []).append(op)
    if loss is not Loss.ALL:
        for op in (op for ops in waiting.values() for op in ops):
            if rng.random() < 0.5:
                _apply(disk, _torn(op, rng) if loss is Loss.TORN and rng.random() < 0.5 else op)
    return {name: bytes(content) for name, content in disk.items()}


def _sync_names(disk: dict[str, bytearray], waiting: dict[str, list[Op]]) -> None:
    """The first sync of a new file syncs its directory too (os_unix.c, UNIXFILE_DIRSYNC), and so all deletes in it."""
    for name, ops in list(waiting.items()):
        if any(op.what == "delete" for op in ops):
            disk.pop(name, None)
            del waiting[name]


def _apply(disk: dict[str, bytearray], op: Op) -> None:
    if op.what == "delete":
        disk.pop(op.file, None)
        return
    content = disk.setdefault(op.file, bytearray())
    if op.what == "truncate":
        del content[op.offset :]
        return
    end = op.offset + len(op.data)
    content.extend(bytes(max(0, end - len(content))))
    content[op.offset : end] = op.data


def _torn(op: Op, rng: random.Random) -> Op:
    """The write with only its first sectors."""
    kept = rng.randrange(0, len(op.data) + 1, _SECTOR_BYTES) if op.what == "write" else len(op.data)
    return Op(op.what, op.file, op.offset, op.data[:kept])
