"""A person's wishes: do these jobs again, cancel those. Beside a running fleet, or without one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fleet.app.ledger import has_ledger
from fleet.core.errors import InvalidInput, Locked
from fleet.core.job import Job
from fleet.core.secrets import redacted
from fleet.ledger.ledger import Ledger
from fleet.ledger.wishes import Wishes
from fleet.settings import Settings

__all__ = ["open_wishes", "reopen", "request_cancel"]


@asynccontextmanager
async def open_wishes(settings: Settings) -> AsyncIterator[tuple[Wishes, bool]]:
    """The ledger for wishes, and whether a fleet holds it, which will see them; closed on exit.

    Where nobody holds a ledger in a file, this process does meanwhile.
    """
    where = settings.ledger
    if not has_ledger(settings):
        raise InvalidInput(f"{redacted(where.url)}: there is no ledger yet; fleet run or fleet serve makes one")
    held = False
    ledger: Wishes
    try:
        ledger = opened = await Ledger.open(where.url, password_file=where.password_file)
        held = opened.shared and any(replica.seen_s < where.lease_s for replica in await opened.replicas())
    except Locked:
        held = True
        ledger = await Ledger.visit(where.url)
    try:
        yield ledger, held
    finally:
        await ledger.close()


async def reopen(settings: Settings, jobs: Sequence[Job], *, why: str) -> tuple[int, bool]:
    """How many of the ended jobs are pending again, and whether a fleet is there to start them."""
    async with open_wishes(settings) as (ledger, held):
        return await ledger.reopen(jobs, why=why), held


async def request_cancel(settings: Settings, jobs: Sequence[Job]) -> tuple[int, bool]:
    """How many of the jobs are newly wished to be cancelled, and whether a fleet is there to do it."""
    async with open_wishes(settings) as (ledger, held):
        wished = 0
        for begin in range(0, len(jobs), 500):  # the holder's transactions wait while one of ours lasts
            wished += await ledger.request_cancel([job.key for job in jobs[begin : begin + 500]])
        return wished, held
