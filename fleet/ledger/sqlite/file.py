"""A ledger's file: where it may be, who may open it, and the settings of its connections."""

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fleet.core.errors import InvalidInput
from fleet.ledger.sqlite.errors import damaged, refused, still_failing
from fleet.ledger.sqlite.lock import Lock
from fleet.ledger.sqlite.schema import CHECK_MAX_S, MIGRATIONS, check, migrate, verify, verify_pair

__all__ = ["CHECKPOINT_PAGES", "SQLiteFile"]

CHECKPOINT_PAGES: Final = 20_000
CACHE_KIB: Final = 64 * 1024
_LEFT_OVER_CHECK_S: Final = 10.0
_MAGIC: Final = b"SQLite format 3\0"
_MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK: Final = ("nfs", "cifs", "smb", "9p", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.s3fs")


class SQLiteFile:
    """The file at `path`, or a database in memory. It is opened by `hold`, then by `writer` and `reader`."""

    def __init__(
        self, path: str, *, read_only: bool = False, guest: bool = False, migrations: Sequence[str] = MIGRATIONS
    ) -> None:
        self.in_memory = path == ":memory:"
        self.path = Path(path) if self.in_memory else Path(path).absolute()
        self.read_only = read_only and not self.in_memory
        self.guest = guest
        """Whether another process holds the file, and this one only puts short transactions between its own."""
        self.alone = self.in_memory
        """Whether the writing connection is the only one there can be, and reads as well."""
        self._migrations = migrations
        self._lock: Lock | None = None
        self._inode: tuple[int, int] | None = None
        self.copy: Path | None = None
        """The copy of an older ledger that was made before it was brought up to date."""

    def hold(self) -> None:
        """Nobody else can open the file for writing; it exists. For reading only: it exists."""
        if self.in_memory:
            return
        if not self.path.parent.is_dir():
            raise InvalidInput(f"{self.path}: its directory does not exist; make it first")
        if self.path.is_dir():
            raise InvalidInput(f"{self.path}: this is a directory; the ledger is a file")
        if self.read_only or self.guest:
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

    def move_aside(self) -> Path | None:
        """The file and all that SQLite put beside it have a name that says so; its new path, None if there was none.

        `Locked` if another process holds it.
        """
        here = [suffix for suffix in ("", "-wal", "-shm", "-journal") if self._beside(suffix).exists()]
        if not here or self.in_memory:
            return None
        lock = Lock(self.path)
        try:
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            name = f"{self.path.name}.damaged-{stamp}"
            aside = self.path.with_name(name)
            for suffix in here:
                self._beside(suffix).rename(self.path.with_name(name + suffix))
        except OSError as error:
            raise refused(self.path, error) from error
        finally:
            lock.release()
        return aside

    def writer(self) -> sqlite3.Connection:
        """The one connection that writes, to a file that is whole and has the newest schema."""
        if self.guest:
            return self._beside_the_holder()
        looked = self._look()
        connection = self._connect(":memory:" if self.in_memory else f"{self._uri()}?mode=rw")
        try:
            version = check(connection, self.path, read_only=False, migrations=self._migrations)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {CHECKPOINT_PAGES * 4096}")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            self.copy = migrate(connection, None if self.in_memory else self.path, version, self._migrations)
            if not looked:
                verify(connection, self.path)
        except OSError as error:
            connection.close()
            raise refused(self.path, error) from error
        except BaseException:
            connection.close()
            raise
        self._inode = self._stat()
        return connection

    def _beside_the_holder(self) -> sqlite3.Connection:
        """A connection that writes to a file which its holder has found whole; folding the WAL is the holder's work."""
        connection = self._connect(f"{self._uri()}?mode=rw")
        try:
            check(connection, self.path, read_only=True, migrations=self._migrations)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
        except BaseException:
            connection.close()
            raise
        self._inode = self._stat()
        return connection

    def _look(self) -> bool:
        """Whether the file was found whole, before anything may change it; `Corrupt` if it is damaged.

        A connection that writes folds the WAL into the file at the latest when it is closed, and a WAL that belongs to
        another file must never get there.
        """
        if self.in_memory or not self.path.stat().st_size:
            return False
        left_over = self.wal_bytes() > 0
        try:
            connection = self._connect(f"{self._uri()}?mode=ro")
        except sqlite3.OperationalError:
            return False
        try:
            check(connection, self.path, read_only=False, migrations=self._migrations)
            if left_over:
                with closing(self._connect(f"{self._uri()}?immutable=1")) as alone:
                    verify_pair(connection, alone, self.path)
            verify(connection, self.path, max_s=_LEFT_OVER_CHECK_S if left_over else CHECK_MAX_S, thorough=left_over)
        except sqlite3.OperationalError:
            return False  # e.g. a rollback journal, which only a writer may play back
        finally:
            connection.close()
        return True

    def renewed(self) -> sqlite3.Connection:
        """A new writing connection after one could not be trusted any more; `DiskFailed` if the disk fails again.

        The file was checked, and everything in the WAL was written to it once more and synced, so that nothing depends
        on what an fsync may have forgotten that failed.
        """
        try:
            connection = self.writer()
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise still_failing(error, self.path) from error
        except OSError as error:
            raise refused(self.path, error) from error
        return connection

    def moved(self) -> bool:
        """Whether the file was moved, removed or replaced while it was open: what is written now would be lost."""
        return self._inode is not None and self._stat() != self._inode

    def wal_bytes(self) -> int:
        """How large the WAL is."""
        try:
            return os.stat(f"{self.path}-wal").st_size
        except OSError:
            return 0

    def size_bytes(self) -> int:
        """How large the file is, with its WAL."""
        try:
            return os.stat(self.path).st_size + self.wal_bytes()
        except OSError:
            return 0

    def free_bytes(self) -> int | None:
        """How much room this user has where the file is; None for a ledger in memory."""
        try:
            room = os.statvfs(self.path)
        except OSError:
            return None
        return room.f_bavail * room.f_frsize

    def _stat(self) -> tuple[int, int] | None:
        if self.in_memory:
            return None
        try:
            found = os.stat(self.path)
        except OSError:
            return (0, 0)
        return (found.st_dev, found.st_ino)

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
            raise damaged(self.path, f"it is missing or empty, but {wal.name} is not")
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            self.path.chmod(0o600)
        except FileExistsError:
            if not os.access(self.path, os.R_OK | os.W_OK):
                raise InvalidInput(f"{self.path}: may not be written by this user") from None
            self._recognise()
        except OSError as error:
            raise refused(self.path, error) from error

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
