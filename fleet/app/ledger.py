"""Open the ledger alone: for commands that look at it or change it, and never call AWS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fleet.ledger.ledger import Ledger
from fleet.settings import Settings

__all__ = ["check_url", "open_ledger"]


def check_url(settings: Settings) -> None:
    """Nothing, or `Misconfigured` where [ledger] url names no ledger that fleet can have."""
    Ledger.exists(settings.ledger.url)


@asynccontextmanager
async def open_ledger(settings: Settings, *, read_only: bool = False) -> AsyncIterator[Ledger]:
    """The ledger, closed on exit. `read_only` works beside a running fleet."""
    ledger = await Ledger.open(settings.ledger.url, read_only=read_only)
    try:
        yield ledger
    finally:
        await ledger.close()
