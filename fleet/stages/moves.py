"""Write a fact to the ledger, then tell logs and metrics: the one way a stage moves a job."""

from collections.abc import Mapping
from typing import Any

import structlog

from fleet.core.errors import Conflict
from fleet.core.failures import Cause
from fleet.core.job import Event, Job
from fleet.ledger.ledger import Ledger
from fleet.telemetry import Telemetry

__all__ = ["Moves"]

log = structlog.get_logger()


class Moves:
    """The ledger's `record`, observed."""

    def __init__(self, ledger: Ledger, telemetry: Telemetry) -> None:
        self._ledger = ledger
        self.telemetry = telemetry

    async def record(
        self,
        job: Job,
        event: Event,
        *,
        detail: Mapping[str, Any] | None = None,
        cause: Cause | None = None,
        **facts: Any,
    ) -> Job | None:
        """The job after the event; None where somebody else moved it first, and then our copy is dropped."""
        try:
            moved = await self._ledger.record(job, event, detail=detail, **facts)
        except Conflict as conflict:
            log.info("job.conflict", key=job.key, event_lost=str(event), reason=str(conflict))
            return None
        shown = {name: facts[name] for name in ("remote_id", "verdict", "documents", "reason") if facts.get(name)}
        self.telemetry.moved(moved, event, cause=cause, **shown)
        return moved
