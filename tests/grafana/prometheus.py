"""A real Prometheus and promtool for tests: Debian's own, from PATH or unpacked into `.tools/`; nothing is installed.

The server listens on the loopback interface only, on a port that was free, with a data directory of its own.
"""

import http.client
import json
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.deploy.tools import found

__all__ = ["Prometheus", "Refused", "free_port", "promtool", "serve", "substituted"]

PACKAGE: Final = "prometheus"
SCRAPE_S: Final = 1

_PATIENCE_S: Final = 30.0
_BETWEEN_S: Final = 0.1


class Refused(Exception):
    """Prometheus did not accept the expression; the text is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """A server that runs. `url` has no slash at its end."""

    url: str
    process: "subprocess.Popen[bytes]"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of the expression now, as the HTTP API gives them; `Refused` if it is no PromQL."""
        result = self.get("query", query=expression)
        if result["resultType"] == "scalar":
            return [{"metric": {}, "value": result["result"]}]
        samples: list[dict[str, Any]] = result["result"]
        return samples

    def value(self, expression: str) -> float | None:
        """The only sample's value; None where there is none."""
        samples = self.query(expression)
        assert len(samples) <= 1, f"{expression}: {len(samples)} samples"
        return float(samples[0]["value"][1]) if samples else None

    def get(self, path: str, **parameters: str) -> Any:
        """The data of one call of the HTTP API, version 1."""
        body = urllib.parse.urlencode(parameters).encode() or None
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data=body)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Refused(f"{json.load(error)['error']}: {parameters}") from None

    def until(self, holds: Callable[[], bool], what: str, patience_s: float = _PATIENCE_S) -> None:
        """Return once it holds; an AssertionError with `what` if that takes too long or the server ends."""
        deadline = time.monotonic() + patience_s
        while not holds():
            assert time.monotonic() < deadline, f"after {patience_s:.0f} s still not so: {what}"
            assert not ended(self.process, within_s=_BETWEEN_S), f"Prometheus has left with {self.process.returncode}"


def ended(process: "subprocess.Popen[Any]", *, within_s: float) -> bool:
    """Whether the process is at its end, or comes to it within so many seconds."""
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def promtool(*words: str | Path, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
    """One promtool command to its end."""
    command = [*found("promtool", PACKAGE), *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def serve(directory: Path, targets: Mapping[str, str], rules: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes these targets (job -> host:port) every second while the context lasts.

    It is ready to be asked; its first scrapes come some seconds later.
    """
    program = found("prometheus", PACKAGE)
    port = free_port()
    config = directory / "prometheus.yml"
    config.write_text(yaml.safe_dump(_config(targets, rules)))
    command = [*program, f"--config.file={config}", f"--storage.tsdb.path={directory / 'tsdb'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with (directory / "prometheus.log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        server = Prometheus(url=f"http://127.0.0.1:{port}", process=process)
        try:
            server.until(lambda: _ready(server.url), "Prometheus is ready")
            yield server
        finally:
            process.terminate()


def substituted(expression: str, variables: Mapping[str, str]) -> str:
    """The expression with Grafana's `$name` and `${name}` replaced; KeyError for a variable that is not given."""
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: variables[found[1] or found[2]], expression)


def _config(targets: Mapping[str, str], rules: Path) -> dict[str, Any]:
    scrapes = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()]
    pace = {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"}
    return {"global": pace, "rule_files": [str(rules)], "scrape_configs": scrapes}


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1):  # noqa: S310 - our own server
            return True
    except (OSError, http.client.HTTPException):
        return False
