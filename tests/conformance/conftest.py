"""Sandboxes and clients: a `fleet sandbox` process for what a user types, sandboxes in threads for everything else."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import Any, TypeVar

import boto3
import pytest

from fleet.sandbox import MemoryStore, Sandbox, read_switches
from tests.conformance.awscli import find_cli
from tests.conformance.drivers import Aioboto3, AwsCli, Boto3, Driver

T = TypeVar("T")
# Jobs that take no time and quotas that nobody meets, unless a test asks for others.
QUICK = {"submitted_s": 0, "overhead_s": 0, "failure_s": 0, "stop_s": 0, "spread": 0, "active_jobs": 100_000}
WIDE = {f"{verb}_per_s": 10_000 for verb in ("start", "describe", "list", "stop")}
# The same for the process. Jobs over corpus-in/a/ run until they are stopped, for a client may be slow to stop them.
SWITCHES = """
time_scale = 1000
active_jobs = 1000
start_per_s = 1000
describe_per_s = 1000
list_per_s = 1000
stop_per_s = 1000

[[faults]]
what = "stick_job"
input_prefix = "s3://corpus-in/a/"
"""
DOCUMENTS = b"Alice Smith of Paris loves the new phone. Write to alice@example.com.\n" * 20
TERMINAL = ("COMPLETED", "FAILED", "STOPPED")


class Place:
    """A sandbox in a thread of its own, reached over HTTP like any other."""

    def __init__(self, sandbox: Sandbox, loop: asyncio.AbstractEventLoop) -> None:
        self._sandbox = sandbox
        self._loop = loop
        self._accounts = itertools.count(1)
        self.url = sandbox.comprehend_url

    @contextmanager
    def client(self, *, account: str | None = None, **changes: Any) -> Iterator[Boto3]:
        """A boto3 client of an account that is new here, so that its jobs and its quotas are all its own."""
        key = account or f"{next(self._accounts):012d}"
        with Boto3(self._sandbox.environment() | {"AWS_ACCESS_KEY_ID": key}, **changes) as client:
            yield client

    @contextmanager
    def fault(self, **rule: Any) -> Iterator[None]:
        """A fault is in force, set over the control endpoint, until the block ends."""
        self._control("POST", rule)
        try:
            yield
        finally:
            self._control("DELETE", None)

    def write(self, key: str, body: bytes) -> None:
        """An object is in the bucket corpus-in."""
        self._wait(self._sandbox.store.write("corpus-in", key, body))

    def outputs(self, uri: str) -> dict[str, bytes]:
        """Every object under an S3 URI of the bucket corpus-out, by its key behind the URI's prefix."""
        prefix = uri.removeprefix("s3://corpus-out/")
        keys = self._wait(self._sandbox.store.keys("corpus-out", prefix))
        return {key[len(prefix) :]: self._wait(self._sandbox.store.read("corpus-out", key)) for key, _ in keys}

    def _control(self, method: str, body: Any) -> None:
        request = urllib.request.Request(  # noqa: S310 - our own sandbox
            f"{self.url}/sandbox/faults", data=json.dumps(body).encode() if body else None, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own sandbox
            assert answer.status in (200, 201)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)


@contextmanager
def opened(**switches: Any) -> Iterator[Place]:
    """A sandbox on a free port with documents in memory, on a loop in a thread."""
    store = MemoryStore("corpus-in", "corpus-out")
    store.buckets["corpus-in"]["a/one.txt"] = DOCUMENTS
    ready: Future[tuple[Sandbox, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        over = asyncio.Event()
        async with Sandbox(read_switches(values=QUICK | WIDE | switches), store=store) as sandbox:
            ready.set_result((sandbox, asyncio.get_running_loop(), over))
            await over.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = Thread(target=run, name="sandbox")
    thread.start()
    sandbox, loop, over = ready.result(timeout=30)
    try:
        yield Place(sandbox, loop)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(timeout=30)


@pytest.fixture(scope="session")
def sandbox_at() -> Iterator[Callable[..., Place]]:
    """The sandbox with these switches; one for all tests that ask for the same."""
    places: dict[str, Place] = {}
    with ExitStack() as stack:

        def at(**switches: Any) -> Place:
            key = json.dumps(switches, sort_keys=True)
            if key not in places:
                places[key] = stack.enter_context(opened(**switches))
            return places[key]

        yield at


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a `fleet sandbox` process prints for a shell; its buckets exist, with documents below corpus-in/a/."""
    directory = tmp_path_factory.mktemp("sandbox")
    (directory / "sandbox.toml").write_text(SWITCHES)
    command = [sys.executable, "-m", "fleet", "sandbox", "--port", "0", "--s3-port", "0", "--switches", "sandbox.toml"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FLEET_"))}
    with subprocess.Popen(command, cwd=directory, env=clean, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = itertools.takewhile(lambda line: line.startswith("export "), process.stdout)
            exports = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
            _fill_buckets(exports)
            yield exports
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture(scope="session")
def cli(environment: dict[str, str], pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> AwsCli:
    """The AWS CLI, installed for the occasion where there is none."""
    assert pytestconfig.cache is not None
    command = find_cli(pytestconfig.cache.mkdir("aws-cli"))
    return AwsCli(command, environment, tmp_path_factory.mktemp("aws"))


@pytest.fixture(scope="session", params=["boto3", "aioboto3", "aws-cli"])
def driver(request: pytest.FixtureRequest, environment: dict[str, str]) -> Iterator[Driver]:
    """Each of the three clients in turn."""
    if request.param == "aws-cli":
        yield request.getfixturevalue("cli")
        return
    with (Boto3 if request.param == "boto3" else Aioboto3)(environment) as client:
        yield client


def _fill_buckets(exports: dict[str, str]) -> None:
    s3 = boto3.session.Session(
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
        region_name=exports["AWS_DEFAULT_REGION"],
    ).client("s3", endpoint_url=exports["AWS_ENDPOINT_URL_S3"])
    try:
        for bucket in ("corpus-in", "corpus-out"):
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket="corpus-in", Key="a/one.txt", Body=DOCUMENTS)
    finally:
        s3.close()
