"""What people see of replicas that share a ledger on a real PostgreSQL: in `fleet status`, and in doctor's words."""

import os
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from fleet.app.doctor.server import check_server
from fleet.app.overview import overview
from fleet.cli.frame import status_lines
from fleet.cli.screen import Screen
from fleet.core.checkup import Outcome
from fleet.ledger import Leases, Ledger
from fleet.settings import LedgerSettings, Settings
from tests.conftest import make_settings
from tests.contract.conftest import LANE, OTHER_LANE, planned
from tests.postgres import PostgreSQL


@pytest.fixture
def settings(postgres: PostgreSQL) -> Iterator[Settings]:
    """Settings with a ledger in an empty database."""
    database = postgres.create_database()
    ledger = LedgerSettings(url=postgres.url(database), lease_s=30.0)
    yield make_settings("entities").model_copy(update={"ledger": ledger})
    postgres.drop_database(database)


@pytest.fixture
async def ledger(settings: Settings) -> AsyncIterator[Ledger]:
    """A ledger with a pending job in each of two lanes."""
    async with await Ledger.open(settings.ledger.url) as opened:
        manifest = await opened.begin_manifest("test", None)
        await opened.add(manifest.id, [(1, planned(1)), (2, planned(2, lane=OTHER_LANE))])
        yield opened


@pytest.fixture
def leases(ledger: Ledger) -> Leases:
    """A replica's."""
    return ledger.share(lease_s=30.0, version="1.2.3", refused=lambda: None)


async def test_replicas_and_what_they_hold_are_seen(settings: Settings, ledger: Ledger, leases: Leases) -> None:
    """Who runs since when, which lanes it holds, and which nobody holds."""
    await leases.beat([str(LANE), str(OTHER_LANE)], draining=False)
    await leases.take([str(LANE)])

    view = await overview(ledger, settings)

    (replica,) = view.replicas
    assert (replica.host, replica.pid, replica.version) == (socket.gethostname(), os.getpid(), "1.2.3")
    assert list(replica.leases) == [str(LANE)]
    assert {lane.lane: lane.holder for lane in view.lanes} == {LANE: replica.name, OTHER_LANE: None}
    said = "\n".join(status_lines(view, Screen()))
    assert "Running in 1 replica." in said
    assert replica.name in said
    assert f"No replica holds {OTHER_LANE}." in said


async def test_without_a_replica_nothing_runs(settings: Settings, ledger: Ledger, leases: Leases) -> None:
    """One that has left is not shown, and the next step is told."""
    await leases.beat([str(LANE)], draining=False)
    await leases.take([str(LANE)])
    await leases.leave()

    view = await overview(ledger, settings)

    assert (view.running, list(view.replicas)) == (None, [])
    assert "Nothing is running." in "\n".join(status_lines(view, Screen()))


async def test_doctor_looks_at_the_server(settings: Settings, ledger: Ledger, leases: Leases) -> None:
    """It is reached and allowed, what it may forget is told, and the replicas are named."""
    await leases.beat([str(LANE)], draining=False)

    found = {finding.check: finding for finding in await check_server(settings)}

    assert found["ledger"].outcome is Outcome.PASS
    assert "2 jobs" in found["ledger"].found
    assert found["ledger TLS"].outcome is Outcome.PASS
    assert found["ledger durability"].outcome is Outcome.FAIL  # the tests' server is told not to sync
    assert "fsync = on" in (found["ledger durability"].next or "")
    assert leases.replica in found["replicas"].found


async def test_doctor_says_what_a_role_lacks(settings: Settings, postgres: PostgreSQL) -> None:
    """Before the first run: the right to make tables, and the page with the GRANT statements."""
    database = settings.ledger.url.rpartition("/")[2]
    postgres.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC, fleet", database=database)
    postgres.execute(f'ALTER DATABASE "{database}" OWNER TO postgres')
    postgres.execute("GRANT USAGE ON SCHEMA public TO fleet", database=database)

    found = {finding.check: finding for finding in await check_server(settings)}

    assert found["ledger"].outcome is Outcome.FAIL
    assert "docs/replicas.md" in (found["ledger"].next or "")
