"""Everything about one job, gathered for a person."""

from collections.abc import Sequence
from dataclasses import dataclass

from fleet.app.choice import named
from fleet.app.forecast import quotas_of
from fleet.app.ledger import open_ledger
from fleet.app.overview import running
from fleet.core.durations import Durations
from fleet.core.job import Job
from fleet.core.timeline import Surroundings
from fleet.ledger.rows import Recorded
from fleet.settings import Settings

__all__ = ["Explanation", "explanations"]

_SAMPLES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One job, its events in order, and what decides when it moves on."""

    job: Job
    events: Sequence[Recorded]
    around: Surroundings


async def explanations(settings: Settings, name: str, *, kind: str | None) -> list[Explanation]:
    """Of every job of this name; `InvalidInput` if there is none or the name is that of several keys."""
    quotas = quotas_of(settings)
    async with open_ledger(settings, read_only=True) as ledger:
        counts = await ledger.counts()
        found = []
        for job in await named(ledger, name, kind=kind):
            model = Durations.learn(await ledger.durations(job.lane, limit=_SAMPLES))
            around = Surroundings(
                now=ledger.seconds(),
                states=counts.get(job.lane, {}),
                slots=quotas[job.lane].active_jobs if job.lane in quotas else None,
                running=running(settings) is not None,
                usual_s=model.expected_s(job.size_bytes) if model.known else None,
            )
            found.append(Explanation(job=job, events=await ledger.history(job.id), around=around))
        return found
