"""A replica among others on a real PostgreSQL: it takes, gives and trusts its leases as the clock of the test says."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import anyio
import pytest

from fleet.app.sharing import Sharing
from fleet.core.errors import Fenced, TooNew
from fleet.core.job import Event, State
from fleet.ledger import Ledger
from fleet.telemetry import Telemetry
from tests.conftest import HandClock
from tests.contract.conftest import LANE, OTHER_LANE, planned
from tests.faults.replicas.gate import Cut, Gate, gates
from tests.postgres import PostgreSQL

LEASE_S = 10.0
LEASES = (str(LANE), str(OTHER_LANE))


class PacedClock(HandClock):
    """Sleepers wake when the test has moved the time that far."""

    async def sleep(self, seconds: float) -> None:
        await self.reach(self.now() + seconds)


class Member:
    """A replica with a task for each lease, which tells when it works."""

    def __init__(self, ledger: Ledger, clock: PacedClock) -> None:
        self.ledger = ledger
        self.telemetry = Telemetry()
        self.works: set[str] = set()
        self.was: Counter[str] = Counter()
        self.moved = anyio.Event()
        self.stopping = anyio.Event()
        self.leases = ledger.share(lease_s=LEASE_S, version="test", refused=self.telemetry.fenced_writes.inc)
        self.sharing = Sharing(
            self.leases,
            {name: lambda stopping, name=name: self._work(name, stopping) for name in LEASES},
            clock=clock,
            rng=random.Random(1),
            telemetry=self.telemetry,
            joined=anyio.Event(),
            seconds=clock.monotonic,
        )

    async def _work(self, name: str, stopping: anyio.Event) -> None:
        self._tell(name, began=True)
        try:
            await stopping.wait()
        finally:
            self._tell(name, began=False)

    def _tell(self, name: str, *, began: bool) -> None:
        (self.works.add if began else self.works.discard)(name)
        self.was[name] += began
        self.moved.set()
        self.moved = anyio.Event()

    async def until(self, count: int, clock: PacedClock | None = None) -> None:
        """It works for so many leases; meanwhile the time goes on, where a clock is given."""
        while len(self.works) != count:
            if clock is None:
                await self.moved.wait()
            else:
                clock.advance(0.2)
                await anyio.sleep(0.002)  # the database takes real time

    def transitions(self, word: str) -> float:
        return self.telemetry.registry.get_sample_value("fleet_lease_transitions_total", {"transition": word}) or 0.0


@pytest.fixture
def clock() -> PacedClock:
    """The time of all replicas."""
    return PacedClock()


@pytest.fixture
def database(postgres: PostgreSQL) -> Iterator[str]:
    """The name of an empty database."""
    name = postgres.create_database()
    yield name
    postgres.drop_database(name)


@pytest.fixture
def gate(postgres: PostgreSQL) -> Iterator[Gate]:
    """The way of the first replica to the database."""
    with gates((postgres.host, postgres.port), 1) as (one,):
        yield one


@pytest.fixture
async def first(postgres: PostgreSQL, database: str, gate: Gate, clock: PacedClock) -> AsyncIterator[Member]:
    """A replica behind the gate, which has not begun."""
    async with await Ledger.open(postgres.url(database, port=gate.port)) as ledger:
        yield Member(ledger, clock)
        gate.open()


@pytest.fixture
async def second(postgres: PostgreSQL, database: str, clock: PacedClock) -> AsyncIterator[Member]:
    """Another one."""
    async with await Ledger.open(postgres.url(database)) as ledger:
        yield Member(ledger, clock)


async def test_one_replica_holds_all_and_gives_half_to_the_next(
    first: Member, second: Member, clock: PacedClock
) -> None:
    """The hand-over is asked for, not forced; and who leaves gives everything back at once."""
    async with anyio.create_task_group() as group:
        group.start_soon(first.sharing.run, first.stopping)
        await first.until(2)
        group.start_soon(second.sharing.run, second.stopping)
        await second.until(1, clock)
        assert len(first.works) == 1
        first.stopping.set()
        await second.until(2, clock)
        second.stopping.set()

    leases = await second.ledger.leases_held()
    assert [(lease.holder, lease.left_s <= 0) for lease in leases] == [(None, True)] * 2
    assert await second.ledger.replicas() == []
    assert (first.transitions("handed_over"), first.transitions("lost"), first.transitions("stepped_down")) == (2, 0, 0)


@pytest.mark.parametrize("cut", list(Cut))
async def test_a_replica_that_hears_nothing_steps_down_before_another_may_take_over(
    first: Member, clock: PacedClock, gate: Gate, cut: Cut
) -> None:
    """Its tasks are cancelled while the lease still lasts by the database's clock, and nothing is trusted any more."""
    async with anyio.create_task_group() as group:
        group.start_soon(first.sharing.run, first.stopping)
        await first.until(2)
        assert not first.sharing.cut_off()
        await asyncio.to_thread(gate.shut, cut)
        cut_at = clock.monotonic()
        await first.until(0, clock)
        passed_s = clock.monotonic() - cut_at
        group.cancel_scope.cancel()

    assert passed_s < LEASE_S
    assert not first.sharing.trusted()
    assert first.sharing.cut_off()
    assert first.leases.held == {}
    assert first.transitions("stepped_down") == 2


async def test_what_a_paused_replica_writes_is_refused(
    first: Member, second: Member, postgres: PostgreSQL, database: str
) -> None:
    """Another one took the lane while it slept: its claims and records change nothing, are told apart and counted."""
    manifest = await first.ledger.begin_manifest("test", None)
    await first.ledger.add(manifest.id, [(number, planned(number)) for number in (1, 2)])
    await first.leases.beat(LEASES, draining=False)
    await first.leases.take(LEASES)
    (job,) = await first.ledger.claim(LANE, limit=1, holder="first")
    postgres.execute("UPDATE leases SET expires_at = now()", database=database)
    await second.leases.beat(LEASES, draining=False)
    assert await second.leases.take(LEASES) == list(LEASES)

    for write in (
        first.ledger.record(job, Event.ACCEPTED, remote_id="1" * 32),
        first.ledger.claim(LANE, limit=1, holder="first"),
        first.ledger.release(job),
        first.ledger.set_reconciled(LANE, 1.0),
    ):
        with pytest.raises(Fenced, match="another replica"):
            await write

    assert [found.state for found in await second.ledger.jobs()] == [State.SUBMITTING, State.PENDING]
    assert first.telemetry.registry.get_sample_value("fleet_fenced_writes_total") == 4
    beat = await first.leases.beat(LEASES, draining=False)
    assert beat.lost == set(LEASES)


async def test_a_lease_that_is_written_to_is_not_taken_from_under_the_writer(
    first: Member, second: Member, postgres: PostgreSQL, database: str
) -> None:
    """A write that passed the fence holds the lease until its commit: another one takes it after that, or not."""
    await first.leases.beat(LEASES, draining=False)
    await first.leases.take(LEASES)
    postgres.execute("UPDATE leases SET expires_at = now()", database=database)
    await second.leases.beat(LEASES, draining=False)
    loop = asyncio.get_running_loop()
    meanwhile: list[list[str]] = []

    def work(_: object) -> None:
        taking = asyncio.run_coroutine_threadsafe(second.leases.take(LEASES), loop)
        meanwhile.append(taking.result(20))

    await first.leases.write(LEASES[0], work)

    assert meanwhile == [[LEASES[1]]]
    assert await second.leases.take(LEASES[:1]) == [LEASES[0]]


async def test_a_replica_that_is_too_old_by_now_writes_nothing_more(
    first: Member, postgres: PostgreSQL, database: str
) -> None:
    """Once a newer fleet has raised what a writer must know, beats and lane writes end in `TooNew`, which says so."""
    await first.leases.beat(LEASES, draining=False)
    await first.leases.take(LEASES)
    postgres.execute("UPDATE fleet_schema SET version = 99, min_code = 99", database=database)

    with pytest.raises(TooNew, match="newer fleet"):
        await first.leases.beat(LEASES, draining=False)
    with pytest.raises(TooNew, match="newer fleet"):
        await first.ledger.claim(LANE, limit=1, holder="first")
