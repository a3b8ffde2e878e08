"""The command line in this process: a directory with a ledger that holds jobs in every state, and what it prints."""

import asyncio
import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fleet.core.job import Event, Job, PlannedJob, Verdict
from fleet.core.lane import Lane
from fleet.ledger import Ledger

CONFIG = """
[ledger]
url = "sqlite:///fleet.db"

[defaults]
kinds = ["entities"]
language = "en"

[targets.main]
region = "us-east-1"
data_access_role_arn = "arn:aws:iam::123456789012:role/comprehend"
output = "s3://corpus-out/results/"
"""
REQUEST = '{"OutputDataConfig":{"S3Uri":"s3://corpus-out/results/"}}'
LANES = [Lane("123456789012", "us-east-1", kind) for kind in ("entities", "sentiment")]
NASTY = "NO_READ_ACCESS_TO_INPUT: \x1b[31mred\x1b[0m \u202eesrever\r\n| =1+1"


@dataclass(frozen=True)
class Said:
    """What one command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Fleet = Callable[..., Said]


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run one command line in an empty directory with a configuration."""
    (tmp_path / "fleet.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    cli = importlib.import_module("fleet.cli.main")  # as an attribute of its package, `main` is the function
    monkeypatch.setattr(cli, "secure_streams", lambda: None)

    def run(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["fleet", *words])
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = capsys.readouterr()
        return Said(int(left.value.code or 0), said.out, said.err)

    return run


def key(number: int) -> str:
    """The key of the job of this number."""
    return f"{number:02x}" * 16


@pytest.fixture
def ledger(tmp_path: Path) -> list[Job]:
    """Eight jobs, two of each: verified whole, verified partial, discarded, pending; and one rejected line."""
    return asyncio.run(_fill(f"sqlite:///{tmp_path}/fleet.db"))


async def _fill(url: str) -> list[Job]:
    async with await Ledger.open(url, wall=lambda: 1_700_000_000.0) as ledger:
        manifest = await ledger.begin_manifest("corpus.jsonl", "digest")
        planned = [
            PlannedJob(
                key=key(number),
                lane=LANES[number % 2],
                target="main",
                prefix=f"s3://corpus-in/{number}/",
                request=REQUEST,
                label="=cmd()",
            )
            for number in range(8)
        ]
        await ledger.add(manifest.id, [(number + 1, job) for number, job in enumerate(planned)])
        await ledger.reject(manifest.id, [_Bad()])
        await ledger.complete_manifest(manifest.id, 9)
        for number in range(6):
            (job,) = await ledger.claim(LANES[number % 2], limit=1, holder="test")
            job = await ledger.record(job, Event.ACCEPTED, remote_id=f"{number}" * 32, submitted_at=1_700_000_000.0)
            await _end(ledger, job, number)
        return await ledger.jobs()


async def _end(ledger: Ledger, job: Job, number: int) -> None:
    if number >= 4:
        await ledger.record(job, Event.DISCARDED, reason=NASTY)
        return
    job = await ledger.record(job, Event.FINISHED, output_uri="s3://corpus-out/results/x", ended_at=1_700_000_480.0)
    errors = [{"file": "a.txt", "line": 3, "code": "DOCUMENT_SIZE_EXCEEDED", "message": ""}]
    partial = number >= 2
    await ledger.record(
        job,
        Event.VERIFIED,
        verdict=Verdict.PARTIAL if partial else Verdict.COMPLETE,
        documents=10,
        failed_documents=int(partial),
        reason="1 x DOCUMENT_SIZE_EXCEEDED" if partial else None,
        detail={"errors": errors} if partial else None,
    )


class _Bad:
    line, field, reason = 5, "prefix", "is no URI"
