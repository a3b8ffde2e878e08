"""What PostgreSQL's errors mean for the ledger.

The classes of SQLSTATE codes are PostgreSQL's own (documentation, appendix A). What another try, another minute or an
administrator can mend is `Unwritable`: fleet waits, says why, and starts nothing meanwhile.
"""

from typing import Final

import psycopg
from psycopg import errors

from fleet.core.errors import Corrupt, FleetError, Misconfigured, Unwritable

__all__ = ["is_lost", "is_unwritten", "refused", "translated", "worth_another_try"]

_COLLIDED: Final = (errors.SerializationFailure, errors.DeadlockDetected)
_DAMAGE: Final = (errors.DataCorrupted, errors.IndexCorrupted)
_OURS: Final = (psycopg.IntegrityError, psycopg.DataError)
_RIGHTS: Final = (errors.InsufficientPrivilege, errors.InvalidSchemaName)
_ENTRY: Final = ("28", "3D")  # invalid authorization; no such database
# libpq gives no code for what is said to it before there is a session
_TURNED_AWAY: Final = ("authentication failed", "no password supplied", "no pg_hba.conf entry", "does not exist")


def worth_another_try(error: BaseException) -> bool:
    """Whether nothing happened, and the same works may be run again at once: a deadlock, or two that collided."""
    return isinstance(error, _COLLIDED)


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone: the server ended, was ended, or is out of reach."""
    if isinstance(error, errors.QueryCanceled | errors.LockNotAvailable | errors.DiskFull):
        return False
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not worth_another_try(error)


def is_unwritten(error: BaseException) -> bool:
    """Whether the database could not do it, which is no fault of the work."""
    return isinstance(error, Unwritable | Corrupt) or (
        isinstance(error, psycopg.Error) and not isinstance(error, (*_OURS, psycopg.ProgrammingError))
    )


def translated(error: BaseException, place: str) -> BaseException:
    """The error as fleet knows it; each waiting task gets one of its own."""
    ours: Exception
    if isinstance(error, FleetError):
        ours = type(error)(*error.args)
    elif not isinstance(error, psycopg.Error):
        return error
    elif isinstance(error, _OURS):
        ours = ValueError(f"{place}: the ledger refuses a row ({_said(error)})")
    elif isinstance(error, _DAMAGE):
        ours = Corrupt(f"{place}: PostgreSQL finds its data damaged ({_said(error)}). Restore it from a backup")
    elif isinstance(error, psycopg.ProgrammingError) and not isinstance(error, _RIGHTS):
        return error  # a wrong statement, or a table that is gone: it never passes, however long we wait
    else:
        ours = Unwritable(f"{place}: the ledger cannot be used now ({_said(error)})")
    ours.__cause__ = error
    return ours


def refused(error: psycopg.Error, place: str) -> FleetError:
    """The error for a database that could not even be opened: `Misconfigured` where waiting does not mend it."""
    said = _said(error)
    if isinstance(error, _RIGHTS):
        what = "its role lacks a right that fleet needs; see docs/replicas.md for the GRANT statements"
    elif (error.sqlstate or "").startswith(_ENTRY) or any(words in said for words in _TURNED_AWAY):
        what = "it does not let fleet in; check the user, the password or [ledger] password_file, and the database"
    elif "certificate" in said or "SSL" in said:
        what = "its TLS certificate cannot be trusted; check sslmode and sslrootcert in [ledger] url"
    else:
        return Unwritable(
            f"{place}: the ledger cannot be reached now ({said}). Start the database, open the way to it, or correct "
            "[ledger] url; fleet doctor looks whether it answers"
        )
    return Misconfigured(f"ledger.url: {place}: {what} ({said})")


def _said(error: psycopg.Error) -> str:
    """What the server or libpq said, on one line. Neither ever repeats a password."""
    return " ".join((error.diag.message_primary or str(error) or type(error).__name__).split())
