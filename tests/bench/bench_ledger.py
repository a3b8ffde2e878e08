"""What the ledger costs over raw SQLite, measured side by side in one run. Not a test: run it by hand.

    python tests/bench/bench_ledger.py --jobs 20000 --bulk 1000000

Raw SQLite does the same transitions in a plain loop, without asyncio, queue and threads: the same schema, the next
state from `apply`, the same two statements for each transition, and one transaction with one fsync for each batch of
`--waiting`. The ratio to it is what the async interface costs. "Statements alone" has all parameters ready beforehand.
"""

import argparse
import asyncio
import hashlib
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fleet.core.job import Event, Job, PlannedJob, State, apply
from fleet.core.lane import Lane
from fleet.ledger import Ledger
from fleet.ledger.database import load_queries, read_sql
from fleet.ledger.rows import event_params, move_params
from fleet.ledger.sqlite_file import SQLiteFile

LANE = Lane("123456789012", "us-east-1", "entities")
REQUEST = json.dumps({"DataAccessRoleArn": "arn:aws:iam::123456789012:role/comprehend", "LanguageCode": "en"})
HOLDER = "bench"


def main() -> None:
    """Print every figure with the ratio to raw SQLite."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000, help="jobs that make the transitions")
    parser.add_argument("--waiting", type=int, default=100, help="tasks that wait at the same time")
    parser.add_argument("--bulk", type=int, default=0, help="jobs to add at once, e.g. 1000000")
    parser.add_argument("--batch", type=int, default=5_000, help="jobs in each call of add")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of ledger and raw in turn; the best counts")
    parser.add_argument("--uvloop", action="store_true", help="run on uvloop, as the daemon does")
    arguments = parser.parse_args()
    runner = _uvloop_run() if arguments.uvloop else asyncio.run
    with tempfile.TemporaryDirectory() as directory:
        runner(_measure(Path(directory), arguments))


async def _measure(directory: Path, arguments: argparse.Namespace) -> None:
    ledger = raw = statements = 0.0
    for turn in range(arguments.rounds):
        ledger = max(ledger, await _ledger(directory / f"{turn}.db", arguments.jobs, arguments.waiting))
        rates = await _raw(directory / f"raw{turn}.db", arguments.jobs, arguments.waiting)
        raw, statements = max(raw, rates[0]), max(statements, rates[1])
    _print(f"record, {arguments.waiting} waiting", f"{ledger:>10,.0f} /s")
    _print("raw SQLite, the same batches", f"{raw:>10,.0f} /s")
    _print("  ratio", f"{ledger / raw:>10.2f}")
    _print("raw SQLite, statements alone", f"{statements:>10,.0f} /s")
    _print("  ratio", f"{ledger / statements:>10.2f}")
    await _claims(directory / "claims.db", arguments.jobs)
    if arguments.bulk:
        await _bulk(directory / "bulk.db", arguments.bulk, arguments.batch)


async def _ledger(path: Path, jobs: int, waiting: int) -> float:
    """Transitions a second through `Ledger.record`: every job is accepted, then finished."""
    async with await Ledger.open(f"sqlite:///{path}") as ledger:
        claimed = await _claimed(ledger, jobs)
        queue = iter(claimed)

        async def work() -> None:
            for job in queue:
                running = await ledger.record(job, Event.ACCEPTED, remote_id=f"{job.id:032x}", submitted_at=1.0)
                await ledger.record(running, Event.FINISHED, output_uri="s3://corpus-out/results/", ended_at=2.0)

        elapsed_s = await _timed(lambda: asyncio.gather(*(work() for _ in range(waiting))))
        counts = await ledger.counts()
        assert counts[LANE][State.FINISHED] == jobs
    return 2 * jobs / elapsed_s


async def _raw(path: Path, jobs: int, waiting: int) -> tuple[float, float]:
    """The same transitions a second by a plain loop: with all their work, and the statements alone."""
    async with await Ledger.open(f"sqlite:///{path}") as ledger:
        claimed = await _claimed(ledger, jobs)
    queries = load_queries(read_sql("queries.sql"))
    move, add_event = queries["move"], queries["add_event"]
    connection = SQLiteFile(str(path)).writer()
    whole_s = statements_s = 0.0
    for low in range(0, jobs, waiting):
        batch = claimed[low : low + waiting]
        for event, facts in (
            (Event.ACCEPTED, {"submitted_at": 1.0}),
            (Event.FINISHED, {"output_uri": "s3://corpus-out/results/", "ended_at": 2.0}),
        ):
            began_at = time.perf_counter()
            rows, moved = [], []
            for job in batch:
                more = {"remote_id": f"{job.id:032x}"} if event is Event.ACCEPTED else {}
                after = apply(job, event, updated_at=time.time(), **facts, **more)
                detail = {**facts, **more}
                rows.append((move_params(job, after), event_params(job.id, 1.0, event, job.attempt, detail)))
                moved.append(after)
            ready_at = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            for job_row, event_row in rows:
                if connection.execute(move, job_row).rowcount != 1:
                    raise RuntimeError("not moved")
                connection.execute(add_event, event_row)
            connection.execute("COMMIT")
            ended_at = time.perf_counter()
            whole_s += ended_at - began_at
            statements_s += ended_at - ready_at
            batch = moved
    connection.close()
    return 2 * jobs / whole_s, 2 * jobs / statements_s


async def _claims(path: Path, jobs: int) -> None:
    async with await Ledger.open(f"sqlite:///{path}") as ledger:
        await _added(ledger, jobs)
        for limit in (1, 10, 100):
            rounds = min(500, jobs // 3 // limit)

            async def claim(limit: int = limit, rounds: int = rounds) -> None:
                for _ in range(rounds):
                    assert len(await ledger.claim(LANE, limit=limit, holder=HOLDER)) == limit

            elapsed_s = await _timed(claim)
            _print(f"claim, {limit} at a time", f"{rounds * limit / elapsed_s:>10,.0f} /s")


async def _bulk(path: Path, jobs: int, batch: int) -> None:
    planned = list(_planned(jobs))
    async with await Ledger.open(f"sqlite:///{path}") as ledger:
        for title in (f"add {jobs:,} jobs", "the same again"):
            manifest = await ledger.begin_manifest("bench.jsonl", None)
            started_at = time.perf_counter()
            for low in range(0, jobs, batch):
                await ledger.add(manifest.id, planned[low : low + batch])
            _print(title, f"{time.perf_counter() - started_at:>10.1f} s")
            with _clock(f"  complete, file {_size(path)}"):
                await ledger.complete_manifest(manifest.id, jobs)
        with _clock("claim 10 of so many"):
            await ledger.claim(LANE, limit=10, holder=HOLDER)
        with _clock("live jobs among so many"):
            assert len(await ledger.jobs(states={State.SUBMITTING})) == 10
        with _clock("counts"):
            await ledger.counts()
        with _clock("counts of the manifest"):
            await ledger.manifest_counts([manifest.id])
    with _clock(f"reopen, file {_size(path)}"):
        ledger = await Ledger.open(f"sqlite:///{path}")
    await ledger.close()


async def _claimed(ledger: Ledger, jobs: int) -> list[Job]:
    await _added(ledger, jobs)
    return await ledger.claim(LANE, limit=jobs, holder=HOLDER)


async def _added(ledger: Ledger, jobs: int) -> None:
    manifest = await ledger.begin_manifest("bench.jsonl", None)
    await ledger.add(manifest.id, list(_planned(jobs)))


def _planned(jobs: int) -> Iterator[tuple[int, PlannedJob]]:
    whole = PlannedJob(key="", lane=LANE, target="main", prefix="", request=REQUEST)
    for line in range(1, jobs + 1):
        key = hashlib.sha256(str(line).encode()).hexdigest()[:32]
        yield line, replace(whole, key=key, prefix=f"s3://corpus-in/2024/{line:07d}/")


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    started_at = time.perf_counter()
    await work()
    return time.perf_counter() - started_at


@contextmanager
def _clock(title: str) -> Iterator[None]:
    started_at = time.perf_counter()
    yield
    _print(title, f"{(time.perf_counter() - started_at) * 1e3:>10.1f} ms")


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:,.0f} MB"


def _uvloop_run() -> Callable[..., object]:
    import uvloop

    return uvloop.run


def _print(title: str, figure: str) -> None:
    print(f"{title:<36} {figure}")  # noqa: T201


if __name__ == "__main__":
    main()
