"""The wall clock as the ledger's times need it: read once, and then moved on by a clock that nobody can set."""

import time
from collections.abc import Callable
from typing import Final

__all__ = ["boot_s", "steady_wall"]

# Linux stops the monotonic clock while the machine sleeps, and has this one beside it
_BOOT_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady_wall(now: float | None = None) -> Callable[[], float]:
    """Unix seconds that only grow and never jump, whatever happens to the system's clock from now on.

    What is put off for a second is then due a second later, although the clock was set back an hour in between. They
    begin at `now`, e.g. that of a database's clock, or with the system's.
    """
    offset_s = (time.time() if now is None else now) - boot_s()
    return lambda: offset_s + boot_s()


def boot_s() -> float:
    """Seconds on a clock that nobody can set, and that goes on while the machine sleeps."""
    return time.clock_gettime(_BOOT_CLOCK)
