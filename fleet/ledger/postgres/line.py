"""A line to PostgreSQL: one connection that is made when it is needed, and made anew after it broke.

Nothing depends on a session (a pooler such as pgbouncer may give every transaction another one): no prepared
statement, no SET that outlives its transaction, no advisory lock that does, no LISTEN.
"""

import os
import socket
import ssl
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from fleet.core.errors import Misconfigured
from fleet.ledger.postgres.errors import refused

__all__ = ["ANSWER_S", "HUNG_S", "LIMITS", "Line", "Server"]

ANSWER_S: Final = 30.0
"""How long one statement may take before the server gives it up."""

HUNG_S: Final = ANSWER_S + 5.0
"""How long it may take before the line is cut."""

LIMITS: Final = (
    f"SET LOCAL statement_timeout = '{ANSWER_S:.0f}s'; SET LOCAL lock_timeout = '10s'; "
    "SET LOCAL idle_in_transaction_session_timeout = '5s'; "
)
"""How each transaction begins: a replica that stopped in the middle of one holds up nobody for long."""

_NETWORK: Final = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "target_session_attrs": "read-write",
}
_HERE: Final = ("", "localhost", "127.0.0.1", "::1")


class Server:
    """The database of a `postgresql://` URL. `Misconfigured` if libpq cannot read it."""

    def __init__(self, url: str, *, password_file: Path | None = None) -> None:
        try:
            given = conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            # libpq's own text may repeat the URL, and that may hold a password
            raise Misconfigured("ledger.url: is no postgresql:// URL that libpq understands") from None
        hosts = str(given.get("host") or "")
        self._password_file = password_file
        self._given: dict[str, Any] = {**_NETWORK, "application_name": "fleet", **given}
        self.here = all(host in _HERE or host.startswith("/") for host in hosts.split(","))
        """Whether it is on this machine."""
        if not self.here and "sslmode" not in given:
            # a password and other people's prefixes travel: nothing weaker unless somebody asks for it by name
            self._given |= {"sslmode": "verify-full", "sslrootcert": given.get("sslrootcert", _authorities())}
        self.sslmode = str(self._given.get("sslmode", "prefer"))
        ports = str(given.get("port") or "").split(",")
        if "@" in f"{hosts}{given.get('dbname')}" or not all(port.isdigit() for port in ports if port):
            # then libpq takes a part of the password for the host, the port or the database, and would print it
            raise Misconfigured(
                "ledger.url: has an @, / or : where libpq expects none; in a password write %40, %2F, %3A, or use "
                "[ledger] password_file"
            )
        self.name = f"postgresql://{hosts or 'local socket'}/{given.get('dbname') or given.get('user') or ''}"
        if given.get("password") is not None and password_file is not None:
            raise Misconfigured("ledger: the URL holds a password and password_file is given; leave one of them out")

    def connect(self) -> "psycopg.Connection[Any]":
        """A new connection, outside any transaction. The password file is read again for each."""
        given = self._given
        if self._password_file is not None:
            given = {**given, "password": self._password()}
        return psycopg.connect(autocommit=True, prepare_threshold=None, **given)

    def has_ledger(self) -> bool:
        """Whether there is a ledger in the database. `Misconfigured` or `Unwritable` if it cannot be asked."""
        try:
            with self.connect() as connection:
                return connection.execute("SELECT to_regclass('fleet_schema')").fetchone() != (None,)
        except psycopg.Error as error:
            raise refused(error, self.name) from error

    def _password(self) -> str:
        try:
            return Path(str(self._password_file)).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise Misconfigured(f"ledger.password_file: cannot be read ({why})") from error


def _authorities() -> str:
    """The machine's own certificate authorities; the driver's libssl may look for them in another place."""
    return ssl.get_default_verify_paths().cafile or "system"


class Line:
    """At most one open connection, for one thread at a time. `asking_since`: monotonic time since which it waits."""

    def __init__(self, server: Server) -> None:
        self.asking_since: float | None = None
        self._server = server
        self._connection: psycopg.Connection[Any] | None = None

    def get(self) -> "psycopg.Connection[Any]":
        """The connection, outside any transaction. Raises psycopg's error if there is none to be had."""
        if self._connection is None or self._connection.closed:
            self._connection = self._server.connect()
        return self._connection

    def same(self) -> "psycopg.Connection[Any]":
        """The connection as it is, in the middle of a transaction; psycopg's error if it broke since."""
        if self._connection is None or self._connection.closed:
            raise psycopg.OperationalError("the connection broke in the middle of a transaction")
        return self._connection

    def begin(self, statements: str) -> "psycopg.Cursor[Any]":
        """The result of the last of these statements, sent together: the first of a transaction."""
        return self._say(self.get(), statements)

    def say(self, statements: str) -> "psycopg.Cursor[Any]":
        """The same in the middle of a transaction, or at its end."""
        return self._say(self.same(), statements)

    def _say(self, connection: "psycopg.Connection[Any]", statements: str) -> "psycopg.Cursor[Any]":
        self.asking_since = time.monotonic()
        try:
            cursor = connection.execute(statements.encode())
            while cursor.nextset():
                pass
            return cursor
        finally:
            self.asking_since = None

    def drop(self) -> None:
        """The connection is closed; the next one is a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    def cut_if_hung(self, now: float) -> None:
        """From another thread: end a wait that the server should have ended long ago."""
        since, connection = self.asking_since, self._connection
        if since is None or connection is None or now - since < HUNG_S:
            return
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as hung:
            hung.shutdown(socket.SHUT_RDWR)
