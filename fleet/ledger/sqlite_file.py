"""A ledger's file: where it may be, who may open it, and the settings of its connections."""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fleet.core.errors import Corrupt, InvalidInput
from fleet.ledger.lock import Lock
from fleet.ledger.schema import MIGRATIONS, check, damaged, migrate, verify

__all__ = ["SQLiteFile"]

CHECKPOINT_PAGES: Final = 20_000
CACHE_KIB: Final = 64 * 1024
_MAGIC: Final = b"SQLite format 3\0"
_MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK: Final = ("nfs", "cifs", "smb", "9p", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.s3fs")


class SQLiteFile:
    """The file at `path`, or a database in memory. It is opened by `hold`, then by `writer` and `reader`."""

    def __init__(self, path: str, *, read_only: bool = False, migrations: Sequence[str] = MIGRATIONS) -> None:
        self.in_memory = path == ":memory:"
        self.path = Path(path) if self.in_memory else Path(path).absolute()
        self.read_only = read_only and not self.in_memory
        self._migrations = migrations
        self._lock: Lock | None = None

    def hold(self) -> None:
        """Nobody else can open the file for writing; it exists. For reading only: it exists."""
        if self.in_memory:
            return
        if not self.path.parent.is_dir():
            raise InvalidInput(f"{self.path}: its directory does not exist; make it first")
        if self.path.is_dir():
            raise InvalidInput(f"{self.path}: this is a directory; the ledger is a file")
        if self.read_only:
            if not self.path.exists():
                raise InvalidInput(f"{self.path}: there is no ledger yet; fleet run or fleet serve makes one")
            self._recognise()
            return
        if kind := network_file_system(self.path.parent, _MOUNTS):
            raise InvalidInput(f"{self.path}: is on {kind}, where SQLite cannot work safely; put it on a local disk")
        self._lock = Lock(self.path)
        self._make()

    def release(self) -> None:
        """Somebody else may hold the file."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def writer(self) -> sqlite3.Connection:
        """The one connection that writes, to a file that is whole and has the newest schema."""
        connection = self._connect(":memory:" if self.in_memory else f"{self._uri()}?mode=rw")
        try:
            version = check(connection, self.path, read_only=False, migrations=self._migrations)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {CHECKPOINT_PAGES * 4096}")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            migrate(connection, None if self.in_memory else self.path, version, self._migrations)
            verify(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def reader(self) -> sqlite3.Connection:
        """A connection that cannot write, and never waits for one that does."""
        try:
            return self._read(f"{self._uri()}?mode=ro")
        except sqlite3.OperationalError:
            wal = self._beside("-wal")
            if not self.read_only or (wal.exists() and wal.stat().st_size):
                raise
            # a directory without write permission and no writer at work: nothing can change under an immutable file
            return self._read(f"{self._uri()}?immutable=1")

    def _read(self, uri: str) -> sqlite3.Connection:
        connection = self._connect(uri)
        try:
            connection.execute("PRAGMA query_only = ON")
            check(connection, self.path, read_only=True, migrations=self._migrations)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, uri: str) -> sqlite3.Connection:
        # the threads are ours to keep apart; a simulated loop has but one
        connection = sqlite3.connect(
            uri, uri=True, timeout=5.0, isolation_level=None, cached_statements=256, check_same_thread=False
        )
        connection.execute("PRAGMA temp_store = MEMORY")  # /tmp may be full, or not ours to write
        return connection

    def _make(self) -> None:
        """The file exists, for its owner alone."""
        wal = self._beside("-wal")
        if (not self.path.exists() or not self.path.stat().st_size) and wal.exists() and wal.stat().st_size:
            raise Corrupt(f"{self.path}: is missing or empty, but {wal.name} is not. Put back the file, or remove both")
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            self.path.chmod(0o600)
        except FileExistsError:
            if not os.access(self.path, os.R_OK | os.W_OK):
                raise InvalidInput(f"{self.path}: may not be written by this user") from None
            self._recognise()
        except OSError as error:
            raise InvalidInput(f"{self.path}: cannot be made ({error.strerror})") from error

    def _recognise(self) -> None:
        """The file is empty or begins as a database does; SQLite itself overwrites other files of under 512 bytes."""
        try:
            with self.path.open("rb") as file:
                head = file.read(len(_MAGIC))
        except OSError as error:
            raise InvalidInput(f"{self.path}: cannot be read ({error.strerror})") from error
        if head and head != _MAGIC:
            raise damaged(self.path, "it is not a database")

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _uri(self) -> str:
        return f"file:{quote(str(self.path))}"


def network_file_system(directory: Path, mounts: Path) -> str | None:
    """The kind of network file system that holds the directory, or None; WAL needs shared memory (wal.html).

    `mounts` is in the form of Linux's /proc/self/mountinfo; where it is missing, nothing is known.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    place, best, kind = directory.resolve(), "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4].replace("\\040", " ")
        if place.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, after.split(" ")[0]
    return kind if kind.startswith(_NETWORK) else None
