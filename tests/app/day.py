"""A day of `fleet serve` under virtual time: manifests come in hour by hour, and nothing piles up in the process.

    python -m tests.app.day [HOURS] [--trace]

prints what the process holds, hour by hour: objects, open files, the jobs that are done, and with --trace, which takes
four times as long, the memory that Python allocated. The simulation's own records are cleared each hour, for they grow
with every request.
"""

import asyncio
import gc
import json
import logging
import os
import random
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from fleet.app.notify import Notify
from fleet.app.serving import Daemon
from fleet.aws.session import Access, Timeouts, open_clients
from fleet.core.job import State
from fleet.ledger.ledger import Ledger
from fleet.sandbox.simulation import Simulation, simulate
from fleet.sandbox.switches import Switches
from fleet.settings import Settings

__all__ = ["Held", "a_day"]

_HOUR_S: Final = 3600.0
_LOOKS: Final = 12
_NEW_FILES: Final = 3  # prefixes a period that come in a file of their own,
_NEW_LINES: Final = 2  # and in lines that are appended to a file that is there
_LINES: Final = b"Anna Smith of Paris loves her new phone.\n" * 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the process held at some virtual time, after garbage was collected."""

    hours: float
    verified: int
    jobs: int
    objects: int
    traced_bytes: int
    descriptors: int


def a_day(directory: Path, *, periods: int, period_s: float = _HOUR_S, traced: bool = False) -> list[Held]:
    """What a fleet that serves for so many virtual periods holds at the end of each. Tracing makes it much slower."""

    async def main(sandbox: Simulation) -> list[Held]:
        return await _serve(sandbox, directory, periods, period_s)

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    if traced:
        tracemalloc.start()
    try:
        return simulate(main, Switches(seed=7))
    finally:
        tracemalloc.stop()
        structlog.reset_defaults()


async def _serve(sandbox: Simulation, directory: Path, periods: int, period_s: float) -> list[Held]:
    manifests = directory / "manifests"
    manifests.mkdir()
    url = f"sqlite:///{directory}/fleet.db"
    ledger = await Ledger.open(url, wall=sandbox.clock.now)
    view = await Ledger.open(url, wall=sandbox.clock.now, read_only=True)
    try:
        async with open_clients({"main": Access(region="us-east-1")}, Timeouts()) as clients:
            for target in clients.values():
                sandbox.attach(target.comprehend._client)
                sandbox.attach(target.s3._client)
            daemon = Daemon(
                _settings(),
                None,
                ledger,
                clients,
                view=view,
                notify=Notify(""),
                clock=sandbox.clock,
                rng=random.Random(1),
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(daemon.run([str(manifests)]))
                found = [await _period(sandbox, daemon, manifests, number, period_s) for number in range(periods)]
                daemon.drain()
            return found
    finally:
        await view.close()
        await ledger.close()


async def _period(sandbox: Simulation, daemon: Daemon, manifests: Path, number: int, period_s: float) -> Held:
    """Some manifests come in, time passes, and somebody looks at the pages now and then."""
    prefixes = [f"{number:03}/{place}/" for place in range(_NEW_FILES + _NEW_LINES)]
    for prefix in prefixes:
        await sandbox.store.write("corpus-in", f"{prefix}one.txt", _LINES)
    _write(manifests / f"{number:03}.jsonl", prefixes[:_NEW_FILES], sandbox.clock.now())
    _write(manifests / "growing.jsonl", prefixes[_NEW_FILES:], sandbox.clock.now())
    for _ in range(_LOOKS):
        await sandbox.clock.sleep(period_s / _LOOKS)
        await daemon.refresh()
        await daemon.status()
    counts = await daemon.ledger.counts()
    sandbox.service.log.clear()
    gc.collect()
    return Held(
        hours=(number + 1) * period_s / _HOUR_S,
        verified=sum(states[State.VERIFIED] for states in counts.values()),
        jobs=sum(sum(states.values()) for states in counts.values()),
        objects=len(gc.get_objects()),
        traced_bytes=tracemalloc.get_traced_memory()[0],
        descriptors=len(os.listdir("/proc/self/fd")),
    )


def _write(path: Path, prefixes: Sequence[str], now: float) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps({"prefix": f"s3://corpus-in/{prefix}"}) + "\n" for prefix in prefixes)
    os.utime(path, (now, now))  # the simulation's time is not that of the disk


def _settings() -> Settings:
    return Settings.model_validate(
        {
            "defaults": {"kinds": ["entities"], "language": "en", "input_format": "ONE_DOC_PER_LINE"},
            "manifest": {"watch_s": 60.0},
            "targets": {
                "main": {
                    "region": "us-east-1",
                    "data_access_role_arn": "arn:aws:iam::123456789012:role/comprehend",
                    "output": "s3://corpus-out/results/",
                }
            },
        }
    )


def main() -> None:
    """Print the figures of so many hours (24)."""
    hours = int(sys.argv[1]) if sys.argv[1:] and sys.argv[1].isdecimal() else 24
    os.environ |= {"AWS_ACCESS_KEY_ID": "123456789012", "AWS_SECRET_ACCESS_KEY": "sandbox"}
    began = time.monotonic()
    print(f"{'hour':>4} {'verified':>8} {'jobs':>5} {'objects':>8} {'traced KiB':>10} {'files':>5}")  # noqa: T201
    with tempfile.TemporaryDirectory() as directory:
        for held in a_day(Path(directory), periods=hours, traced="--trace" in sys.argv):
            traced = held.traced_bytes / 1024
            print(  # noqa: T201
                f"{held.hours:>4.0f} {held.verified:>8} {held.jobs:>5} {held.objects:>8} {traced:>10,.0f} "
                f"{held.descriptors:>5}"
            )
    print(f"{hours} virtual hours took {time.monotonic() - began:.1f} s")  # noqa: T201


if __name__ == "__main__":
    main()
