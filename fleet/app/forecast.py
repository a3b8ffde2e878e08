"""When the work in the ledger will be done, told from the ledger alone: a restart or another process says the same."""

import random

from anyio import to_thread

from fleet.app.planning import targets_of
from fleet.core.durations import Durations
from fleet.core.eta import Eta, lane_eta
from fleet.core.job import State
from fleet.core.kinds import KINDS
from fleet.core.lane import Lane, Quotas
from fleet.ledger.ledger import Ledger
from fleet.settings import Settings

__all__ = ["forecast", "quotas_of"]

_SAMPLES = 200


async def forecast(ledger: Ledger, settings: Settings) -> Eta | None:
    """When the last lane that this configuration serves will be done; None when nothing is left to do."""
    etas = [await _lane(ledger, lane, quotas) for lane, quotas in quotas_of(settings).items()]
    return Eta.last(eta for eta in etas if eta is not None)


def quotas_of(settings: Settings) -> dict[Lane, Quotas]:
    """Every lane that this configuration serves, with its quotas."""
    return {
        Lane(target.account, target.region, kind): settings.targets[name].quotas.resolved()
        for name, target in targets_of(settings).items()
        for kind in KINDS
    }


async def _lane(ledger: Ledger, lane: Lane, quotas: Quotas) -> Eta | None:
    pending, mean_size_bytes = await ledger.backlog(lane)
    active = await ledger.jobs(lane=lane, states={State.SUBMITTING, State.RUNNING})
    now = ledger.seconds()
    samples = await ledger.durations(lane, limit=_SAMPLES)
    running = [(max(0.0, now - (job.submitted_at or job.updated_at)), job.size_bytes) for job in active]

    def play() -> Eta | None:
        return lane_eta(
            Durations.learn(samples),
            quotas,
            pending=pending,
            mean_size_bytes=mean_size_bytes,
            running=running,
            draw=random.Random(0).random,
        )

    if not pending and not running:
        return None
    return await to_thread.run_sync(play)  # some milliseconds of arithmetic a lane, which the event loop has not
