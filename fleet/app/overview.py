"""Where all the work is now, from the ledger and the configuration alone: it needs no running fleet, and no AWS."""

from fleet.app.forecast import forecast, quotas_of
from fleet.app.replicas import holders_of, replicas
from fleet.core.job import Event, Verdict
from fleet.core.lane import Lane
from fleet.core.overview import LaneView, Overview, Running, VerdictCount
from fleet.core.reasons import grouped
from fleet.ledger.ledger import Ledger
from fleet.settings import Settings

__all__ = ["overview", "running"]

_WINDOW_S = 60.0
_WINDOW_FLOOR_S = 10.0
_REASONS = 1_000
_ENDS = (Event.VERIFIED, Event.DISCARDED, Event.CANCELLED)


async def overview(ledger: Ledger, settings: Settings, *, verdicts: bool = True, eta: bool = True) -> Overview:
    """Where all jobs of the ledger are now. Without `verdicts` it costs the same however many jobs there are."""
    now = ledger.seconds()
    quotas = quotas_of(settings)
    happened: dict[tuple[Lane, Event], int] = {}
    window_s = _WINDOW_FLOOR_S
    for lane, event, times, first_at in await ledger.recent(now - _WINDOW_S):
        happened[lane, event] = times
        window_s = max(window_s, min(_WINDOW_S, now - first_at))  # a run that has just begun has no whole minute yet
    members = await replicas(ledger, lease_s=settings.ledger.lease_s)
    holders = holders_of(members)
    lanes = [
        LaneView(
            lane=lane,
            states=states,
            holder=holders.get(lane),
            slots=quotas[lane].active_jobs if lane in quotas else None,
            start_per_s=quotas[lane].start_per_s if lane in quotas else None,
            started=happened.get((lane, Event.ACCEPTED), 0),
            throttled=happened.get((lane, Event.SNOOZED), 0),
            ended=sum(happened.get((lane, event), 0) for event in _ENDS),
        )
        for lane, states in (await ledger.counts()).items()
        if any(states.values())
    ]
    manifests = await ledger.manifests()
    return Overview(
        at=now,
        lanes=sorted(lanes, key=lambda view: view.lane),
        running=Running() if members else running(settings),
        replicas=members,
        eta=await forecast(ledger, settings) if eta else None,
        window_s=window_s,
        cancelling=len(await ledger.cancelling(limit=100_000)),
        reasons=grouped(await ledger.reasons(limit=_REASONS)),
        rejected=await ledger.rejection_count(),
        manifests=[manifest.source for manifest in manifests],
        verdicts=await _verdicts(ledger) if verdicts else {},
    )


async def _verdicts(ledger: Ledger) -> dict[Verdict, VerdictCount]:
    sums: dict[Verdict, VerdictCount] = {}
    for kind in (await ledger.verdicts()).values():
        for verdict, tally in kind.items():
            so_far = sums.get(verdict, VerdictCount(jobs=0, documents=0, failed_documents=0))
            sums[verdict] = VerdictCount(
                jobs=so_far.jobs + tally.jobs,
                documents=so_far.documents + tally.documents,
                failed_documents=so_far.failed_documents + tally.failed_documents,
            )
    return sums


def running(settings: Settings) -> Running | None:
    """The process that holds the ledger now; None if none does."""
    holder = Ledger.holder(settings.ledger.url)
    return None if holder is None else Running(pid=holder.pid, host=holder.host, started_at=holder.started_at)
