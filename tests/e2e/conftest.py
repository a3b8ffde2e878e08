"""Real processes: a `fleet sandbox` of the test's own, and `fleet` commands as anybody would type them."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import anyio
import pytest

from fleet.sandbox.store import S3Store

CONFIG = """
[ledger]
url = "sqlite:///fleet.db"

[defaults]
kinds = ["entities", "key_phrases", "pii_entities", "sentiment", "targeted_sentiment"]
language = "en"

[targets.main]
region = "us-east-1"
data_access_role_arn = "arn:aws:iam::123456789012:role/comprehend"
output = "s3://corpus-out/results/"

[targets.main.quotas]
start_per_s = 20
describe_per_s = 100
list_per_s = 100

[track]
poll_floor_s = 0.2
list_lag_s = 0.5
"""
SWITCHES = ("time_scale=400", "start_per_s=20", "describe_per_s=100", "list_per_s=100", "seed=1")
TEXT = b"Anna Smith lives in Paris.\nThe train was late and the food was awful.\nCall me at 555-0100.\n" * 8


@dataclass
class Place:
    """A directory with a configuration, and a sandbox that its fleet commands reach."""

    directory: Path
    environment: dict[str, str]

    def fleet(
        self, *words: str, stdin: IO[str] | None = None, timeout_s: float = 60
    ) -> "subprocess.CompletedProcess[str]":
        """Run one command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "fleet", *words],
            cwd=self.directory,
            env=self.environment,
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start one command and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "fleet", *words],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, name: str, *lines: object) -> str:
        """A file of these lines; what is not text becomes JSON."""
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        (self.directory / name).write_text(text)
        return name

    def documents(self, *prefixes: str, body: bytes = TEXT) -> None:
        """Put one object under each prefix of the input bucket."""

        async def upload() -> None:
            async with S3Store(self.environment["AWS_ENDPOINT_URL_S3"]) as store:
                for prefix in prefixes:
                    await store.write("corpus-in", f"{prefix}part-0.txt", body)

        anyio.run(upload)

    def truth(self) -> dict[str, Any]:
        """What the sandbox saw."""
        url = f"{self.environment['AWS_ENDPOINT_URL_COMPREHEND']}/sandbox/truth"
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own sandbox
            truth: dict[str, Any] = json.load(answer)
        return truth


@contextmanager
def sandbox(directory: Path, switches: Sequence[str]) -> Iterator[dict[str, str]]:
    """A sandbox process while the context lasts; the environment that leads AWS clients to it."""
    command = [sys.executable, "-m", "fleet", "sandbox", "--port", "0", "--s3-port", "0"]
    for switch in switches:
        command += ["--set", switch]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FLEET_"))}
    with subprocess.Popen(command, cwd=directory, env=clean, stdout=subprocess.PIPE, text=True) as process:
        try:
            exports = {}
            for line in process.stdout or ():
                if not line.startswith("export "):
                    break
                name, _, value = line.removeprefix("export ").strip().partition("=")
                exports[name] = value
            yield clean | exports
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A place with buckets and a configuration; mark a test with `switches(...)` for other sandbox switches."""
    marker = request.node.get_closest_marker("switches")
    with sandbox(tmp_path, (*SWITCHES, *(marker.args if marker else ()))) as environment:
        (tmp_path / "fleet.toml").write_text(CONFIG)

        async def make_buckets() -> None:
            async with S3Store(environment["AWS_ENDPOINT_URL_S3"]) as store:
                await store.create_bucket("corpus-in")
                await store.create_bucket("corpus-out")

        anyio.run(make_buckets)
        yield Place(tmp_path, environment)
