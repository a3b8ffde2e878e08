"""What the tests of the emulated service share: a request for each kind, and a service that is easy to ask."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aioboto3
import pytest
from botocore.config import Config

from fleet.sandbox.clock import Clock
from fleet.sandbox.jobs import Job
from fleet.sandbox.kinds import KINDS, Verb
from fleet.sandbox.lifecycle import Inspect, Perform
from fleet.sandbox.server import Sandbox
from fleet.sandbox.service import Service
from fleet.sandbox.store import MemoryStore
from fleet.sandbox.switches import Switches

ACCOUNT = "123456789012"
REGION = "us-east-1"


def start_request(kind: str = "entities", prefix: str = "s3://corpus-in/a/", **changes: Any) -> dict[str, Any]:
    """A Start request that is right for the kind; a change to None takes the member out."""
    request = {
        "InputDataConfig": {"S3Uri": prefix, "InputFormat": "ONE_DOC_PER_LINE"},
        "OutputDataConfig": {"S3Uri": "s3://corpus-out/results/"},
        "DataAccessRoleArn": "arn:aws:iam::123456789012:role/comprehend",
        "LanguageCode": "en",
        **({"Mode": "ONLY_OFFSETS"} if kind == "pii_entities" else {}),
        **changes,
    }
    return {name: value for name, value in request.items() if value is not None}


class Asked:
    """A service with quotas out of the way unless a switch says otherwise, and its work done by hand."""

    def __init__(self, **switches: Any) -> None:
        open_quotas = {f"{verb}_per_s": 1000.0 for verb in ("start", "describe", "list", "stop")}
        self.service = Service(Switches(**{"seed": 7, "spread": 0.0, **open_quotas, **switches}))

    def call(self, verb: Verb, kind: str, params: dict[str, Any], now: float = 0.0, **caller: str) -> dict[str, Any]:
        """The service's answer."""
        caller = {"account": ACCOUNT, "region": REGION, **caller}
        return self.service.call(KINDS[kind].operation(verb), params, now, **caller)

    def start(self, kind: str = "entities", now: float = 0.0, prefix: str = "s3://corpus-in/a/", **changes: Any) -> str:
        """The JobId of a new job."""
        return str(self.call(Verb.START, kind, start_request(kind, prefix, **changes), now)["JobId"])

    def describe(self, job_id: str, kind: str = "entities", now: float = 0.0) -> dict[str, Any]:
        """The job's properties."""
        properties: dict[str, Any] = self.call(Verb.DESCRIBE, kind, {"JobId": job_id}, now)[KINDS[kind].wrapper]
        return properties

    def status(self, job_id: str, kind: str = "entities", now: float = 0.0) -> str:
        """The job's status."""
        return str(self.describe(job_id, kind, now)["JobStatus"])

    def page(self, kind: str = "entities", now: float = 0.0, **params: Any) -> tuple[list[dict[str, Any]], str | None]:
        """One page of jobs and its NextToken."""
        answer = self.call(Verb.LIST, kind, params, now)
        return answer[KINDS[kind].list_wrapper], answer.get("NextToken")

    def stop(self, job_id: str, kind: str = "entities", now: float = 0.0) -> str:
        """The status that Stop answers."""
        return str(self.call(Verb.STOP, kind, {"JobId": job_id}, now)["JobStatus"])

    def run(self, now: float, *, size_bytes: int = 0, fails: str = "") -> list[Perform]:
        """Make all moves up to a time; every input has the size, every look at it fails with the message if given."""
        written: list[Perform] = []
        while work := self.service.lifecycle.advance(now):
            for todo in work:
                if isinstance(todo, Perform):
                    written.append(todo)
                    self.service.lifecycle.performed(todo.job, now)
                else:
                    self._inspect(todo, size_bytes, fails)
        return written

    def job(self, job_id: str) -> Job:
        """The job behind an id."""
        return self.service.jobs[job_id]

    def _inspect(self, todo: Inspect, size_bytes: int, fails: str) -> None:
        begun_at = todo.job.begun_at or 0.0
        if fails:
            self.service.lifecycle.failed(todo.job, fails, begun_at)
        else:
            self.service.lifecycle.inspected(todo.job, size_bytes, begun_at)


@pytest.fixture(scope="session")
def ask() -> Callable[..., Asked]:
    """Make a service with switches."""
    return Asked


@pytest.fixture(scope="session")
def request_for() -> Callable[..., dict[str, Any]]:
    """Make a Start request for a kind."""
    return start_request


CREDENTIALS = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox", "region_name": REGION}
ONE_ATTEMPT = Config(retries={"total_max_attempts": 1}, proxies={}, connect_timeout=5, read_timeout=20)
SENTENCES = b"Alice Smith of Paris loves the new phone. Write to alice@example.com.\n" * 20


class HandClock:
    """Time that stands still until it is moved by hand."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        self._dozed: asyncio.Queue[float] = asyncio.Queue()

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds > 0:
            awake = asyncio.Event()
            self._sleepers.append((self._now + seconds, awake))
            self._dozed.put_nowait(seconds)
            await awake.wait()

    async def dozed(self, seconds: float) -> None:
        """Return once somebody sleeps for just so long."""
        while await self._dozed.get() != seconds:
            pass

    async def advance(self, seconds: float) -> None:
        """So much later, those whose time has come run until they have nothing to do."""
        self._now += seconds
        for _, awake in (sleeper for sleeper in self._sleepers if sleeper[0] <= self._now):
            awake.set()
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self._now]
        await settle()


async def settle() -> None:
    """Let every task that can run, run: a store in memory needs no more than a few turns of the loop."""
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> HandClock:
    """A clock that the test moves."""
    return HandClock()


@asynccontextmanager
async def _opened(*, clock: Clock | None = None, **switches: Any) -> AsyncIterator[Sandbox]:
    quick = {"submitted_s": 0.0, "overhead_s": 0.0, "failure_s": 0.0, "stop_s": 0.0, "spread": 0.0}
    wide = {f"{verb}_per_s": 10_000.0 for verb in ("start", "describe", "list", "stop")}
    store = MemoryStore("corpus-in", "corpus-out")
    await store.write("corpus-in", "a/one.txt", SENTENCES)
    async with Sandbox(Switches(**{**quick, **wide, **switches}), store=store, clock=clock) as sandbox:
        yield sandbox


@asynccontextmanager
async def _client(sandbox: Sandbox, **changes: Any) -> AsyncIterator[Any]:
    known = {**CREDENTIALS, "endpoint_url": sandbox.comprehend_url, "config": ONE_ATTEMPT, **changes}
    async with aioboto3.Session().client("comprehend", **known) as comprehend:
        yield comprehend


@pytest.fixture
def opened() -> Callable[..., AbstractAsyncContextManager[Sandbox]]:
    """Open a sandbox on a free port, over a store in memory, with jobs that take no time and wide quotas."""
    return _opened


@pytest.fixture
def client_of() -> Callable[..., AbstractAsyncContextManager[Any]]:
    """Open a real aioboto3 client of a sandbox, with one attempt for each call."""
    return _client
