"""A real process that uses the ledger as a fleet does, and says on standard output what it was told is durable.

Run it as `python -m tests.faults.ledger.writer URL JOBS`. It waits where the ledger says that it cannot be written
now, as the stages do, but only so many times; it leaves with 74 where a fleet would.
"""

import asyncio
import hashlib
import itertools
import sys
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from fleet.core.errors import FleetError, Unwritable
from fleet.core.job import Event, Job, PlannedJob, Verdict
from fleet.core.lane import Lane
from fleet.ledger import Ledger
from fleet.ledger.sqlite import file as sqlite_file

__all__ = ["LANE", "planned", "use"]

T = TypeVar("T")

LANE: Final = Lane("123456789012", "us-east-1", "entities")
CHECKPOINT_PAGES: Final = 24
"""So few that every run folds its WAL into the file several times."""
_PATIENCE: Final = 20


def planned(number: int) -> PlannedJob:
    """The job of this number."""
    key = hashlib.sha256(str(number).encode()).hexdigest()[:32]
    return PlannedJob(key=key, lane=LANE, target="main", prefix=f"s3://corpus-in/{number}/", request="{}")


async def use(ledger: Ledger, jobs: int, say: Callable[[str, str], None], *, first: int = 0) -> None:
    """Bring so many jobs through their life, two at a time; `say` hears each word and key as soon as it is durable."""
    manifest = await _patiently(lambda: ledger.begin_manifest("test", None))
    for pair in range(first, first + jobs, 2):
        rows = [(number + 1, planned(number)) for number in (pair, pair + 1)]
        await _patiently(lambda rows=rows: ledger.add(manifest.id, rows))  # type: ignore[misc]
        for _, job in rows:
            say("added", job.key)
        claimed = await _patiently(lambda: ledger.claim(LANE, limit=2, holder="writer"))
        for job in claimed:
            say("claimed", job.key)
        await asyncio.gather(*(_live(ledger, job, say) for job in claimed))


async def _live(ledger: Ledger, job: Job, say: Callable[[str, str], None]) -> None:
    facts: dict[Event, dict[str, object]] = {
        Event.ACCEPTED: {"remote_id": job.key},
        Event.FINISHED: {"output_uri": "s3://corpus-out/output.tar.gz"},
        Event.VERIFIED: {"verdict": Verdict.COMPLETE, "documents": 3, "failed_documents": 0},
    }
    for event, told in facts.items():
        job = await _patiently(lambda job=job, event=event, told=told: ledger.record(job, event, **told))  # type: ignore[misc]
        say(event, job.key)


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    for tried in itertools.count(1):
        try:
            return await work()
        except Unwritable:
            if tried == _PATIENCE:
                raise
        await asyncio.sleep(0)
    raise AssertionError


async def _main(url: str, jobs: int) -> None:
    sqlite_file.CHECKPOINT_PAGES = CHECKPOINT_PAGES  # type: ignore[misc]
    async with await Ledger.open(url) as ledger:
        await use(ledger, jobs, lambda word, key: print(word, key, flush=True))  # noqa: T201
    print("done -", flush=True)  # noqa: T201


if __name__ == "__main__":
    try:
        asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
    except FleetError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(74)
