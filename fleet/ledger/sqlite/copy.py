"""Copies of a SQLite file: whole, of one moment, on the disk, and for the owner alone."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from fleet.core.errors import InvalidInput
from fleet.ledger.sqlite.errors import refused, translated

__all__ = ["back_up", "copy_to"]


def back_up(connection: sqlite3.Connection, copy: Path) -> None:
    """A copy under a name that nothing has yet; after a failure or a crash there is nothing of that name.

    `InvalidInput` if there is something, or it cannot be made; `Unwritable` if there is no room.
    """
    copy = copy.absolute()
    if copy.exists() or copy.is_symlink():
        raise InvalidInput(f"{copy}: exists already; give the backup another name")
    part = copy.with_name(f"{copy.name}.part")
    try:
        part.unlink(missing_ok=True)
        copy_to(connection, part)
        part.rename(copy)
        _sync(copy.parent)
    except OSError as error:
        raise refused(copy, error) from error
    except sqlite3.Error as error:
        raise translated(error, copy) from error
    finally:
        part.unlink(missing_ok=True)


def copy_to(connection: sqlite3.Connection, copy: Path) -> None:
    """The whole database as it is at one moment, in a new file. Others may go on writing meanwhile.

    `FileExistsError` if there is something of that name.
    """
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    copy.chmod(0o600)
    with closing(sqlite3.connect(copy)) as target:
        connection.backup(target)
        # a copy in WAL mode would need the right to write its directory only to be read
        target.execute("PRAGMA journal_mode = DELETE")
    _sync(copy.parent)


def _sync(directory: Path) -> None:
    """The names in the directory are on the disk."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
