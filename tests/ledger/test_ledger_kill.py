"""SIGKILL at any moment: what was acknowledged is there afterwards, and nobody has to repair anything."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from fleet.core.job import Event, State
from fleet.core.lane import Lane
from fleet.ledger import Ledger

LANE = Lane("123456789012", "us-east-1", "entities")

WRITER = """
import asyncio, hashlib, sys
from fleet.core.job import Event, PlannedJob
from fleet.core.lane import Lane
from fleet.ledger import Ledger

LANE = Lane("123456789012", "us-east-1", "entities")

def planned(number):
    key = hashlib.sha256(str(number).encode()).hexdigest()[:32]
    return PlannedJob(key=key, lane=LANE, target="main", prefix=f"s3://corpus-in/{number}/", request="{}")

async def write(ledger, manifest_id, numbers):
    for number in numbers:
        job = planned(number)
        await ledger.add(manifest_id, [(number, job)])
        print("added", job.key, flush=True)
        for claimed in await ledger.claim(LANE, limit=1, holder="writer"):
            print("claimed", claimed.key, flush=True)
            await ledger.record(claimed, Event.ACCEPTED, remote_id=claimed.key)
            print("accepted", claimed.key, flush=True)

async def main():
    ledger = await Ledger.open(sys.argv[1])
    manifest = await ledger.begin_manifest("test", None)
    await asyncio.gather(*(write(ledger, manifest.id, range(start, 1_000_000, 8)) for start in range(8)))

asyncio.run(main())
"""


def killed_after(lines: int, url: str) -> list[tuple[str, str]]:
    """What a real writer process acknowledged before it was killed, after it had said so many lines."""
    with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        heard = [writer.stdout.readline() for _ in range(lines)]
        os.kill(writer.pid, signal.SIGKILL)
        heard += [line for line in writer.stdout if line.endswith("\n")]
    assert writer.returncode == -signal.SIGKILL
    return [(word, key) for word, key in map(str.split, heard)]


@pytest.mark.parametrize("lines", [1, 2, 17, 200, 900])
async def test_what_was_acknowledged_before_a_kill_is_there_after_it(tmp_path: Path, lines: int) -> None:
    """Every add, claim and record that returned in a killed process is in the reopened ledger, and it adds up."""
    url = f"sqlite:///{tmp_path}/fleet.db"

    acknowledged = killed_after(lines, url)

    async with await Ledger.open(url) as ledger:
        jobs = {job.key: job for job in await ledger.jobs()}
        events = {job.key: [recorded.event for recorded in await ledger.history(job.id)] for job in jobs.values()}
        counts = await ledger.counts()

    assert len(acknowledged) >= lines
    for word, key in acknowledged:
        assert key in jobs
        assert word == "added" or Event(word) in events[key]
        assert word != "accepted" or (jobs[key].state, jobs[key].remote_id) == (State.RUNNING, key)
    assert Counter(job.state for job in jobs.values()) == Counter(counts[LANE])


async def test_a_ledger_that_was_killed_while_being_made_is_made_anew(tmp_path: Path) -> None:
    """An empty file is what a crash before the first commit leaves: it becomes a ledger."""
    (tmp_path / "fleet.db").touch()

    async with await Ledger.open(f"sqlite:///{tmp_path}/fleet.db") as ledger:
        assert await ledger.jobs() == []
