"""What the ledger's tests share: every database in turn, a clock that the test owns, and jobs in any state.

A new database joins the contract as one more name in `DATABASES`.
"""

import hashlib
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fleet.core.job import TRANSITIONS, Event, Job, PlannedJob, State, Verdict
from fleet.core.lane import Lane
from fleet.ledger import Ledger, copying
from tests.postgres import PostgreSQL

LANE = Lane("123456789012", "us-east-1", "entities")
OTHER_LANE = Lane("123456789012", "us-east-1", "sentiment")
REQUEST = '{"DataAccessRoleArn":"arn:aws:iam::123456789012:role/comprehend","LanguageCode":"en"}'
HOLDER = "this process"

DATABASES = ("sqlite", "postgresql")
_DATABASE = "contract"

FACTS: dict[Event, dict[str, Any]] = {
    Event.ACCEPTED: {"remote_id": "1" * 32, "submitted_at": 1_700_000_001.5, "due_at": 1_700_000_002.0},
    Event.SNOOZED: {"due_at": 1_700_000_030.0, "reason": "ThrottlingException: Rate exceeded"},
    Event.RETRIED: {"due_at": 1_700_000_060.0, "reason": "INTERNAL_ERROR: try again"},
    Event.RESCUED: {"reason": "its process died"},
    Event.FINISHED: {"output_uri": "s3://corpus-out/results/output.tar.gz", "ended_at": 1_700_000_700.25},
    Event.VERIFIED: {
        "verdict": Verdict.PARTIAL,
        "documents": 99,
        "failed_documents": 1,
        "reason": "1 x INTERNAL_SERVER_ERROR",
    },
    Event.DISCARDED: {"reason": "NO_INPUT_FILES: nothing there"},
    Event.CANCELLED: {"reason": "a person asked"},
    Event.REOPENED: {"due_at": 0.0, "reason": None},
}
"""What a stage tells the ledger with each event."""


class Wall:
    """The ledger's clock. It stands still until the test moves it."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Case:
    """An open ledger, and short ways to the jobs that a test needs."""

    ledger: Ledger
    url: str
    wall: Wall

    async def reopen(self) -> Ledger:
        """The same ledger after its process has ended and another has begun."""
        await self.ledger.close()
        self.ledger = await Ledger.open(self.url, wall=self.wall)
        return self.ledger

    async def plan(self, count: int = 1, *, start: int = 0, source: str = "test", **changes: Any) -> list[Job]:
        """So many pending jobs, each on a line of its own from `start` + 1 on."""
        manifest = await self.ledger.begin_manifest(source, None)
        rows = [(number + 1, planned(number, **changes)) for number in range(start, start + count)]
        await self.ledger.add(manifest.id, rows)
        return await self.ledger.jobs(keys=[job.key for _, job in rows])

    async def step(self, job: Job, event: Event) -> Job:
        """The job after one event, as the stages bring it about."""
        if event is not Event.CLAIMED:
            return await self.ledger.record(job, event, **FACTS[event])
        self.wall.now_s = max(self.wall.now_s, job.due_at)
        taken = await self.ledger.claim(job.lane, limit=1, holder=HOLDER)
        assert [found.id for found in taken] == [job.id]
        return taken[0]

    async def bring(self, job: Job, state: State) -> Job:
        """The pending job in another state, by the shortest way through the table."""
        for event in way_to(state):
            job = await self.step(job, event)
        return job

    async def reread(self, job: Job) -> Job:
        """The job as the ledger has it."""
        (found,) = await self.ledger.jobs(keys=[job.key])
        return found

    async def events(self, job: Job) -> list[Event]:
        """All that happened to the job."""
        return [recorded.event for recorded in await self.ledger.history(job.id)]


def planned(number: int, **changes: Any) -> PlannedJob:
    """The planned job of this number; the same number has the same key for ever."""
    job = PlannedJob(
        key=hashlib.sha256(str(number).encode()).hexdigest()[:32],
        lane=LANE,
        target="main",
        prefix=f"s3://corpus-in/{number}/",
        request=REQUEST,
    )
    return replace(job, **changes)


def way_to(state: State) -> list[Event]:
    """The events of the shortest way from pending to this state."""
    ways: deque[tuple[State, list[Event]]] = deque([(State.PENDING, [])])
    while ways[0][0] is not state:
        here, events = ways.popleft()
        ways.extend((there, [*events, event]) for event, there in TRANSITIONS[here].items())
    return ways[0][1]


@pytest.fixture(params=DATABASES)
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes the URLs of empty ledgers, in each database in turn."""
    numbers = itertools.count()
    if request.param == "sqlite":
        yield lambda: f"sqlite:///{tmp_path}/fleet-{next(numbers)}.db"
        return
    server: PostgreSQL = request.getfixturevalue("postgres")
    made: list[str] = []

    def url() -> str:
        # a schema of its own costs a tenth of a database of its own
        made.append(f"{tmp_path.name}_{next(numbers)}".lower())
        server.execute(f'CREATE SCHEMA "{made[-1]}" AUTHORIZATION fleet', database=_DATABASE)
        return f"{server.url(_DATABASE)}?options=-csearch_path%3D{made[-1]}"

    if not server.execute("SELECT 1 FROM pg_database WHERE datname = %(name)s", {"name": _DATABASE}):
        server.create_database(_DATABASE)
    yield url
    for schema in made:
        server.execute(f'DROP SCHEMA "{schema}" CASCADE', database=_DATABASE)


@pytest.fixture
def ledger_url(new_url: Callable[[], str]) -> str:
    """Where an empty ledger may be made, in each database in turn."""
    return new_url()


@pytest.fixture
def file_url(tmp_path: Path) -> Callable[[], str]:
    """Makes the URLs of new files, whatever database the test is about."""
    numbers = itertools.count()
    return lambda: f"sqlite:///{tmp_path}/copy-{next(numbers)}.db"


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows make several pages."""
    monkeypatch.setattr(copying, "_PAGE", 3)


@pytest.fixture
async def case(ledger_url: str) -> AsyncIterator[Case]:
    """An empty ledger that is open."""
    wall = Wall()
    opened = Case(await Ledger.open(ledger_url, wall=wall), ledger_url, wall)
    yield opened
    await opened.ledger.close()
