"""A place where `fleet doctor` finds everything well: a configuration, a manifest, and an AWS of the test's own."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from fleet.ledger.sqlite.lock import Lock
from fleet.sandbox import S3Store, Sandbox, read_switches
from tests.cli.conftest import Fleet, Said, fleet
from tests.doctor.cloud import Cloud

__all__ = ["fleet"]

CONFIG = """\
# a comment that must stay
[ledger]
url = "sqlite:///fleet.db"

[defaults]
kinds = ["entities"]       # the corpus's
language = "en"

[targets.main]
region = "us-east-1"
data_access_role_arn = "arn:aws:iam::123456789012:role/comprehend"
output = "s3://doctor-out/results/"   # results go here

[track]
list_lag_s = 5.0
"""
MANIFEST = '{"prefix": "s3://doctor-in/a/"}\n{"prefix": "s3://doctor-in/b/", "kinds": ["sentiment"]}\n'
TEXT = b"Anna Smith lives in Paris.\n" * 32


@dataclass
class Clinic:
    """Where doctor works: its directory, what it asks, and how to run it."""

    directory: Path
    cloud: Cloud
    sandbox: Sandbox
    run: Fleet
    locks: list[Lock] = field(default_factory=list)

    def doctor(self, *words: str) -> Said:
        """Run `fleet doctor`."""
        return self.run("doctor", *words)


@asynccontextmanager
async def world(s3_url: str, switches: dict[str, Any]) -> AsyncIterator[tuple[Cloud, Sandbox]]:
    """A sandbox with buckets and two inputs, and all of AWS in front of it."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(S3Store(s3_url))
        for bucket in ("doctor-in", "doctor-out"):
            await store.create_bucket(bucket)
        for prefix in ("a", "b"):
            await store.write("doctor-in", f"{prefix}/part-0.txt", TEXT)
        sandbox = await stack.enter_async_context(Sandbox(read_switches(values=switches), store=store))
        upstreams = {"s3": s3_url, "comprehend": sandbox.comprehend_url}
        yield await stack.enter_async_context(Cloud(upstreams)), sandbox


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """An event loop beside the tests, in which servers live."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def shared(portal: BlockingPortal, s3_url: str) -> Iterator[tuple[Cloud, Sandbox]]:
    """The AWS of all tests that start no job."""
    with portal.wrap_async_context_manager(world(s3_url, {"list_per_s": 1000})) as made:
        yield made


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fleet: Fleet) -> Path:
    """A directory with a configuration and a manifest, and credentials."""
    (tmp_path / "fleet.toml").write_text(CONFIG)
    (tmp_path / "manifest.jsonl").write_text(MANIFEST)
    for name in [name for name in os.environ if name.startswith(("AWS_", "FLEET_")) or name.upper().endswith("_PROXY")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return tmp_path


@pytest.fixture
def clinic(
    place: Path, shared: tuple[Cloud, Sandbox], monkeypatch: pytest.MonkeyPatch, fleet: Fleet
) -> Iterator[Clinic]:
    """All is well here, and no job is ever started."""
    cloud, sandbox = shared
    cloud.heal()
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    clinic = Clinic(place, cloud, sandbox, fleet)
    yield clinic
    for lock in clinic.locks:
        lock.release()


@pytest.fixture
def probed(
    request: pytest.FixtureRequest,
    portal: BlockingPortal,
    place: Path,
    s3_url: str,
    monkeypatch: pytest.MonkeyPatch,
    fleet: Fleet,
) -> Iterator[Clinic]:
    """A sandbox of the test's own; mark a test with `rig(switches...)` for its switches."""
    marker = request.node.get_closest_marker("rig")
    with portal.wrap_async_context_manager(world(s3_url, dict(marker.kwargs) if marker else {})) as (cloud, sandbox):
        monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
        yield Clinic(place, cloud, sandbox, fleet)
