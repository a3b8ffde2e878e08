"""Open the ledger and the AWS clients, and close them again."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fleet.app.fleet import App
from fleet.app.ledger import open_ledger
from fleet.app.planning import targets_of
from fleet.aws.session import Access, TargetClients, Timeouts, open_clients
from fleet.core.errors import Misconfigured
from fleet.settings import Settings
from fleet.stages.loop import Clock, SystemClock

__all__ = ["open_app", "open_ledger", "open_targets"]


@asynccontextmanager
async def open_app(
    settings: Settings, *, clock: Clock | None = None, rng: random.Random | None = None
) -> AsyncIterator[App]:
    """The fleet over its ledger (held exclusively) and its AWS clients, both closed on exit."""
    async with open_targets(settings) as clients, open_ledger(settings) as ledger:
        yield App(settings, ledger, clients, clock=clock or SystemClock(), rng=rng or random.Random())


@asynccontextmanager
async def open_targets(settings: Settings) -> AsyncIterator[dict[str, TargetClients]]:
    """The AWS clients of every configured target; `Misconfigured` where there is none or one cannot be."""
    if not settings.targets:
        raise Misconfigured("no target is configured; add a [targets.NAME] table (see config/fleet.example.toml)")
    targets_of(settings)
    access = {
        name: Access(region=target.region, profile=target.profile, assume_role_arn=target.assume_role_arn)
        for name, target in settings.targets.items()
    }
    async with open_clients(access, Timeouts()) as clients:
        yield clients
