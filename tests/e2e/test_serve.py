"""`fleet serve` as a process: a supervisor listens on its socket, a person asks over HTTP, manifests grow."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from fleet.sandbox.store import S3Store
from tests.e2e.conftest import CONFIG, Place

PATIENCE_S = 40
SERVE = CONFIG.replace("[track]", "[manifest]\nwatch_s = 0.1\nquiet_s = 0.5\n\n[track]").replace(
    '"entities", "key_phrases", "pii_entities", "sentiment", "targeted_sentiment"', '"entities"'
)


@dataclass
class Served:
    """A running `fleet serve`, its supervisor's ears, and its pages."""

    process: "subprocess.Popen[str]"
    port: int
    supervisor: socket.socket
    place: Place

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def status(self) -> dict[str, Any]:
        """What `/api/v1/status` says."""
        found: dict[str, Any] = json.loads(self.get("/api/v1/status")[1])
        return found

    def metric(self, line: str) -> float:
        """The value of the sample that begins so."""
        (value,) = [row.rpartition(" ")[2] for row in self.get("/metrics")[1].splitlines() if row.startswith(line)]
        return float(value)

    def hear(self, word: str) -> list[str]:
        """The lines of the next datagram that says this word, whatever comes before it."""
        while True:
            lines = self.supervisor.recv(4096).decode().splitlines()
            if any(line.startswith(word) for line in lines):
                return lines

    def wait(self, until: Callable[[], bool], what: str) -> None:
        """Return once it is so."""
        deadline = time.monotonic() + PATIENCE_S
        while not until():
            assert self.process.poll() is None, (self.process.stderr and self.process.stderr.read())[-3000:]
            assert time.monotonic() < deadline, f"{what}: {self.status()}"
            time.sleep(0.05)

    def wait_done(self, jobs: int) -> None:
        """Return once there are so many jobs and all of them are verified."""
        self.wait(lambda: (found := self.status())["states"]["verified"] == jobs == found["jobs"], f"{jobs} verified")

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """The exit code and all that was logged."""
        self.process.send_signal(number)
        _, logged = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, logged


@contextmanager
def serving(place: Place, *manifests: str, config: str = SERVE, **environment: str) -> Iterator[Served]:
    """`fleet serve` with these manifests, once its supervisor has heard that it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (place.directory / "fleet.toml").write_text(f'[http]\nlisten = "127.0.0.1:{port}"\n{config}')
    name = f"fleet-serve-{os.getpid()}-{port}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(f"\0{name}")
        supervisor.settimeout(PATIENCE_S)
        place.environment |= {"NOTIFY_SOCKET": f"@{name}", "WATCHDOG_USEC": "400000", **environment}
        process = place.start("serve", *manifests)
        served = Served(process, port, supervisor, place)
        try:
            served.hear("READY=1")
            yield served
        finally:
            process.kill()
            process.communicate()


def line(prefix: str) -> str:
    return json.dumps({"prefix": f"s3://corpus-in/{prefix}"}) + "\n"


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_manifests_that_grow_are_done_without_a_restart(place: Place) -> None:
    """Lines appended to a file, a line in two halves, a new file of a directory, a new object in S3: each is done once.

    What was done before is not touched: no second attempt, no second job in AWS.
    """
    place.documents("a/", "b/", "c/", "d/", "e/", "f/")
    manifest = place.directory / place.write("manifest.jsonl", {"prefix": "s3://corpus-in/a/"})
    (place.directory / "more").mkdir()
    remote = "s3://corpus-in/manifests/m.jsonl"

    async def write_remote(text: str) -> None:
        async with S3Store(place.environment["AWS_ENDPOINT_URL_S3"]) as store:
            await store.write("corpus-in", "manifests/m.jsonl", text.encode())

    anyio.run(write_remote, line("b/"))
    with serving(place, str(manifest), "more", remote) as served:
        served.wait_done(2)
        append(manifest, line("c/") + line("d/")[:20])
        served.wait_done(3)
        append(manifest, line("d/")[20:])
        served.wait_done(4)
        (place.directory / "more" / "new.csv").write_text("prefix\ns3://corpus-in/e/\n")
        served.wait_done(5)
        rejected = served.status()["rejected"]
        jobs = json.loads(served.get("/api/v1/jobs")[1])["jobs"]
        code, logged = served.end()

    assert code == 0, logged
    assert rejected == 0
    assert {job["attempt"] for job in jobs} == {1}
    truth = place.truth()
    assert (truth["jobs_started"], truth["duplicates"]) == (5, [])


def test_a_supervisor_hears_how_the_service_fares(place: Place) -> None:
    """READY after the first reconcile, signs of life and a status while it works, STOPPING with time to drain."""
    place.documents("a/")
    manifest = place.write("manifest.jsonl", {"prefix": "s3://corpus-in/a/"})

    with serving(place, manifest) as served:
        alive = [served.hear("WATCHDOG=1") for _ in range(3)]
        served.wait_done(1)
        status = served.hear("STATUS=1 of 1 jobs done")
        ready, live = served.get("/readyz"), served.get("/livez")
        served.process.send_signal(signal.SIGTERM)
        stopping, extended = served.hear("STOPPING=1"), served.hear("EXTEND_TIMEOUT_USEC=")
        _, logged = served.process.communicate(timeout=PATIENCE_S)

    assert alive == [["WATCHDOG=1"]] * 3
    assert status == ["STATUS=1 of 1 jobs done, 0 in AWS"]
    assert (ready, live) == ((200, "ok\n"), (200, "ok\n"))
    assert stopping[0] == "STOPPING=1"
    assert extended == ["EXTEND_TIMEOUT_USEC=30000000"]
    assert served.process.returncode == 0, logged


def test_a_hangup_loads_the_configuration_and_a_bad_one_changes_nothing(place: Place) -> None:
    """A quota changes while jobs run; a configuration that cannot work is told of everywhere and keeps the old one."""
    place.documents(*(f"{number}/" for number in range(6)))
    manifest = place.directory / place.write("manifest.jsonl", {"prefix": "s3://corpus-in/0/"})
    file = place.directory / "fleet.toml"

    with serving(place, str(manifest)) as served:
        good = file.read_text()
        file.write_text(good.replace("start_per_s = 20", "start_per_s = 20\nactive_jobs = 3"))
        served.process.send_signal(signal.SIGHUP)
        reloading, ready = served.hear("RELOADING=1"), served.hear("READY=1")
        served.wait(lambda: _slots(served) == {3}, "three slots")
        file.write_text(good.replace("[track]", "[trakc]"))
        served.process.send_signal(signal.SIGHUP)
        kept = served.hear("STATUS=kept the old configuration")
        unready, metric = served.get("/readyz"), served.metric("fleet_config_last_reload_successful")
        append(manifest, "".join(line(f"{number}/") for number in range(1, 6)))
        served.wait_done(6)
        slots = _slots(served)
        file.write_text(good)
        served.process.send_signal(signal.SIGHUP)
        served.wait(lambda: served.get("/readyz")[0] == 200, "ready again")
        again = served.metric("fleet_config_last_reload_successful")
        code, logged = served.end()

    assert reloading[1].startswith("MONOTONIC_USEC=")
    assert ready[0] == kept[0] == "READY=1"
    assert unready[0] == 503
    assert "track" in unready[1]
    assert (metric, slots, again) == (0.0, {3}, 1.0)
    assert code == 0, logged
    assert '"event": "config.rejected"' in logged
    assert place.truth()["duplicates"] == []


def test_a_second_signal_leaves_at_once(place: Place) -> None:
    """Nobody has to wait for a drain: what the ledger has acknowledged is safe."""
    with serving(place, place.write("manifest.jsonl")) as served:
        served.process.send_signal(signal.SIGTERM)
        served.process.send_signal(signal.SIGINT)
        code, _ = served.end()

    assert code in (0, 130, 143)  # an idle drain may be quicker than the second signal


def test_a_port_that_is_taken_is_a_configuration_error(place: Place) -> None:
    """Exit code 78 and a sentence, before anything is started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (place.directory / "fleet.toml").write_text(f'[http]\nlisten = "127.0.0.1:{port}"\n{SERVE}')

        ended = place.fleet("serve", place.write("manifest.jsonl"))

    assert ended.returncode == 78
    assert f"http.listen: cannot listen on 127.0.0.1:{port}: another process listens there" in ended.stderr


def _slots(served: Served) -> set[int]:
    return {lane["slots_quota"] for lane in served.status()["lanes"]}


def test_an_address_that_cannot_be_is_a_configuration_error(place: Place) -> None:
    """No port, one that is none, or an address that everybody could reach without having been asked for."""
    manifest = place.write("manifest.jsonl")
    for listen in ("0.0.0.0:9377", "nowhere", "127.0.0.1:99999"):
        (place.directory / "fleet.toml").write_text(f'[http]\nlisten = "{listen}"\n{SERVE}')

        ended = place.fleet("serve", manifest)

        assert ended.returncode == 78
        assert "http.listen" in ended.stderr
