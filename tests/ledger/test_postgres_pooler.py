"""The ledger behind a real pgbouncer in transaction pooling: every transaction may come to another session."""

import os
import pwd
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.core.job import Event, State
from fleet.ledger import Ledger
from tests.contract.conftest import FACTS, planned
from tests.deploy.tools import found
from tests.postgres import PostgreSQL

_PACKAGES = ("pgbouncer", "libevent-2.1-7", "libc-ares2")


@pytest.fixture
def pooled(postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty database behind a pooler that has two connections to share."""
    words = found("pgbouncer", *_PACKAGES)
    database = postgres.create_database()
    home = tmp_path_factory.mktemp("pooler")
    port = _free_port()
    password = Path(postgres.password_file).read_text(encoding="utf-8")
    (home / "users.txt").write_text(f'"fleet" "{password}"\n')
    (home / "pooler.ini").write_text(
        f"[databases]\n{database} = host={postgres.host} port={postgres.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = plain\n"
        f"auth_file = {home}/users.txt\npool_mode = transaction\ndefault_pool_size = 2\nunix_socket_dir =\n"
        "ignore_startup_parameters = extra_float_digits\n"
    )
    if os.geteuid() == 0:  # it refuses to stay root
        with (home / "pooler.ini").open("a") as settings:
            settings.write("user = nobody\n")
        for path in (home, *home.iterdir()):
            os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
        for path in [home, *home.parents][:3]:
            path.chmod(path.stat().st_mode | 0o055)
    with subprocess.Popen([*words, str(home / "pooler.ini")], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while "process up" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        yield postgres.url(database, port=port)
        process.terminate()
        process.stderr.read()
    postgres.drop_database(database)


async def test_a_ledger_works_behind_a_pooler_of_transactions(pooled: str) -> None:
    """Two writers and their readers share two sessions: jobs, leases and fences do what they do without a pooler."""
    async with await Ledger.open(pooled) as ledger, await Ledger.open(pooled) as other:
        leases = ledger.share(lease_s=30.0, version="test", refused=lambda: None)
        manifest = await other.begin_manifest("test", None)
        await other.add(manifest.id, [(number, planned(number)) for number in range(1, 101)])
        (lane,) = await ledger.counts()
        await leases.beat([str(lane)], draining=False)
        assert await leases.take([str(lane)]) == [str(lane)]

        claimed = await ledger.claim(lane, limit=50, holder="test")
        for job in claimed:
            await ledger.record(job, Event.ACCEPTED, **{**FACTS[Event.ACCEPTED], "remote_id": f"{job.id:032}"})

        counts = (await other.counts())[lane]
        assert (counts[State.RUNNING], counts[State.PENDING]) == (50, 50)
        assert await other.check() == []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
