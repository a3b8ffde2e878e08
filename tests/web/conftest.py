"""A real HTTP server over a real ledger, and a client for it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fleet.core.job import Event, Job, PlannedJob
from fleet.core.lane import Lane
from fleet.ledger import Ledger
from fleet.telemetry import Telemetry
from fleet.web import Web

LANE = Lane("123456789012", "us-east-1", "entities")


@dataclass
class Served:
    """What the pages are told, as a test wishes, and a session that asks them."""

    ledger: Ledger
    telemetry: Telemetry = field(default_factory=Telemetry)
    stalls: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    refreshed: int = 0
    url: str = ""
    http: Any = None

    def stalled(self) -> list[str]:
        return self.stalls

    def problems(self) -> list[str]:
        return self.troubles

    async def refresh(self) -> None:
        self.refreshed += 1

    async def status(self) -> Mapping[str, Any]:
        return {"jobs": 0}

    async def plan(self, jobs: int) -> list[Job]:
        """So many pending jobs in the ledger."""
        record = await self.ledger.begin_manifest("test", None)
        planned = [
            PlannedJob(key=f"{number:032x}", lane=LANE, target="main", prefix=f"s3://corpus/{number}/", request="{}")
            for number in range(1, jobs + 1)
        ]
        await self.ledger.add(record.id, list(enumerate(planned, 1)))
        return await self.ledger.jobs()

    async def get(self, path: str, **headers: str) -> tuple[int, Any, Mapping[str, str]]:
        """Status, body (an object where it is JSON) and headers of the answer."""
        async with self.http.get(f"{self.url}{path}", headers=headers) as answer:
            body = await (answer.json() if answer.content_type == "application/json" else answer.text())
            return answer.status, body, answer.headers

    async def discard(self, job: Job) -> Job:
        """The job is given up, as the stages tell it."""
        (claimed,) = await self.ledger.claim(job.lane, limit=1, holder="test")
        moved = await self.ledger.record(claimed, Event.DISCARDED, reason="no <b>input</b>")
        self.telemetry.moved(moved, Event.DISCARDED, reason=moved.reason)
        return moved


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A server on a port of its own."""
    async with await Ledger.open(f"sqlite:///{tmp_path}/fleet.db", intent=lambda _: "{}") as ledger:
        source = Served(ledger)
        async with Web(source, "127.0.0.1:0") as web, aiohttp.ClientSession() as session:
            source.url, source.http = f"http://127.0.0.1:{web.port}", session
            yield source
