"""What the pages need to know of the running fleet. The app provides it, so that the pages never look into it."""

from collections.abc import Mapping
from typing import Any, Protocol

from fleet.ledger import Ledger
from fleet.telemetry import Telemetry

__all__ = ["Source"]


class Source(Protocol):
    """A running fleet, as seen from outside."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def telemetry(self) -> Telemetry: ...

    def stalled(self) -> list[str]:
        """A sentence for each stage that should have moved long ago; a restart may help. Waits for nothing."""
        ...

    def problems(self) -> list[str]:
        """A sentence for each thing that keeps the fleet from working: ledger, configuration, credentials."""
        ...

    async def refresh(self) -> None:
        """The gauges of the telemetry are true; at most a few seconds old."""
        ...

    async def status(self) -> Mapping[str, Any]:
        """What `/api/v1/status` says; at most a few seconds old."""
        ...
