"""Run a stage for ever: tick, wait, back off, stop.

A tick that meets a failing AWS or network waits and tries again. Anything else that a tick raises is a bug or a
broken ledger: it goes up, ends every other task and so the process, which never lives on half dead.
"""

import random
import time
from typing import Protocol

import anyio
import structlog

from fleet.core.errors import Conflict, Denied, Lost, Throttled, Unavailable, leaves
from fleet.core.policy import backoff_s

__all__ = ["Clock", "Signal", "Stage", "SystemClock", "run", "until_done"]

log = structlog.get_logger()

_PASSING = (Conflict, Denied, Lost, Throttled, Unavailable)
_BACKOFF_FLOOR_S = 1.0
_BACKOFF_CEILING_S = 60.0


class Clock(Protocol):
    """Monotonic time, owned by whoever runs the stages: the process, a simulation or a test."""

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's monotonic clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class Stage(Protocol):
    """One stage of one lane, or of the whole fleet."""

    @property
    def name(self) -> str: ...

    async def tick(self, now: float) -> float:
        """One pass; the seconds until it wants to run again. `now` is monotonic seconds."""
        ...


class Signal(Protocol):
    """Something happened that a waiting stage may want to know."""

    async def wait(self) -> None: ...


async def run(stage: Stage, *, clock: Clock, stopping: anyio.Event, wake: Signal, rng: random.Random) -> None:
    """Tick until `stopping` is set; a tick in hand is finished first. `wake` ends a wait early."""
    failures = 0
    while not stopping.is_set():
        try:
            wait_s = await stage.tick(clock.monotonic())
            failures = 0
        except Exception as error:
            failures += 1
            wait_s = _patience_s(error, failures, stage.name, rng)
        if wait_s > 0:
            await _first(lambda wait_s=wait_s: clock.sleep(wait_s), wake.wait, stopping.wait)


async def until_done(work: "Wait", *, name: str, clock: Clock, stopping: anyio.Event, rng: random.Random) -> None:
    """Do the work once, trying again while AWS or the network fails, until it is done or `stopping` is set."""
    failures = 0
    while not stopping.is_set():
        try:
            await _first(work, stopping.wait)
            return
        except Exception as error:
            failures += 1
            wait_s = _patience_s(error, failures, name, rng)
        await _first(lambda wait_s=wait_s: clock.sleep(wait_s), stopping.wait)


def _patience_s(error: Exception, failures: int, name: str, rng: random.Random) -> float:
    """How long to wait after an error that passes; any other is raised again."""
    if not all(isinstance(leaf, _PASSING) for leaf in leaves(error)):
        raise error
    wait_s = backoff_s(failures, rng.random(), floor_s=_BACKOFF_FLOOR_S, ceiling_s=_BACKOFF_CEILING_S)
    log.warning("stage.waits", stage=name, reason=str(leaves(error)[0]), wait_s=round(wait_s, 1))
    return wait_s


async def _first(*waits: "Wait") -> None:
    """Return when the first of them does; the others are cancelled."""
    async with anyio.create_task_group() as group:

        async def one(wait: "Wait") -> None:
            await wait()
            group.cancel_scope.cancel()

        for wait in waits:
            group.start_soon(one, wait)


class Wait(Protocol):
    """A call to await."""

    async def __call__(self) -> object: ...
