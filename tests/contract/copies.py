"""Ledgers to be copied, and what became of them."""

import itertools
import sqlite3
from contextlib import closing

from fleet.core.job import Event
from fleet.ledger import Ledger, Orphan
from tests.contract.conftest import FACTS, HOLDER, LANE, OTHER_LANE, Wall, planned

__all__ = ["Bad", "dump", "fill", "jobs_of"]


async def fill(url: str, *, jobs: int = 20) -> None:
    """A ledger with something in every table."""
    wall = Wall()
    async with await Ledger.open(url, wall=wall) as ledger:
        manifest = await ledger.begin_manifest("s3://corpus-in/a.jsonl", "digest")
        lanes = itertools.cycle([LANE, OTHER_LANE])
        rows = [(line, planned(line, lane=next(lanes), label="Zoë ☃\t\\N\n")) for line in range(1, jobs + 1)]
        await ledger.add(manifest.id, rows)
        await ledger.reject(manifest.id, [Bad(), Bad()])
        await ledger.complete_manifest(manifest.id, jobs)
        await ledger.begin_manifest("-", None)
        await ledger.note_orphans(LANE, [Orphan("ab" * 16, 2, "9" * 32, 1.5), Orphan("ac" * 16, 1, "8" * 32, None)])
        await ledger.set_reconciled(OTHER_LANE, 1_700_000_000.123)
        first, second, *_ = await ledger.claim(LANE, limit=4, holder=HOLDER)
        running = await ledger.record(first, Event.ACCEPTED, **FACTS[Event.ACCEPTED])
        finished = await ledger.record(running, Event.FINISHED, **FACTS[Event.FINISHED])
        await ledger.record(finished, Event.VERIFIED, **FACTS[Event.VERIFIED])
        await ledger.record(second, Event.DISCARDED, reason="NO_INPUT_FILES")
        await ledger.measure({(await ledger.claim(OTHER_LANE, limit=1, holder=HOLDER))[0].id: 12})


def dump(url: str) -> list[str]:
    """All of a ledger in a file as SQL: its schema, and every row of every table."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return list(connection.iterdump())


async def jobs_of(url: str) -> int:
    """How many jobs an existing ledger has, that is sound."""
    async with await Ledger.open(url, read_only=True) as ledger:
        assert await ledger.check() == []
        assert all(manifest.source for manifest in await ledger.manifests())
        return len(await ledger.jobs())


class Bad:
    """A rejected line."""

    line, field, reason = 7, "prefix", "is no s3:// URI"
