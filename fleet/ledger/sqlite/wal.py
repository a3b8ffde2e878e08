"""How long the WAL may become.

SQLite folds it into the file at a commit once it has `CHECKPOINT_PAGES`, as far as readers let it, and begins it anew
when none reads (wal.html, "Avoiding excessively large WAL files"). Readers who take turns never let it; one that reads
for hours keeps all of it.
"""

import sqlite3
from typing import Final

from fleet.core.errors import Unwritable
from fleet.ledger.sqlite.file import CHECKPOINT_PAGES, SQLiteFile

__all__ = ["Wal"]

_LONG_BYTES: Final = 2 * CHECKPOINT_PAGES * 4096
_MAX_BYTES: Final = 4 << 30
_BUSY_MS: Final = 250


class Wal:
    """The WAL of a file. From `max_bytes` on nothing is written, so that the disk is not filled for everybody."""

    def __init__(self, file: SQLiteFile, *, long_bytes: int = _LONG_BYTES, max_bytes: int = _MAX_BYTES) -> None:
        self.long_bytes = long_bytes
        self.max_bytes = max_bytes
        self._file = file
        self._tried_bytes = 0

    def keep_short(self, connection: sqlite3.Connection) -> None:
        """A long WAL is folded in and cut, readers who take turns having been waited for, each time it has grown.

        `Unwritable` if it has reached its limit, because somebody reads for too long.
        """
        wal_bytes = self._file.wal_bytes()
        if wal_bytes < self.long_bytes:
            self._tried_bytes = 0
            return
        if wal_bytes < min(self._tried_bytes + self.long_bytes // 2, self.max_bytes):
            return
        self._tried_bytes = wal_bytes
        ((patience_ms,),) = connection.execute("PRAGMA busy_timeout").fetchall()
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
        if (wal_bytes := self._file.wal_bytes()) >= self.max_bytes:
            raise Unwritable(
                f"{self._file.path}: another program has been reading the ledger for so long that its WAL has "
                f"{wal_bytes >> 20:,} MiB; end that program (see: fuser {self._file.path})"
            )
