"""A ledger on a real PostgreSQL when the server, the way to it or its administrator fails."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from fleet.core.errors import Fenced, Misconfigured, Unwritable
from fleet.core.job import State
from fleet.ledger import Ledger
from fleet.ledger.database import Transaction
from fleet.ledger.postgres import line
from fleet.ledger.postgres.database import PostgreSQL as Database
from fleet.ledger.postgres.line import Server
from tests.contract.conftest import planned
from tests.faults.replicas.gate import Cut, Gate, gates
from tests.postgres import PostgreSQL, Stop

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def database(postgres: PostgreSQL) -> Iterator[str]:
    """The name of an empty database."""
    name = postgres.create_database()
    yield name
    postgres.drop_database(name)


@pytest.fixture
async def ledger(postgres: PostgreSQL, database: str) -> AsyncIterator[Ledger]:
    """An empty ledger."""
    async with await Ledger.open(postgres.url(database)) as opened:
        yield opened


@pytest.fixture
def gate(postgres: PostgreSQL) -> Iterator[Gate]:
    """A way to the server that can be cut."""
    with gates((postgres.host, postgres.port), 1) as (one,):
        yield one


async def plan(ledger: Ledger, number: int) -> int:
    manifest = await ledger.begin_manifest("test", None)
    return (await ledger.add(manifest.id, [(number, planned(number))])).new


@pytest.mark.parametrize("mode", [Stop.FAST, Stop.IMMEDIATE, None], ids=["fast", "immediate", "SIGKILL"])
async def test_a_restarted_server_is_found_again(ledger: Ledger, postgres: PostgreSQL, mode: Stop | None) -> None:
    """Writes and reads go on by themselves, without one that fails, and what was written before is there."""
    await plan(ledger, 1)

    if mode is None:
        await asyncio.to_thread(postgres.kill)
        await asyncio.to_thread(postgres.start)
    else:
        await asyncio.to_thread(postgres.restart, mode)

    assert await plan(ledger, 2) == 1
    assert len(await ledger.jobs()) == 2


async def test_a_server_that_is_gone_makes_the_ledger_unwritable(ledger: Ledger, postgres: PostgreSQL) -> None:
    """Reads and writes say so without delay, the health tells why, and it passes by itself."""
    await asyncio.to_thread(postgres.stop)
    try:
        with pytest.raises(Unwritable, match="cannot be used now"):
            await plan(ledger, 1)
        with pytest.raises(Unwritable, match="cannot be used now"):
            await ledger.counts()
        trouble = ledger.health().trouble
    finally:
        await asyncio.to_thread(postgres.start)

    assert trouble is not None
    assert await plan(ledger, 1) == 1
    assert ledger.health().trouble is None


async def test_a_way_that_hangs_is_cut(
    postgres: PostgreSQL, database: str, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no answer ever comes the line is cut from outside, and the works are run on a new one."""
    monkeypatch.setattr(line, "HUNG_S", 1.0)
    async with await Ledger.open(postgres.url(database, port=gate.port)) as ledger:
        await plan(ledger, 1)
        await asyncio.to_thread(gate.shut, Cut.HANG)

        waiting = asyncio.ensure_future(plan(ledger, 2))
        with pytest.raises(Unwritable):
            await ledger.counts()
        await asyncio.to_thread(gate.open)

        assert await waiting in (0, 1)  # 0: the first try arrived as well, when the way was open again
        assert len(await ledger.jobs()) == 2


@pytest.mark.parametrize("arrives", [True, False], ids=["committed", "never arrived"])
async def test_a_commit_whose_answer_is_lost_is_looked_up(
    postgres: PostgreSQL, database: str, gate: Gate, arrives: bool
) -> None:
    """The writer's own row tells whether it happened: the work is run exactly once in the end, and the caller told."""
    async with await database_of(postgres, database, gate) as opened:
        await opened.write(lambda tx: tx.run("add_lane", name="before"))
        runs: list[str] = []
        cut = threading.Event()

        def work(tx: Transaction) -> int:
            runs.append("run")
            added = tx.run("add_lane", name=f"lane {len(runs)}")
            if len(runs) == 1:
                gate.shut(Cut.DEAF if arrives else Cut.HANG)
                cut.set()
            return added

        writing = asyncio.ensure_future(opened.write(work))
        await asyncio.to_thread(cut.wait, 30)
        if arrives:
            await asyncio.to_thread(until_committed, postgres, database, 2)
        await asyncio.to_thread(gate.shut, Cut.RESET)
        await asyncio.to_thread(gate.open)

        assert await writing == 1
        assert len(runs) == (1 if arrives else 2)


async def test_a_deadlock_is_run_again(ledger: Ledger, postgres: PostgreSQL, database: str) -> None:
    """Two writers that lock two lanes crosswise both come to their end."""
    async with await Ledger.open(postgres.url(database)) as other:
        for name in ("a", "b"):
            await ledger._database.write(lambda tx, name=name: tx.run("add_lane", name=name))
        met = asyncio.Barrier(2)
        loop = asyncio.get_running_loop()

        def crosswise(first: str, second: str) -> Callable[[Transaction], int]:
            runs = []

            def work(tx: Transaction) -> int:
                tx.run("set_reconciled", lane=first, at=1.0)
                if not runs:
                    runs.append(1)
                    asyncio.run_coroutine_threadsafe(met.wait(), loop).result(20)
                return tx.run("set_reconciled", lane=second, at=2.0)

            return work

        done = await asyncio.gather(
            ledger._database.write(crosswise("a", "b")), other._database.write(crosswise("b", "a"))
        )

    assert done == [1, 1]


async def test_a_database_that_went_back_is_noticed(postgres: PostgreSQL, database: str) -> None:
    """As after a failover to a standby that lagged: the first write is refused, and the leases count as lost."""
    async with await Ledger.open(postgres.url(database)) as ledger:
        leases = ledger.share(lease_s=30.0, version="test", refused=lambda: None)
        await leases.beat(["lane"], draining=False)
        await leases.take(["lane"])
        postgres.execute("UPDATE writers SET commits = 1", database=database)

        with pytest.raises(Fenced, match="went back"):
            await leases.beat(["lane"], draining=False)
        beat = await leases.beat(["lane"], draining=False)

    assert beat.lost == {"lane"}
    assert leases.held == {}


async def test_a_rotated_password_is_read_again(postgres: PostgreSQL, database: str, tmp_path: Path) -> None:
    """A new connection reads the file anew; until then it is refused with words that name the setting."""
    secret = tmp_path / "password"
    secret.write_text("first\n")
    postgres.execute("CREATE ROLE turning LOGIN PASSWORD 'first'")
    postgres.execute(f'ALTER DATABASE "{database}" OWNER TO turning')
    url = f"postgresql://turning@{postgres.host}:{postgres.port}/{database}"
    try:
        async with await Ledger.open(url, password_file=secret) as ledger:
            await plan(ledger, 1)
            postgres.execute("ALTER ROLE turning PASSWORD 'second'")
            postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'turning'")
            with pytest.raises(Unwritable, match="authentication failed"):
                await plan(ledger, 2)
            secret.write_text("second\n")
            assert await plan(ledger, 2) == 1
        secret.write_text("wrong\n")
        with pytest.raises(Misconfigured, match="password_file"):
            await Ledger.open(url, password_file=secret)
    finally:
        postgres.drop_database(database)
        postgres.execute("DROP ROLE turning")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda url: url.replace("fleet:", "nobody:", 1), "does not let fleet in"),
        (lambda url: url + "_missing", "does not let fleet in"),
        (lambda url: url + "?sslmode=verify-full", "TLS certificate"),
    ],
    ids=["user", "database", "TLS"],
)
async def test_what_waiting_does_not_mend_is_told_at_the_start(
    postgres: PostgreSQL, database: str, change: Callable[[str], str], says: str
) -> None:
    """`Misconfigured` names the setting, and never repeats the password."""
    url = change(postgres.url(database))

    with pytest.raises(Misconfigured, match=says) as caught:
        await Ledger.open(url)

    assert str(caught.value).startswith("ledger.url: ")
    assert "not-a-secret" not in str(caught.value)


async def test_a_role_without_rights_is_told_what_it_lacks(postgres: PostgreSQL, database: str) -> None:
    """The text names the page with the GRANT statements."""
    postgres.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC, fleet", database=database)
    postgres.execute(f'ALTER DATABASE "{database}" OWNER TO postgres')

    with pytest.raises(Misconfigured, match=r"docs/replicas\.md"):
        await Ledger.open(postgres.url(database))


async def test_a_server_that_may_forget_is_told_not_to(postgres: PostgreSQL, database: str) -> None:
    """Where the role's commits are asynchronous by default, those of the ledger are not."""
    postgres.execute(f'ALTER DATABASE "{database}" SET synchronous_commit = off')

    async with await Ledger.open(postgres.url(database)) as ledger:
        setting = await ledger._database.write(_synchronous)

    assert setting == "on"


async def test_a_text_that_the_server_cannot_hold_is_kept_nearly(ledger: Ledger) -> None:
    """A NUL in what AWS says costs no job its place in the ledger."""
    await plan(ledger, 1)
    (job,) = await ledger.jobs(states={State.PENDING})
    (job,) = await ledger.claim(job.lane, limit=1, holder="test")

    await ledger.release(job)
    await ledger.adopt(job, attempt=1, remote_id="with\0nul", submitted_at=None)

    (found,) = await ledger.jobs()
    assert found.remote_id == "with\N{REPLACEMENT CHARACTER}nul"


async def database_of(postgres: PostgreSQL, database: str, gate: Gate) -> "Opened":
    return Opened(await Database.open(Server(postgres.url(database, port=gate.port))))


class Opened:
    """A database, closed on exit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __aenter__(self) -> Database:
        return self._database

    async def __aexit__(self, *_: object) -> None:
        await self._database.close()


def until_committed(postgres: PostgreSQL, database: str, number: int) -> None:
    """The writer's row has this number; the server is asked again and again, and the test's own limit ends it."""
    while postgres.execute("SELECT MIN(commits) FROM writers", database=database) != [(number,)]:
        pass


def _synchronous(tx: Transaction) -> str:
    row = tx._connection.execute("SHOW synchronous_commit").fetchone()  # type: ignore[attr-defined]
    return str(row[0])
