"""Gauges that say what is true now: read from the ledger and the lanes when somebody looks, so a restart changes none.

A look into a large ledger costs something, so it is repeated at most every few seconds, and more rarely where it takes
long.
"""

import time
from collections.abc import Mapping
from typing import Final

import anyio
import structlog

from fleet.app.fleet import App
from fleet.app.forecast import forecast
from fleet.app.lanes import slots_in_use
from fleet.aws.session import TargetClients
from fleet.core.errors import FleetError, Unwritable
from fleet.core.job import State
from fleet.ledger.ledger import Ledger

__all__ = ["Gauges"]

log = structlog.get_logger()

_FRESH_S: Final = 5.0
_SHARE: Final = 20.0  # a look that takes a second is repeated after twenty


class Gauges:
    """Keeps the gauges of the telemetry true. `clients` as the app has them; `view` is a ledger to read."""

    def __init__(self, view: Ledger, clients: Mapping[str, TargetClients]) -> None:
        self._view = view
        self._clients = clients
        self._looking = anyio.Lock()
        self._until = float("-inf")

    async def refresh(self, app: App) -> None:
        """All gauges are true, but for some seconds. A ledger that cannot be read leaves them and is counted."""
        async with self._looking:
            began = time.monotonic()
            if began < self._until:
                return
            telemetry = app.telemetry
            try:
                trouble = app.ledger.health().trouble
                if app.ledger.shared and trouble is not None:
                    # a server that is out of reach would hold up the scrape, and so the alert that tells of it
                    raise Unwritable(trouble)
                await _work(app, self._view)
            except FleetError as error:
                telemetry.collector_errors.inc()
                log.warning("metrics.stale", reason=str(error))
            _lanes(app)
            _process(app, self._clients)
            took_s = time.monotonic() - began
            telemetry.collector_duration_seconds.set(took_s)
            self._until = began + max(_FRESH_S, _SHARE * took_s)


async def _work(app: App, ledger: Ledger) -> None:
    """What the ledger says of jobs, documents and the end."""
    telemetry = app.telemetry
    counts = await ledger.counts()
    kinds: dict[tuple[str, State], int] = {}
    for lane, states in counts.items():
        for state, jobs in states.items():
            kinds[lane.kind, state] = kinds.get((lane.kind, state), 0) + jobs
        telemetry.slots_in_use.labels(str(lane)).set(slots_in_use(states, app.works.get(lane)))
    for (kind, state), jobs in kinds.items():
        telemetry.jobs.labels(kind, state).set(jobs)
    for kind, verdicts in (await ledger.verdicts()).items():
        for verdict, tally in verdicts.items():
            telemetry.job_verdicts.labels(kind, verdict).set(tally.jobs)
        telemetry.documents.labels(kind).set(sum(tally.documents for tally in verdicts.values()))
        telemetry.failed_documents.labels(kind).set(sum(tally.failed_documents for tally in verdicts.values()))
    for state, age_s in (await ledger.oldest_s()).items():
        telemetry.oldest_job_age_seconds.labels(state).set(age_s)
    telemetry.manifest_rejected_lines.set(await ledger.rejection_count())
    eta = await forecast(ledger, app.settings)
    for bound, seconds in (
        ("low", eta.low_s if eta else 0.0),
        ("likely", eta.expected_s if eta else 0.0),
        ("high", eta.high_s if eta else 0.0),
    ):
        telemetry.eta_seconds.labels(bound).set(seconds)


def _lanes(app: App) -> None:
    """What each lane that we hold may do, and what keeps it from doing it; who holds the others."""
    telemetry = app.telemetry
    for gauge in (telemetry.lane_paused, telemetry.stuck_jobs, telemetry.slots, telemetry.foreign_jobs):
        gauge.clear()  # what another replica holds by now is for that one to say
    for lane, work in app.works.items():
        allowance, name = work.submit.allowance, str(lane)
        telemetry.slots.labels(name).set(min(allowance.slots, allowance.quotas.active_jobs - allowance.foreign))
        telemetry.slots_quota.labels(name).set(allowance.quotas.active_jobs)
        telemetry.foreign_jobs.labels(name).set(work.calls.foreign)
        telemetry.start_rate_per_second.labels(name).set(allowance.rate_per_s)
        telemetry.start_quota_per_second.labels(name).set(allowance.quotas.start_per_s)
        telemetry.lane_paused.labels(name).set(work.submit.pause is not None)
        telemetry.stuck_jobs.labels(name).set(work.track.stuck)
        telemetry.slots_in_use.labels(name)
    telemetry.leases_held.set(len(app.works))
    unheld, replicas = app.holding.others()
    telemetry.lanes_without_holder.set(unheld)
    telemetry.replicas.set(replicas)


def _process(app: App, clients: Mapping[str, TargetClients]) -> None:
    """How the ledger's file, the stages and the credentials fare."""
    telemetry, health = app.telemetry, app.ledger.health()
    telemetry.ledger_writable.set(health.trouble is None)
    telemetry.ledger_size_bytes.set(health.size_bytes)
    if health.free_bytes is not None:
        telemetry.ledger_free_bytes.set(health.free_bytes)
    wall = time.time()
    telemetry.last_progress_timestamp_seconds.clear()  # a stage that has left is not one that stands still
    for stage, ago_s in app.progress.last_s(app.monotonic()).items():
        telemetry.last_progress_timestamp_seconds.labels(stage).set(wall - ago_s)
    for target, client in clients.items():
        if (expires_at := client.credentials.expires_at) is not None:
            telemetry.credentials_expiry_timestamp_seconds.labels(target).set(expires_at)
