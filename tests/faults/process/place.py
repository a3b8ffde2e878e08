"""One fleet of one account: its directory, its configuration, and its real processes."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fleet.sandbox.truth import Entry, Span
from tests.bench.service import INPUT, Service
from tests.faults.process.accept_log import Judgement, Limits, judge

__all__ = ["KINDS", "Place", "prefixes"]

KINDS: Final = ("entities", "pii_entities")
_CONFIG: Final = """\
[defaults]
kinds = {kinds}
language = "en"
input_format = "ONE_DOC_PER_LINE"

[targets.main]
region = "us-east-1"
data_access_role_arn = "arn:aws:iam::{account}:role/comprehend"
output = "s3://corpus-out/results/"

[targets.main.quotas]
active_jobs = {limits.active_jobs}
start_per_s = {limits.start_per_s}
describe_per_s = {limits.describe_per_s}
list_per_s = {limits.list_per_s}

[track]
list_lag_s = 0.2
{more}
"""
_PAUSE_S: Final = 0.05


def prefixes(count: int) -> list[str]:
    """So many S3 prefixes, below which the sandbox of a test has documents."""
    return [f"{INPUT}{number:05d}/" for number in range(1, count + 1)]


@dataclass(slots=True, kw_only=True)
class Place:
    """Where `fleet run` is run, again and again. The account is told by the access key, so that it has a log alone."""

    directory: Path
    service: Service
    account: str
    uris: Sequence[str]
    kinds: Sequence[str] = KINDS
    limits: Limits = field(default_factory=Limits)
    environment: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    _frozen: Judgement | None = None

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.environment = {**self.service.environment, "AWS_ACCESS_KEY_ID": self.account, **self.environment}
        kinds = json.dumps(list(self.kinds))
        text = _CONFIG.format(kinds=kinds, account=self.account, limits=self.limits, more=self.config)
        (self.directory / "fleet.toml").write_text(text)
        lines = "".join(json.dumps({"prefix": uri}) + "\n" for uri in self.uris)
        (self.directory / "manifest.jsonl").write_text(lines)

    @property
    def expected(self) -> set[tuple[str, str]]:
        """The (kind, input S3 URI) pairs of the manifest."""
        return {(kind, uri) for uri in self.uris for kind in self.kinds}

    def start(
        self, *, within: Sequence[str] = (), environment: Mapping[str, str | None] | None = None, **streams: Any
    ) -> "subprocess.Popen[bytes]":
        """Start `fleet run` with its summary as JSON; `within`: a command that runs it. Output goes to files.

        A variable that is None is taken out of the environment.
        """
        wanted = {**self.environment, **(environment or {})}
        with (self.directory / "out.json").open("wb") as out, (self.directory / "fleet.log").open("ab") as log:
            return subprocess.Popen(
                [*within, sys.executable, "-m", "fleet", "run", "manifest.jsonl", "--json"],
                cwd=self.directory,
                env={name: value for name, value in wanted.items() if value is not None},
                **{"stdin": subprocess.DEVNULL, "stdout": out, "stderr": log, **streams},
            )

    @contextmanager
    def running(self, **more: Any) -> Iterator["subprocess.Popen[bytes]"]:
        """What `start` starts; nothing of it is left afterwards."""
        process = self.start(**more)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def finish(self, timeout_s: float = 55, **more: Any) -> dict[str, Any]:
        """Run fleet to its end, which must be a good one: exit code 0, and every job verified. Its summary."""
        with self.running(**more) as process:
            code = process.wait(timeout_s)
        assert code == 0, self.said()[-3000:]
        summary: dict[str, Any] = json.loads((self.directory / "out.json").read_bytes())
        assert summary["states"]["verified"] == len(self.expected), summary
        return summary

    def said(self) -> str:
        """All that the fleet processes here wrote to standard error."""
        return (self.directory / "fleet.log").read_text(errors="replace")

    def log(self) -> list[Entry]:
        """The accept log of this account so far."""
        return [entry for entry in self.service.log() if entry.account == self.account]

    def freeze(self) -> None:
        """The judgement is the present one from now on, and needs no sandbox."""
        self._frozen = self.judgement()

    def starts(self) -> int:
        """How many Starts of this account were accepted so far."""
        return judge(self.log(), (), ()).starts

    def judgement(self) -> Judgement:
        """What the accept log says by now."""
        if self._frozen is not None:
            return self._frozen
        spans = [Span(**json.loads(line)) for line in self.service.control("GET", "spans").splitlines()]
        return judge(self.log(), [span for span in spans if span.account == self.account], self.expected)

    def violations(self) -> list[str]:
        """The promises that the accept log shows as broken."""
        return self.judgement().violations(self.limits)

    def wait(
        self, process: "subprocess.Popen[bytes]", condition: Callable[[], bool], what: str, timeout_s: float = 40
    ) -> None:
        """Return once the condition holds; the process must live on until then."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"not in {timeout_s:g} s: {what}\n{self.said()[-3000:]}"
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(_PAUSE_S)
                assert condition(), f"left with {code} before: {what}\n{self.said()[-3000:]}"
