"""A new ledger where the old one is lost: the manifests say what was asked for, AWS says what was started."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from fleet.app.fleet import App
from fleet.app.ledger import has_ledger
from fleet.app.opening import open_ledger, open_targets
from fleet.core.errors import Corrupt, InvalidInput, TooNew
from fleet.core.job import State
from fleet.ledger import Ledger
from fleet.settings import Settings
from fleet.stages.ingest import check
from fleet.stages.loop import SystemClock

__all__ = ["Rebuilt", "rebuild_ledger"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A new ledger. `moved_to`: where the old one is; `adopted`: how many of the jobs AWS has started before;
    `orphans`: how many jobs AWS has under fleet's names that no manifest asked for."""

    moved_to: str | None
    jobs: int
    adopted: int
    rejected: int
    orphans: int


async def rebuild_ledger(settings: Settings, sources: Sequence[str], force: bool = False) -> Rebuilt:
    """A new ledger at the old one's place, with every job of the manifests, and all that AWS has of them adopted.

    Nothing is started. A ledger that is there is moved aside; `InvalidInput` if it is sound, unless forced. If it
    breaks off, the same command goes on, with `force`; so does `fleet run`, which does the same before its first Start.
    """
    for source in sources:
        check(source)
    async with open_targets(settings) as clients:
        if not force:
            await _refuse_a_sound_one(settings)
        moved_to = Ledger.move_aside(settings.ledger.url)
        async with open_ledger(settings) as ledger:
            app = App(settings, ledger, clients, clock=SystemClock(), rng=random.Random())
            readings = await app.take_stock(sources)
            counts = await ledger.counts()
            return Rebuilt(
                moved_to=moved_to,
                jobs=sum(sum(states.values()) for states in counts.values()),
                adopted=sum(states[State.RUNNING] for states in counts.values()),
                rejected=sum(reading.rejected for reading in readings),
                orphans=await ledger.orphans(),
            )


async def _refuse_a_sound_one(settings: Settings) -> None:
    """`InvalidInput` where the ledger is there and whole: nothing is to be rebuilt."""
    if not has_ledger(settings):
        return
    try:
        async with open_ledger(settings, read_only=True) as ledger:
            findings = await ledger.check(limit=1)
    except TooNew:
        raise
    except (Corrupt, InvalidInput) as error:
        log.info("ledger.damaged", reason=str(error))
        return
    if not findings:
        raise InvalidInput(
            f"{settings.ledger.url}: this ledger is sound, there is nothing to rebuild. `fleet run` goes on with it; "
            "--force moves it aside all the same"
        )
