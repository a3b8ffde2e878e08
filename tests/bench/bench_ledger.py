"""What the ledger costs over its raw driver, on SQLite and on PostgreSQL, side by side in one run. Run it by hand.

    python -m tests.bench.bench_ledger --jobs 4000 --rounds 3 --bulk 1000000

Events are those of whole jobs: claimed, accepted, finished, verified, by so many tasks that wait at the same time. Raw
(`raw_ledger.py`) does the same to the same rows in a plain loop, without asyncio, queue and threads: the same
statements and parameters, and one transaction for as many events as tasks wait. The ratio to it is what the ledger
costs. fsync is on in both databases, and their files are on the same disk.
"""

import argparse
import asyncio
import hashlib
import itertools
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from fleet.core.job import PlannedJob, State
from fleet.core.lane import Lane
from fleet.ledger import Ledger
from tests.bench.raw_ledger import FACTS, raw_events
from tests.postgres import PostgreSQL

LANE: Final = Lane("123456789012", "us-east-1", "entities")
REQUEST: Final = json.dumps({"DataAccessRoleArn": "arn:aws:iam::123456789012:role/comprehend", "LanguageCode": "en"})
HOLDER: Final = "bench"
DATABASES: Final = ("sqlite", "postgresql")

NewUrl = Callable[[], str]


def main() -> None:
    """Print a table for each question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--jobs", type=int, default=4_000, help="jobs that make the way from claimed to verified")
    parser.add_argument("--waiting", type=int, nargs="+", default=[1, 16, 64], help="tasks that wait at the same time")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of ledger and raw in turn; the best counts")
    parser.add_argument("--bulk", type=int, default=0, help="jobs to add at once, e.g. 1000000")
    parser.add_argument("--batch", type=int, default=5_000, help="jobs in each call of add")
    parser.add_argument("--no-uvloop", action="store_true", help="run on asyncio's own loop, not as the daemon does")
    arguments = parser.parse_args()
    runner = asyncio.run if arguments.no_uvloop else _uvloop_run()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for database in arguments.databases:
            runner(_measure(database, _urls(database, directory, stack), arguments))


def _urls(database: str, directory: Path, stack: ExitStack) -> NewUrl:
    """Makes the URLs of empty ledgers."""
    if database == "sqlite":
        numbers = itertools.count()
        return lambda: f"sqlite:///{directory}/{next(numbers)}.db"
    server = stack.enter_context(PostgreSQL(fsync="on", full_page_writes="on", shared_buffers="256MB"))
    return lambda: server.url(server.create_database())


async def _measure(database: str, new_url: NewUrl, arguments: argparse.Namespace) -> None:
    _print(database, "ledger", "a commit", "raw", "ratio", "prepared", "ratio")
    for waiting in arguments.waiting:
        jobs = min(arguments.jobs, 200 * waiting)  # one that waits for the disk alone needs no more to be measured
        best: dict[str, float] = defaultdict(float)
        for _ in range(arguments.rounds):
            for name, figure in (await _round(new_url, jobs, waiting)).items():
                best[name] = max(best[name], figure)
        ledger = best.pop("ledger")
        figures = [f"{ledger:,.0f}", f"{best.pop('group'):.1f}"]
        for rate in best.values():
            figures += [f"{rate:,.0f}", f"{ledger / rate:.2f}"]
        _print(f"  events/s, {waiting} waiting", *figures)
    await _claims(new_url(), arguments.jobs)
    if arguments.bulk:
        await _bulk(new_url(), arguments.bulk, arguments.batch)


async def _round(new_url: NewUrl, jobs: int, waiting: int) -> dict[str, float]:
    """Events a second of the ledger and of the raw driver, with statements as fleet sends them and prepared ones."""
    rate, group = await _events(new_url(), jobs, waiting)
    figures = {"ledger": rate, "group": group}
    url = ""
    for name in ("raw", "prepared"):
        if url.startswith("sqlite"):
            break  # sqlite3 always prepares
        url = new_url()
        async with await Ledger.open(url) as ledger:
            await _added(ledger, jobs)
        figures[name] = raw_events(url, LANE, jobs, waiting, prepared=name == "prepared")
    return figures


async def _events(url: str, jobs: int, waiting: int) -> tuple[float, float]:
    """Events a second through the ledger, and how many of them shared a commit."""
    commits: list[float] = []
    async with await Ledger.open(url) as ledger:
        await _added(ledger, jobs)
        ledger.observe(commits.append)

        async def work() -> None:
            while claimed := await ledger.claim(LANE, limit=1, holder=HOLDER):
                (job,) = claimed
                for event, facts in FACTS:
                    job = await ledger.record(job, event, **facts)

        elapsed_s = await _timed(lambda: asyncio.gather(*(work() for _ in range(waiting))))
        counts = await ledger.counts()
        assert counts[LANE][State.VERIFIED] == jobs
    events = jobs * (len(FACTS) + 1)
    return events / elapsed_s, events / len(commits)


async def _claims(url: str, jobs: int) -> None:
    async with await Ledger.open(url) as ledger:
        await _added(ledger, jobs)
        for limit in (1, 10, 100):
            rounds = min(500, jobs // 3 // limit)

            async def claim(limit: int = limit, rounds: int = rounds) -> None:
                for _ in range(rounds):
                    assert len(await ledger.claim(LANE, limit=limit, holder=HOLDER)) == limit

            elapsed_s = await _timed(claim)
            _print(f"  claims/s, {limit} at a time", f"{rounds * limit / elapsed_s:,.0f}")


async def _bulk(url: str, jobs: int, batch: int) -> None:
    planned = list(_planned(jobs))
    async with await Ledger.open(url) as ledger:
        for title in (f"add {jobs:,} jobs", "the same again"):
            manifest = await ledger.begin_manifest("bench.jsonl", None)
            with _clock(title):
                for low in range(0, jobs, batch):
                    await ledger.add(manifest.id, planned[low : low + batch])
            with _clock("  complete"):
                await ledger.complete_manifest(manifest.id, jobs)
        with _clock("claim 10 of so many"):
            await ledger.claim(LANE, limit=10, holder=HOLDER)
        with _clock("live jobs among so many"):
            assert len(await ledger.jobs(states={State.SUBMITTING})) == 10
        with _clock("counts"):
            await ledger.counts()
        with _clock("counts of the manifest"):
            await ledger.manifest_counts([manifest.id])
    with _clock("reopen"):
        ledger = await Ledger.open(url)
    await ledger.close()


async def _added(ledger: Ledger, jobs: int) -> None:
    manifest = await ledger.begin_manifest("bench.jsonl", None)
    planned = list(_planned(jobs))
    for low in range(0, jobs, 5_000):
        await ledger.add(manifest.id, planned[low : low + 5_000])


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
    _print(f"  {title}", f"{(time.perf_counter() - started_at) * 1e3:,.1f} ms")


def _uvloop_run() -> Callable[..., object]:
    import uvloop

    return uvloop.run


def _print(title: str, *figures: str) -> None:
    print(f"{title:<28}" + "".join(f"{figure:>12}" for figure in figures), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
