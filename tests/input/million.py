"""How much memory and time a large manifest takes, line by line through the real plan and ingest. Not a test.

    python -m tests.input.million [--lines N] [--bad SHARE] [--giant]

Prints the peak memory of a process of its own for each way in, and its seconds. With `--giant` the manifest has one
more line, of a gigabyte (a hole in the file: it takes no room on the disk).
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread

from fleet.app.planning import planner
from fleet.app.preview import preview
from fleet.ledger import Ledger
from fleet.settings import load
from fleet.stages.ingest import Ingest, warn
from fleet.stages.inputs import Inputs
from fleet.stages.loop import SystemClock
from fleet.stages.source import read
from tests.input.rows_config import WHOLE

__all__ = ["main"]

_GIANT_BYTES: Final = 1 << 30
_WAYS: Final = ("lines", "plan", "ingest")


def main(words: Sequence[str] | None = None) -> int:
    """Print one line for each way in."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m tests.input.million", description=__doc__, formatter_class=formatter
    )
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--bad", type=float, default=0.01, help="this share of the lines is rejected")
    parser.add_argument("--giant", action="store_true", help="one more line, of a gigabyte")
    parser.add_argument("--way", choices=_WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args(words)
    if asked.way:
        _measure(asked.way)
        return 0
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "fleet.toml").write_text(WHOLE)
        size_bytes = _write(Path(directory) / "manifest.jsonl", asked.lines, asked.bad, giant=asked.giant)
        sys.stdout.write(f"{asked.lines:,} lines, {size_bytes / 1e6:,.0f} MB\n")
        for way in _WAYS:
            environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
            command = [sys.executable, "-m", "tests.input.million", "--way", way]
            subprocess.run(command, cwd=directory, env=environment, check=True)
    return 0


def _write(path: Path, lines: int, bad: float, *, giant: bool) -> int:
    every = round(1 / bad) if bad else 0
    with path.open("wb") as file:
        for number in range(lines):
            prefix = "nonsense" if every and number % every == 0 else f"s3://corpus-in/{number % 977:03}/{number:09}/"
            file.write(b'{"prefix": "%s"}\n' % prefix.encode())
        if giant:
            file.seek(_GIANT_BYTES, os.SEEK_CUR)
            file.write(b'\n{"prefix": "s3://corpus-in/last/"}\n')
    return path.stat().st_size


def _measure(way: str) -> None:
    began = time.monotonic()
    told = anyio.run({"lines": _lines, "plan": _plan, "ingest": _ingest}[way])
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{way:7} {peak_mib:7.0f} MiB at the peak {time.monotonic() - began:7.1f} s  {told}\n")


async def _lines() -> str:
    """The manifest read and planned, and nothing kept."""
    return await to_thread.run_sync(_read)


def _read() -> str:
    jobs = bad = 0
    with Path("manifest.jsonl").open("rb") as file:
        for batch in read(file, planner(load(Path("fleet.toml"), environment={}))):
            jobs, bad = jobs + len(batch.planned), bad + len(batch.rejections)
    return f"{jobs:,} jobs, {bad:,} rejections"


async def _plan() -> str:
    """What `fleet plan` does."""
    found = await preview(load(Path("fleet.toml"), environment={}), ["manifest.jsonl"], job_s=480)
    return f"{found.new:,} jobs, {found.rejections:,} rejections, {found.findings.overlapping_count:,} overlaps"


async def _ingest() -> str:
    """What `fleet run` does before it starts jobs."""
    plan = planner(load(Path("fleet.toml"), environment={}))
    inputs = Inputs()
    async with await Ledger.open("sqlite:///fleet.db") as ledger:
        ingest = Ingest(ledger, plan, None, configuration="", clock=SystemClock())  # type: ignore[arg-type]
        reading = await ingest.read("manifest.jsonl", inputs=inputs)
    await warn(inputs)
    inputs.close()
    return f"{reading.new:,} jobs, {reading.rejected:,} rejections"


if __name__ == "__main__":
    sys.exit(main())
