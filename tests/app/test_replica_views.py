"""What people see of replicas that share a ledger on a real PostgreSQL: in `fleet status`, and in doctor's words."""

import os
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from fleet.app.doctor.prepare import prepare
from fleet.app.doctor.server import check_server
from fleet.app.doctor.surroundings import check_ledger_file
from fleet.app.overview import overview
from fleet.cli.frame import status_lines
from fleet.cli.screen import Screen
from fleet.core.checkup import Outcome
from fleet.core.errors import Conflict
from fleet.ledger import Leases, Ledger
from fleet.ledger.postgres.checkup import look_at
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


async def test_doctor_names_tables_that_the_role_may_not_write(
    settings: Settings, ledger: Ledger, postgres: PostgreSQL
) -> None:
    """A role that only looks is told from the one that fleet needs."""
    database = settings.ledger.url.rpartition("/")[2]
    postgres.execute("ALTER TABLE events OWNER TO postgres; GRANT SELECT ON events TO fleet", database=database)

    found = {finding.check: finding for finding in await check_server(settings)}

    assert found["ledger"].outcome is Outcome.FAIL
    assert "may not read and write events" in found["ledger"].found


async def test_doctor_names_lanes_that_nobody_holds(settings: Settings, ledger: Ledger, leases: Leases) -> None:
    """Where replicas run and leave one out; where none runs, nothing is wrong yet."""
    (before,) = [finding for finding in await check_server(settings) if finding.check == "replicas"]
    await leases.beat([str(LANE)], draining=False)
    await leases.take([str(LANE)])

    (found,) = [finding for finding in await check_server(settings) if finding.check == "replicas"]

    assert (before.outcome, before.found) == (Outcome.PASS, "none runs now")
    assert found.outcome is Outcome.WARN
    assert f"nobody holds {OTHER_LANE}" in found.found


@pytest.mark.parametrize(
    ("changes", "outcome", "says"),
    [
        ({}, Outcome.PASS, "synchronous_commit is on"),
        ({"synchronous_commit": "off"}, Outcome.WARN, "fleet turns it on"),
        ({"synchronous_commit": "local", "waits_for_standby": True}, Outcome.WARN, "do not wait"),
        ({"late_standbys": 1}, Outcome.WARN, "asynchronous"),
        ({"late_standbys": 1, "waits_for_standby": True}, Outcome.PASS, "synchronous_commit is on"),
        ({"safe_writes": False}, Outcome.FAIL, "power cut"),
        ({"here": False}, Outcome.WARN, "not encrypted"),
        ({"here": False, "encrypted": True}, Outcome.WARN, "not checked with whom"),
        ({"here": False, "encrypted": True, "verified": True}, Outcome.PASS, "certificate and name"),
        ({"standby": True}, Outcome.FAIL, "takes no writes"),
    ],
)
async def test_doctor_tells_what_a_server_may_lose(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], outcome: Outcome, says: str
) -> None:
    """Each with what to do next, unless all is well."""
    sound: dict[str, Any] = {
        "safe_writes": True,
        "late_standbys": 0,
        "synchronous_commit": "on",
        "waits_for_standby": False,
    }
    real = look_at(settings.ledger.url, None)
    monkeypatch.setattr("fleet.app.doctor.server.look_at", lambda *_: replace(real, **(sound | changes)))

    (found,) = [finding for finding in await check_server(settings) if says in finding.found]

    assert found.outcome is outcome
    assert (found.next is None) == (outcome is Outcome.PASS)


async def test_doctor_says_what_to_do_where_nobody_answers(settings: Settings) -> None:
    """A server that is not there is one finding, with its address; nothing is raised."""
    url = "postgresql://fleet@127.0.0.1:1/fleet"
    elsewhere = settings.model_copy(update={"ledger": LedgerSettings(url=url)})

    (found,) = await check_ledger_file(elsewhere)

    assert (found.check, found.outcome) == ("ledger", Outcome.FAIL)
    assert "127.0.0.1" in found.found
    assert "Start the database" in found.found


async def test_a_probe_refuses_while_a_replica_lives(settings: Settings, ledger: Ledger, leases: Leases) -> None:
    """Wherever it runs; the probe and its jobs would spoil each other."""
    visit: Any = None  # it is not asked before that is known
    await leases.beat([str(LANE)], draining=False)

    with pytest.raises(Conflict, match="a fleet is running"):
        await prepare(visit, settings, "s3://corpus/a/", "entities")
