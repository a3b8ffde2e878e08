"""Golden ledgers: one of each schema version that there ever was, with histories, and what it says.

`python -m tests.ledger.golden_ledgers` makes those of the newest version; after a release they never change again.
"""

import asyncio
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from fleet.core.job import State
from fleet.core.manifest import Rejection
from fleet.ledger import Ledger
from fleet.ledger.sqlite.schema import APPLICATION_ID, MIGRATIONS
from tests.contract.conftest import LANE, OTHER_LANE, Case, Wall, planned

__all__ = ["GOLDEN", "restore", "said"]

GOLDEN: Final = Path(__file__).parent / "golden"


def restore(version: int, path: Path) -> None:
    """The golden ledger of this version as a file, as the fleet of its day left it."""
    path.touch(0o600)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript((GOLDEN / f"schema-{version}.sql").read_text(encoding="utf-8"))


async def said(ledger: Ledger) -> dict[str, Any]:
    """Everything that a ledger answers, as plain data: what every later version must answer too."""
    jobs = []
    for job in await ledger.jobs():
        history = [recorded._asdict() for recorded in await ledger.history(job.id)]
        jobs.append({**asdict(job), "lane": str(job.lane), "history": history})
    counts = {str(lane): dict(states) for lane, states in (await ledger.counts()).items()}
    manifests = [manifest._asdict() for manifest in await ledger.manifests()]
    found = {
        "jobs": jobs,
        "counts": counts,
        "manifests": manifests,
        "rejections": [rejection._asdict() for rejection in await ledger.rejections()],
        "report": [[line, job.key] for manifest in manifests async for line, job in ledger.report(manifest["id"])],
        "reconciled_at": {str(lane): await ledger.reconciled_at(lane) for lane in (LANE, OTHER_LANE)},
        "reasons": [list(reason) for reason in await ledger.reasons()],
        "durations": [asdict(sample) for sample in await ledger.durations(LANE, limit=10)],
    }
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


async def live(url: str) -> None:
    """A ledger with jobs in every state, retries, adoptions, wishes, rejections and two manifests."""
    wall = Wall()
    case = Case(await Ledger.open(url, wall=wall), url, wall)
    for number, state in enumerate(reversed(State)):  # the pending one last, or it would be claimed first
        (job,) = await case.plan(start=number, source="first.jsonl", label=f"label {number}")
        wall.now_s += 10
        await case.bring(job, state)
    (again,) = await case.plan(start=20, source="second.csv", lane=OTHER_LANE)
    await case.ledger.measure({again.id: 4096})
    await case.ledger.adopt(again, attempt=2, remote_id="2" * 32, submitted_at=1_700_000_002.5)
    second = await case.ledger.begin_manifest("second.csv", "digest")
    await case.ledger.add(second.id, [(1, planned(20, lane=OTHER_LANE)), (3, planned(0))])
    await case.ledger.reject(second.id, [Rejection(line=2, field="kinds", reason="'entites' is unknown")])
    await case.ledger.complete_manifest(second.id, 3)
    await case.ledger.set_reconciled(LANE, 1_700_000_500.0)
    await case.ledger.request_cancel([planned(2).key])
    await case.ledger.close()


def dump(path: Path, version: int) -> Iterator[str]:
    """The statements that make this ledger."""
    with closing(sqlite3.connect(path)) as connection:
        yield f"PRAGMA application_id = {APPLICATION_ID};"
        yield from connection.iterdump()
        yield f"PRAGMA user_version = {version};"


def make(version: int) -> None:
    """Write the golden ledger of the newest schema version, and what it says."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "fleet.db"
        asyncio.run(live(f"sqlite:///{path}"))
        (GOLDEN / f"schema-{version}.sql").write_text("\n".join(dump(path, version)) + "\n")
        (GOLDEN / f"schema-{version}.json").write_text(json.dumps(asyncio.run(_answers(path)), indent=1) + "\n")


async def _answers(path: Path) -> dict[str, Any]:
    async with await Ledger.open(f"sqlite:///{path}", read_only=True) as ledger:
        return await said(ledger)


if __name__ == "__main__":
    make(len(MIGRATIONS))
