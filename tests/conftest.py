"""What many tests share: a clock that the test owns, a real sandbox over loopback HTTP, and a fleet around it."""

import itertools
import logging
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
import structlog
from hypothesis import settings as hypothesis_settings
from moto.server import ThreadedMotoServer

from fleet.app.planning import planner
from fleet.aws.session import Access, TargetClients, Timeouts, open_clients
from fleet.core.job import Job, State
from fleet.core.lane import Lane
from fleet.core.manifest import Entry
from fleet.core.policy import Retry
from fleet.ledger.ledger import Ledger
from fleet.sandbox import S3Store, Sandbox, read_switches
from fleet.settings import Settings
from fleet.stages.calls import LaneCalls
from fleet.stages.measure import Measure
from fleet.stages.moves import Moves
from fleet.stages.rescue import Rescue
from fleet.stages.submit import Submit
from fleet.stages.track import Polling, Track
from fleet.stages.verify import Depth, Verify
from fleet.telemetry import Telemetry
from tests.postgres import PostgreSQL

# no deadline: a busy machine is no failure
hypothesis_settings.register_profile("fleet", hypothesis_settings.default, deadline=None)
hypothesis_settings.load_profile("fleet")

ACCOUNT, REGION = "123456789012", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/comprehend"
TEXT = b"Anna Smith lives in Paris.\nThe train was late and the food was awful.\nCall me at 555-0100.\n" * 8
_OUTPUTS = itertools.count(1)
QUICK = {"submitted_s": 1, "overhead_s": 60, "failure_s": 2, "spread": 0}


class HandClock:
    """One time for fleet and the sandbox, moved by the test alone. fleet's sleeps jump ahead: nobody waits."""

    def __init__(self) -> None:
        self._now_s = 1_800_000_000.0
        self._moved = anyio.Event()

    def monotonic(self) -> float:
        return self._now_s

    now = monotonic

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await anyio.lowlevel.checkpoint()

    def advance(self, seconds: float) -> None:
        """Let this much time pass."""
        self._now_s += seconds
        self._moved.set()
        self._moved = anyio.Event()

    async def reach(self, at_s: float) -> None:
        """Return once the test has moved the time that far."""
        while self._now_s < at_s:
            await self._moved.wait()


class SandboxClock:
    """The sandbox's side of the same time: it waits until the test has moved it."""

    def __init__(self, hand: HandClock) -> None:
        self._hand = hand

    def now(self) -> float:
        return self._hand.now()

    async def sleep(self, seconds: float) -> None:
        await self._hand.reach(self._hand.now() + seconds)


@dataclass
class Rig:
    """One lane of a fleet, stage by stage, against a sandbox of its own."""

    clock: HandClock
    sandbox: Sandbox
    ledger: Ledger
    calls: LaneCalls
    submit: Submit
    track: Track
    rescue: Rescue
    verify: Verify
    measure: Measure
    settings: Settings
    telemetry: Telemetry
    holder: str
    stack: AsyncExitStack
    _lines: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    async def plan(
        self, *prefixes: str, documents: bytes | None = TEXT, manifest: str = "test", **more: Any
    ) -> list[Job]:
        """Put documents under each prefix (none where `documents` is None) and their jobs into the ledger."""
        record = await self.ledger.begin_manifest(manifest, None)
        plan = planner(self.settings)
        keys = []
        for prefix in prefixes:
            if documents is not None:
                await self.sandbox.store.write("corpus-in", f"{prefix}part-0.txt", documents)
            line = next(self._lines)
            jobs, rejections = plan(Entry(line=line, prefix=f"s3://corpus-in/{prefix}", **more))
            assert not rejections
            keys += [job.key for job in jobs]
            await self.ledger.add(record.id, [(line, job) for job in jobs])
        return await self.ledger.jobs(keys=keys)

    async def jobs(self, *states: State) -> list[Job]:
        """The ledger's jobs in these states (all, where none is named)."""
        return await self.ledger.jobs(states=set(states) or None)

    async def job(self) -> Job:
        """The ledger's only job."""
        (job,) = await self.jobs()
        return job

    async def tick(self, name: str) -> float:
        """One pass of the stage of this name at the present time."""
        waits: float = await getattr(self, name).tick(self.clock.monotonic())
        return waits

    async def complete(self) -> None:
        """Let the sandbox bring every job that it has to an end."""
        while any(job.status in ("SUBMITTED", "IN_PROGRESS") for job in self.sandbox.service.jobs.values()):
            self.clock.advance(30)
            await self.breathe()

    async def breathe(self) -> None:
        """Let the sandbox do what its clock says: its S3 is a real one, and takes real time."""
        await anyio.sleep(0.002)

    @property
    def remote(self) -> list[Any]:
        """The Comprehend jobs that the sandbox has."""
        return list(self.sandbox.service.jobs.values())


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    """A PostgreSQL server for the tests of this process, which each make a database of their own in it."""
    with PostgreSQL() as server:
        yield server


@pytest.fixture(autouse=True)
def _logs_of_its_own() -> Iterator[None]:
    """A test that sets up logs, perhaps to a stream that ends with it, leaves nothing of that to the next one."""
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    yield
    structlog.reset_defaults()
    root.handlers[:] = [handler for handler in root.handlers if handler in handlers]
    root.setLevel(level)
    logging.raiseExceptions = raises
    logging.captureWarnings(False)


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """A real S3 server on this machine, shared by all tests."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
async def rig(
    request: pytest.FixtureRequest, s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    """A lane of entities jobs; mark a test with `rig(kind=..., depth=..., switches...)` for another."""
    marker = request.node.get_closest_marker("rig")
    wishes = dict(marker.kwargs) if marker else {}
    kind, depth = wishes.pop("kind", "entities"), wishes.pop("depth", "full")
    sweep = wishes.pop("sweep", True)
    clock = HandClock()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(S3Store(s3_url))
        for bucket in ("corpus-in", "corpus-out"):
            await store.create_bucket(bucket)
        switches = read_switches(values=QUICK | wishes)
        sandbox = await stack.enter_async_context(Sandbox(switches, store=store, clock=SandboxClock(clock)))
        for name, value in (sandbox.environment() | {"AWS_ENDPOINT_URL_S3": s3_url}).items():
            monkeypatch.setenv(name, value)
        settings = make_settings(kind)
        clients = await stack.enter_async_context(open_clients({"main": Access(region=REGION)}, Timeouts(call_s=10)))
        ledger = await Ledger.open(f"sqlite:///{tmp_path}/fleet.db", wall=clock.now)
        stack.push_async_callback(ledger.close)
        yield assemble(clock, sandbox, ledger, clients, settings, stack, kind=kind, depth=depth, sweep=sweep)


def make_settings(kind: str) -> Settings:
    """One target with AWS's default quotas, and one kind; the output goes where no other test's does.

    Sandboxes of one seed give their jobs the same ids, and the S3 server may still be at a write of the test before.
    """
    return Settings.model_validate(
        {
            "defaults": {"kinds": [kind], "language": "en", "input_format": "ONE_DOC_PER_LINE"},
            "targets": {
                "main": {
                    "region": REGION,
                    "data_access_role_arn": ROLE,
                    "output": f"s3://corpus-out/results/{next(_OUTPUTS)}/",
                }
            },
        }
    )


def assemble(
    clock: HandClock,
    sandbox: Sandbox,
    ledger: Ledger,
    clients: dict[str, TargetClients],
    settings: Settings,
    stack: AsyncExitStack,
    *,
    kind: str,
    depth: str = "full",
    sweep: bool = True,
    holder: str = "this process",
) -> Rig:
    """The stages of one lane over these parts, as a process with this name would have them."""
    telemetry, rng = Telemetry(), random.Random(1)
    moves = Moves(ledger, telemetry)
    quotas = settings.targets["main"].quotas.resolved()
    callers = {name: client.comprehend for name, client in clients.items()}
    calls = LaneCalls(Lane(ACCOUNT, REGION, kind), quotas, callers, clock=clock, telemetry=telemetry)
    return Rig(
        clock=clock,
        sandbox=sandbox,
        ledger=ledger,
        calls=calls,
        submit=Submit(ledger, calls, moves, holder=holder, clock=clock, rng=rng),
        track=Track(ledger, calls, moves, retry=Retry(floor_s=5), polling=Polling(sweep=sweep), rng=rng),
        rescue=Rescue(ledger, calls, moves, holder=holder, consistency_s=5.0, rng=rng),
        verify=Verify(
            ledger, moves, {name: client.s3 for name, client in clients.items()}, depth=Depth(depth), rng=rng
        ),
        measure=Measure(ledger, {name: client.s3 for name, client in clients.items()}),
        settings=settings,
        telemetry=telemetry,
        holder=holder,
        stack=stack,
    )
