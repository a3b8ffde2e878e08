"""What `/api/v1/status` says of a real fleet: one with a ledger of its own, and a replica of a shared one."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fleet.app.fleet import App
from fleet.app.status import status
from fleet.aws.session import Access, TargetClients, Timeouts, open_clients
from fleet.core.lane import Lane
from fleet.ledger import Ledger
from fleet.stages.loop import SystemClock
from fleet.web.openapi import document
from tests.conftest import REGION, make_settings
from tests.contract.conftest import planned
from tests.postgres import PostgreSQL
from tests.web.described import problems_of, schema_of

SCHEMA = schema_of(document()["paths"], "/api/v1/status")


@pytest.fixture
async def clients(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[dict[str, TargetClients]]:
    """Clients of one target, which nobody asks anything here."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "two")
    async with open_clients({"main": Access(region=REGION)}, Timeouts()) as opened:
        yield opened


async def seen(ledger: Ledger, clients: dict[str, TargetClients]) -> tuple[App, dict[str, Any]]:
    """An app that has not begun to work, and its status; each of its lanes has a job."""
    app = App(make_settings("entities"), ledger, clients, clock=SystemClock(), rng=random.Random(1))
    manifest = await ledger.begin_manifest("test", None)
    await ledger.add(manifest.id, [(line, planned(line, lane=lane)) for line, lane in enumerate(app.lanes, 1)])
    return app, await status(app, ledger, [])


async def test_one_fleet_names_no_replicas(clients: dict[str, TargetClients]) -> None:
    """It has all lanes, with all their figures, and the answer has the described shape."""
    async with await Ledger.open("sqlite:///:memory:") as ledger:
        app, found = await seen(ledger, clients)

    assert problems_of(found, SCHEMA) == []
    assert found["replicas"] == []
    assert [lane["holder"] for lane in found["lanes"]] == [None] * len(app.lanes)
    assert all(lane["slots"] is not None and lane["foreign"] is not None for lane in found["lanes"])


async def test_a_replica_tells_of_lanes_that_another_holds(
    clients: dict[str, TargetClients], postgres: PostgreSQL
) -> None:
    """It names the holder, says the quotas, and null for what only the holder knows."""
    database = postgres.create_database()
    async with await Ledger.open(postgres.url(database)) as other, await Ledger.open(postgres.url(database)) as ledger:
        app, _ = await seen(ledger, clients)
        held: list[Lane] = sorted(app.lanes)
        leases = other.share(lease_s=30.0, version="1.2.3", refused=lambda: None)
        await leases.beat([str(lane) for lane in held], draining=False)
        await leases.take([str(held[0])])

        found = await status(app, ledger, [])

    assert problems_of(found, SCHEMA) == []
    assert [(replica["name"], replica["leases"]) for replica in found["replicas"]] == [(leases.replica, [str(held[0])])]
    first = found["lanes"][0]
    assert (first["lane"], first["holder"]) == (str(held[0]), leases.replica)
    assert first["slots_quota"] > 0
    only_its_holder_knows = ("slots", "foreign", "start_rate_per_s", "stuck", "paused")
    assert all(lane[name] is None for lane in found["lanes"] for name in only_its_holder_knows)
    assert [lane["holder"] for lane in found["lanes"][1:]] == [None] * (len(held) - 1)
