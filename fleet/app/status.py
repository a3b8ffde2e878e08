"""What `/api/v1/status` tells: all of the work, and what only the running process knows of its lanes."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from fleet import __version__
from fleet.app.fleet import App
from fleet.app.forecast import forecast
from fleet.app.lanes import slots_in_use
from fleet.app.replicas import holders_of, replicas
from fleet.core.job import ENDED, State
from fleet.core.lane import Lane
from fleet.ledger.ledger import Ledger

__all__ = ["status"]

_REASONS: Final = 10


async def status(app: App, ledger: Ledger, problems: list[str]) -> dict[str, Any]:
    """Everything that a person or a program may want to know at a glance."""
    counts = await ledger.counts()
    kinds: dict[str, dict[State, int]] = {}
    for lane, states in counts.items():
        kind = kinds.setdefault(lane.kind, dict.fromkeys(State, 0))
        for state, jobs in states.items():
            kind[state] += jobs
    states = {state: sum(kind[state] for kind in kinds.values()) for state in State}
    eta = await forecast(ledger, app.settings)
    members = await replicas(ledger, lease_s=app.settings.ledger.lease_s)
    holders = holders_of(members)
    return {
        "at": ledger.seconds(),
        "version": __version__,
        "healthy": not problems,
        "problems": problems,
        "jobs": sum(states.values()),
        "done": sum(states[state] for state in ENDED),
        "states": states,
        "kinds": kinds,
        "lanes": [
            _lane(app, lane, states, holders.get(lane)) for lane, states in sorted(counts.items()) if lane in app.lanes
        ],
        "replicas": [asdict(member) for member in members],
        "eta": asdict(eta) if eta else None,
        "reasons": [reason._asdict() for reason in await ledger.reasons(limit=_REASONS)],
        "rejected": await ledger.rejection_count(),
        "manifests": [manifest.source for manifest in await ledger.manifests()],
    }


def _lane(app: App, lane: Lane, states: Mapping[State, int], holder: str | None) -> dict[str, Any]:
    """One lane; None for what only its holder knows, where that is another replica or nobody."""
    work, quotas = app.works.get(lane), app.lanes[lane].quotas
    allowance, pause = (work.submit.allowance, work.submit.pause) if work else (None, None)
    return {
        "lane": str(lane),
        "holder": holder,
        "states": states,
        "slots": min(allowance.slots, quotas.active_jobs - allowance.foreign) if allowance else None,
        "slots_quota": quotas.active_jobs,
        "in_flight": slots_in_use(states, work),
        "foreign": work.calls.foreign if work else None,
        "start_rate_per_s": allowance.rate_per_s if allowance else None,
        "start_quota_per_s": quotas.start_per_s,
        "stuck": work.track.stuck if work else None,
        "paused": asdict(pause) if pause else None,
    }
