"""Open the ledger alone: for commands that look at it or change it, and never call AWS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fleet.ledger import place
from fleet.ledger.ledger import Ledger
from fleet.settings import Settings

__all__ = ["check_url", "has_ledger", "open_ledger"]


def check_url(settings: Settings) -> None:
    """Nothing, or `Misconfigured` where [ledger] url names no ledger that fleet can have."""
    place.check_url(settings.ledger.url)


def has_ledger(settings: Settings) -> bool:
    """Whether there is a ledger to be read. Errors as for `open_ledger`."""
    return Ledger.exists(settings.ledger.url, password_file=settings.ledger.password_file)


@asynccontextmanager
async def open_ledger(settings: Settings, *, read_only: bool = False) -> AsyncIterator[Ledger]:
    """The ledger, closed on exit. `read_only` works beside a running fleet."""
    where = settings.ledger
    ledger = await Ledger.open(where.url, read_only=read_only, password_file=where.password_file)
    try:
        yield ledger
    finally:
        await ledger.close()
