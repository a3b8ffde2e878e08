"""How much memory and time `fleet run` takes for many jobs, as a real process against the sandbox. Not a test.

    python -m tests.bench.memory [--jobs N] [--prefixes N] [--json]

1. 10,000 jobs in the ledger, 50 of them in flight (10 slots of five kinds): RSS once all slots are held.
2. 1,000,000 prefixes while nothing can start: seconds from the process's start until the whole manifest is in the
   ledger, and peak RSS. Then the process is killed and started again, and Starts are let in: seconds to the first one.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.bench.contenders.fleet_run import prepare
from tests.bench.contenders.task import Task
from tests.bench.scenarios import ALL_KINDS
from tests.bench.service import INPUT, ROLE, Service, serve

__all__ = ["main"]

_LOOK_S: Final = 0.05
_HOLD_S: Final = 20.0
_PATIENCE_S: Final = 600.0
_SLOTS: Final = 10
_SWITCHES: Final = ("overhead_s=36000", "empty_input=complete", "start_per_s=10", "work_at_once=16")


def main(words: Sequence[str] | None = None) -> int:
    """Print the figures with their targets; 1 if one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs in the ledger of the first part")
    parser.add_argument("--prefixes", type=int, default=1_000_000, help="lines of the second part's manifest")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(words)
    rows = [*_in_flight(arguments.jobs), *_large_manifest(arguments.prefixes)]
    if arguments.json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
    else:
        sys.stdout.writelines(
            f"{row['what']:<64} {row['figure']:>8.1f} {row['unit']:<4} target {row['target']:g}\n" for row in rows
        )
    return int(any(row["figure"] > row["target"] for row in rows))


def _in_flight(jobs: int) -> Iterator[dict[str, Any]]:
    prefixes = jobs // len(ALL_KINDS)
    in_flight = _SLOTS * len(ALL_KINDS)
    with _place(prefixes, ALL_KINDS) as (directory, service), _fleet(directory, service) as process:
        _until(lambda: service.truth()["jobs_started"] >= in_flight and _ingested(directory), process)
        until = time.monotonic() + _HOLD_S
        _until(lambda: time.monotonic() > until, process)
        rss = _memory_mib(process.pid, "VmRSS")
    yield _row(f"RSS, {jobs:,} jobs in the ledger, {in_flight} in flight", rss, "MiB", 100)


def _large_manifest(prefixes: int) -> Iterator[dict[str, Any]]:
    with _place(prefixes, ("entities",)) as (directory, service):
        service.control("POST", "faults", {"what": "throttle", "operation": "Start*"})
        began = time.monotonic()
        with _fleet(directory, service) as process:
            _until(lambda: _ingested(directory), process)
            took_s, peak = time.monotonic() - began, _memory_mib(process.pid, "VmHWM")
        yield _row(f"{prefixes:,} prefixes, manifest to ledger", took_s, "s", 60)
        yield _row(f"{prefixes:,} prefixes, peak RSS", peak, "MiB", 300)
        service.control("DELETE", "faults")
        began = time.monotonic()
        with _fleet(directory, service) as process:
            _until(lambda: service.truth()["jobs_started"] > 0, process)
            took_s = time.monotonic() - began
        yield _row(f"{prefixes:,} prefixes in the ledger, restart to first Start", took_s, "s", 5)


@contextmanager
def _place(prefixes: int, kinds: Sequence[str]) -> Iterator[tuple[Path, Service]]:
    """A directory with fleet's configuration and manifest, and a sandbox whose jobs do not end."""
    task = Task(
        jobs=[(kind, f"{INPUT}{number:07d}/") for number in range(1, prefixes + 1) for kind in kinds],
        slots=_SLOTS,
        start_per_s=10,
        describe_per_s=10,
        list_per_s=10,
        poll_s=1,
        role=ROLE,
        output="s3://corpus-out/results/",
    )
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        prepare(task, directory)
        with serve(directory, _SWITCHES, ()) as service:
            yield directory, service


@contextmanager
def _fleet(directory: Path, service: Service) -> Iterator["subprocess.Popen[bytes]"]:
    """`fleet run` while the context lasts, killed after it."""
    command = [sys.executable, "-m", "fleet", "run", "manifest.jsonl"]
    with (
        (directory / "fleet.log").open("wb") as log,
        subprocess.Popen(command, cwd=directory, env=service.environment, stdout=log, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def _until(is_so: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not is_so():
        if process.poll() is not None:
            raise RuntimeError(f"fleet run left with {process.returncode}; see its log")
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {_PATIENCE_S:.0f} s")
        time.sleep(_LOOK_S)


def _ingested(directory: Path) -> bool:
    """Whether fleet has logged that the whole manifest is in the ledger."""
    return b'"manifest.read"' in (directory / "fleet.log").read_bytes()


def _memory_mib(process_id: int, field: str) -> float:
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def _row(what: str, figure: float, unit: str, target: float) -> dict[str, Any]:
    return {"what": what, "figure": figure, "unit": unit, "target": target}


if __name__ == "__main__":
    sys.exit(main())
