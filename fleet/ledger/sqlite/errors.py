"""What SQLite's errors mean for the ledger, and what the operating system says of a disk that fails.

SQLite tells a full disk (SQLITE_FULL) from an I/O error, but calls a spent quota, a file system that became read-only
and a broken disk all SQLITE_IOERR. The first two pass, the last does not: `disk_error` asks the disk itself.
"""

import errno
import os
import shlex
import sqlite3
import tempfile
from pathlib import Path
from typing import Final

from fleet.core.errors import Corrupt, DiskFailed, FleetError, InvalidInput, Unwritable

__all__ = ["POISON", "damaged", "disk_error", "is_unwritten", "primary", "refused", "still_failing", "translated"]

POISON: Final = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""After these no connection is trusted: an fsync that failed may succeed the next time without having written."""

_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE})
_PASSES: Final = _NO_ROOM | {errno.EACCES, errno.EPERM}
_PROBE_BYTES: Final = 16 * 1024


def damaged(place: object, what: object) -> Corrupt:
    """The error for a file that SQLite cannot trust, with the commands that help."""
    path = Path(str(place))
    here, name = shlex.quote(str(path.parent)), shlex.quote(path.name)
    return Corrupt(
        f"{place}: the ledger is damaged ({what}). It was left as it is. Keep it, and do one of these:\n"
        f"  restore a backup:    cd {here} && mkdir damaged && mv {name}* damaged/ && cp BACKUP {name}\n"
        f"  recover, where sqlite3 can (that of Debian 12 cannot):\n"
        f"                       cd {here} && mkdir damaged && mv {name}* damaged/ && "
        f"sqlite3 damaged/{name} .recover | sqlite3 {name} && fleet ledger check\n"
        f"  rebuild:             fleet ledger rebuild MANIFEST...   (moves the damaged file aside by itself)\n"
        f"Then `fleet run MANIFEST...` goes on: before it starts anything it asks AWS what it has under fleet's names"
    )


def primary(error: BaseException) -> int:
    """The primary result code of a SQLite error; 0 for any other error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def translated(error: BaseException, place: object) -> BaseException:
    """The error as fleet knows it; each waiting task gets one of its own."""
    ours: Exception
    if isinstance(error, FleetError):
        ours = type(error)(*error.args)
    elif not isinstance(error, sqlite3.Error):
        return error
    elif primary(error) in _DAMAGE:
        ours = damaged(place, error)
    elif primary(error) == sqlite3.SQLITE_CONSTRAINT:
        ours = ValueError(f"{place}: the ledger refuses a row ({error})")
    elif primary(error) == sqlite3.SQLITE_IOERR:
        ours = Unwritable(f"{place}: the ledger's disk failed ({error}); the file is opened and checked anew")
    elif isinstance(error, sqlite3.OperationalError) and primary(error) != sqlite3.SQLITE_ERROR:
        ours = Unwritable(f"{place}: the ledger cannot be used now ({error})")
    else:
        return error  # SQLITE_ERROR too: a table that is gone or a wrong statement never passes, however long we wait
    ours.__cause__ = error
    return ours


def is_unwritten(error: BaseException) -> bool:
    """Whether the database could not do it, which is no fault of the work."""
    return isinstance(error, sqlite3.OperationalError | Unwritable | Corrupt | DiskFailed) or primary(error) in POISON


def still_failing(error: sqlite3.Error, place: Path) -> BaseException:
    """The error for a file that could not even be opened and checked anew: `DiskFailed`, unless its cause can pass."""
    if primary(error) not in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return translated(error, place)
    found = disk_error(place.parent)
    if found is not None and found.errno in _PASSES:
        return Unwritable(f"{place}: cannot be written now ({found.strerror})")
    said = f"{error}; {found.strerror}" if found is not None else str(error)
    return DiskFailed(f"{place}: the ledger's disk fails ({said}). Look at the disk before you start fleet again")


def refused(place: Path, error: OSError) -> FleetError:
    """The error for a file that the operating system does not let us write."""
    if error.errno in _NO_ROOM:
        return Unwritable(f"{place}: cannot be written now ({error.strerror})")
    if error.errno == errno.EIO:
        return DiskFailed(f"{place}: the ledger's disk fails ({error.strerror})")
    return InvalidInput(f"{place}: cannot be opened for writing ({error.strerror})")


def disk_error(directory: Path) -> OSError | None:
    """What the operating system says to a small file on the directory's disk; None if all is well.

    It is written with the calls that SQLite uses, pwrite and fdatasync.
    """
    try:
        with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
            os.pwrite(file.fileno(), bytes(_PROBE_BYTES), 0)
            os.fdatasync(file.fileno())
    except OSError as error:
        return error
    return None
