"""The sandbox's own time: the wall clock at the start, moved on by the monotonic one, so that it never steps."""

import time
from typing import Protocol

import anyio

__all__ = ["Clock", "SteadyClock"]


class Clock(Protocol):
    """What the runner needs of time; a simulation brings its own."""

    def now(self) -> float:
        """Epoch seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return so many seconds later, on this clock."""
        ...


class SteadyClock:
    """Epoch seconds that only grow, whatever is done to the system's clock."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now(self) -> float:
        return self._offset_s + time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)
