"""Run a stage for ever: tick, wait, back off, stop.

A tick that meets a failing AWS or network, or a full disk, waits and tries again. Anything else that a tick raises is a
bug or a broken ledger: it goes up, ends every other task and so the process, which never lives on half dead.
"""

import random
import time
from typing import Protocol

import anyio
import structlog

from fleet.core.errors import Conflict, Denied, Lost, Throttled, Unavailable, Unwritable, leaves
from fleet.core.policy import backoff_s
from fleet.stages.progress import TICK_LIMIT_S, Progress
from fleet.telemetry.tracing import span

__all__ = ["Clock", "Signal", "Stage", "SystemClock", "first", "run", "until_done"]

log = structlog.get_logger()

_PASSING = (Conflict, Denied, Lost, Throttled, Unavailable, Unwritable)
_BACKOFF_FLOOR_S = 1.0
_BACKOFF_CEILING_S = 60.0
_UNWRITABLE_CEILING_S = 5.0  # asking our own disk again costs nothing


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


async def run(
    stage: Stage,
    *,
    clock: Clock,
    stopping: anyio.Event,
    wake: Signal,
    rng: random.Random,
    progress: Progress,
    tick_limit_s: float = TICK_LIMIT_S,
) -> None:
    """Tick until `stopping` is set; a tick in hand is finished first. `wake` ends a wait early."""
    failures = 0
    word, _, lane = stage.name.partition(" ")
    try:
        while not stopping.is_set():
            progress.began(stage.name, clock.monotonic(), tick_limit_s)
            try:
                with span(f"fleet.{word}", lane=lane):
                    wait_s = await stage.tick(clock.monotonic())
                failures = 0
            except Exception as error:
                failures += 1
                wait_s = _patience_s(error, failures, stage.name, rng)
            progress.rested(stage.name, clock.monotonic(), wait_s)
            if wait_s > 0:
                await first(lambda wait_s=wait_s: clock.sleep(wait_s), wake.wait, stopping.wait)
    finally:
        progress.ended(stage.name)


async def until_done(
    work: "Wait",
    *,
    name: str,
    clock: Clock,
    stopping: anyio.Event,
    rng: random.Random,
    progress: Progress,
    limit_s: float = TICK_LIMIT_S,
) -> None:
    """Do the work once, trying again while AWS or the network fails, until it is done or `stopping` is set."""
    failures = 0
    try:
        while not stopping.is_set():
            progress.began(name, clock.monotonic(), limit_s)
            try:
                await first(work, stopping.wait)
                return
            except Exception as error:
                failures += 1
                wait_s = _patience_s(error, failures, name, rng)
            progress.rested(name, clock.monotonic(), wait_s)
            await first(lambda wait_s=wait_s: clock.sleep(wait_s), stopping.wait)
    finally:
        progress.ended(name)


def _patience_s(error: Exception, failures: int, name: str, rng: random.Random) -> float:
    """How long to wait after an error that passes; any other is raised again."""
    if not all(isinstance(leaf, _PASSING) for leaf in leaves(error)):
        raise error
    ours = any(isinstance(leaf, Unwritable) for leaf in leaves(error))
    ceiling_s = _UNWRITABLE_CEILING_S if ours else _BACKOFF_CEILING_S
    wait_s = backoff_s(failures, rng.random(), floor_s=_BACKOFF_FLOOR_S, ceiling_s=ceiling_s)
    log.warning("stage.waits", stage=name, reason=str(leaves(error)[0]), wait_s=round(wait_s, 1))
    return wait_s


async def first(*waits: "Wait") -> None:
    """Returns when the first of them does; the others are cancelled."""
    async with anyio.create_task_group() as group:

        async def one(wait: "Wait") -> None:
            await wait()
            group.cancel_scope.cancel()

        for wait in waits:
            group.start_soon(one, wait)


class Wait(Protocol):
    """A call to await."""

    async def __call__(self) -> object: ...
