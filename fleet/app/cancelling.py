"""Cancel jobs to the end: by the fleet that runs, or, where none does, by this process alone."""

from collections.abc import Callable, Collection

import anyio

from fleet.app.ledger import open_ledger
from fleet.app.opening import open_app
from fleet.app.overview import running
from fleet.core.job import Job, State
from fleet.settings import Settings
from fleet.telemetry import set_up_logs

__all__ = ["cancel_here", "outcomes", "watch_cancelling"]

_LOOK_S = 1.0

Tell = Callable[[int], object]
"""Hears how many jobs are still to be cancelled."""


async def cancel_here(settings: Settings, tell: Tell) -> None:
    """Stop what is wished to be cancelled, with the lanes' own Stop rates, and start nothing; until all have ended.

    `Locked` if a fleet holds the ledger: then it does this itself.
    """
    set_up_logs(level="warning")
    async with open_app(settings) as app, anyio.create_task_group() as group:

        async def say() -> None:
            while True:
                tell(len(await app.ledger.cancelling()))
                await anyio.sleep(_LOOK_S)

        group.start_soon(say)
        await app.cancel_to_end()
        tell(len(await app.ledger.cancelling()))
        group.cancel_scope.cancel()


async def watch_cancelling(settings: Settings, tell: Tell) -> bool:
    """Watch the running fleet cancel; false if it has left before all were done."""
    async with open_ledger(settings, read_only=True) as ledger:
        while left := len(await ledger.cancelling()):
            tell(left)
            if running(settings) is None:
                return False
            await anyio.sleep(_LOOK_S)
        tell(0)
        return True


async def outcomes(settings: Settings, jobs: Collection[Job]) -> dict[State, int]:
    """In which states these jobs are now."""
    counts: dict[State, int] = {}
    async with open_ledger(settings, read_only=True) as ledger:
        for job in await ledger.jobs(keys=[job.key for job in jobs]):
            counts[job.state] = counts.get(job.state, 0) + 1
    return counts
