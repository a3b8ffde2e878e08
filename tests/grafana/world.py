"""A real fleet under load: `fleet serve` on a sandbox that throttles, fails and loses, scraped by a real Prometheus."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio

from fleet.sandbox.store import S3Store
from tests.e2e.conftest import TEXT, Place, sandbox
from tests.grafana.prometheus import Prometheus, free_port, serve
from tests.grafana.rooms import RULES

__all__ = ["DISCARDED", "ENDED", "FOREIGN", "PARTIAL", "RATE_INTERVAL", "STUCK", "World", "opened"]

RATE_INTERVAL: Final = "1m"
DISCARDED: Final = 5  # one prefix that no role may read, five kinds
PARTIAL: Final = 10  # one prefix of which only half is written, and one with a document that no kind can take
STUCK: Final = 1  # one job never leaves IN_PROGRESS
FOREIGN: Final = 2  # jobs of another program in the same lane

_GOOD: Final = tuple(f"good/{number}/" for number in range(6))
ENDED: Final = 5 * len(_GOOD) + 5 + DISCARDED

_CONFIG: Final = """
[ledger]
url = "sqlite:///fleet.db"

[http]
listen = "127.0.0.1:{port}"

[defaults]
kinds = ["entities", "key_phrases", "pii_entities", "sentiment", "targeted_sentiment"]
language = "en"

[targets.main]
region = "us-east-1"
data_access_role_arn = "arn:aws:iam::123456789012:role/comprehend"
output = "s3://corpus-out/results/"

[targets.main.quotas]
start_per_s = 4
describe_per_s = 50
list_per_s = 50

[manifest]
watch_s = 0.5
quiet_s = 0.5

[track]
poll_floor_s = 0.2
list_lag_s = 0.5
stuck_after_s = 3

[retry]
attempts = 2
floor_s = 0.2
ceiling_s = 0.5
"""

_SWITCHES: Final = (
    "time_scale=200",
    "start_per_s=4",
    "describe_per_s=50",
    "list_per_s=50",
    "unreadable=s3://corpus-in/unreadable/",
    "seed=1",
)

_FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"what": "short_output", "input_prefix": "s3://corpus-in/short/"},
    {"what": "stick_job", "input_prefix": "s3://corpus-in/stuck/"},
    {"what": "lose_answer", "operation": "StartSentiment*", "after": 1, "times": 1},
    {"what": "throttle", "operation": "Start*", "every": 5, "times": 8},
    {"what": "foreign_jobs", "operation": "StartEntities*", "jobs": FOREIGN, "seconds": 100_000, "times": 1},
    {"what": "fail_job", "operation": "StartPii*", "input_prefix": "s3://corpus-in/good/", "times": 1},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that runs. `metrics` is what fleet says of itself at the end of the load."""

    place: Place
    prometheus: Prometheus
    metrics_url: str

    def metrics(self) -> str:
        """The whole text of `/metrics` now."""
        with urllib.request.urlopen(self.metrics_url, timeout=10) as answer:  # noqa: S310 - our own fleet
            text: str = answer.read().decode()
        return text


@contextmanager
def opened(directory: Path) -> Iterator[World]:
    """The world once all jobs but the stuck one have ended, and Prometheus has seen it."""
    port = free_port()
    with ExitStack() as stack:
        prometheus = stack.enter_context(serve(directory, {"fleet": f"127.0.0.1:{port}"}, RULES))
        environment = stack.enter_context(sandbox(directory, _SWITCHES))
        place = Place(directory, environment)
        _furnish(place, port)
        stack.enter_context(_serving(place))
        prometheus.until(lambda: prometheus.value('up{job="fleet"}') == 1, "fleet is scraped")
        _manifest(place)  # only now, so that Prometheus sees every counter from its beginning
        prometheus.until(lambda: _is_done(prometheus), "all jobs but the stuck one have ended", patience_s=90)
        yield World(place=place, prometheus=prometheus, metrics_url=f"http://127.0.0.1:{port}/metrics")


def _furnish(place: Place, port: int) -> None:
    """Buckets with documents, the faults of the sandbox, and a directory of manifests that holds none yet."""
    (place.directory / "fleet.toml").write_text(_CONFIG.format(port=port))
    (place.directory / "manifests").mkdir()

    async def make_buckets() -> None:
        async with S3Store(place.environment["AWS_ENDPOINT_URL_S3"]) as store:
            await store.create_bucket("corpus-in")
            await store.create_bucket("corpus-out")

    anyio.run(make_buckets)
    # one document is longer than any kind takes: an error in the output, whatever the kind, and a partial output
    place.documents(*_GOOD[1:], "short/", "unreadable/", "stuck/")
    place.documents(_GOOD[0], body=TEXT + b"word " * 250_000 + b"\n")
    url = f"{place.environment['AWS_ENDPOINT_URL_COMPREHEND']}/sandbox/faults"
    for fault in _FAULTS:
        request = urllib.request.Request(  # noqa: S310 - our own sandbox
            url, data=json.dumps(fault).encode(), headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310
            pass


@contextmanager
def _serving(place: Place) -> Iterator[None]:
    """`fleet serve` while the context lasts."""
    command = [sys.executable, "-m", "fleet", "serve", "manifests"]
    with (place.directory / "fleet.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=place.directory, env=place.environment, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def _manifest(place: Place) -> None:
    """One line is no JSON: it is rejected, and named."""
    lines = [{"prefix": f"s3://corpus-in/{prefix}"} for prefix in (*_GOOD, "short/", "unreadable/")]
    stuck = {"prefix": "s3://corpus-in/stuck/", "kinds": ["entities"]}
    place.write("manifests/corpus.jsonl", *lines, stuck, "no JSON")


def _is_done(prometheus: Prometheus) -> bool:
    ended = prometheus.value('sum(fleet_jobs{state=~"verified|discarded"})')
    stuck = prometheus.value("sum(fleet_stuck_jobs)")
    return ended == ENDED and stuck == STUCK
