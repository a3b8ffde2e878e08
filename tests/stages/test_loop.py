"""The loop around every stage: what passes is waited out, what is a bug ends the process, and stopping is prompt."""

import random
from collections.abc import Callable

import anyio
import pytest

from fleet.core.errors import Denied, Throttled, Unavailable
from fleet.stages.loop import run, until_done
from fleet.stages.progress import TICK_LIMIT_S, Progress
from tests.conftest import HandClock


class Scripted:
    """A stage whose ticks are given: a number to wait, or an error to raise; then it stops the loop."""

    name = "scripted"

    def __init__(self, stopping: anyio.Event, *ticks: float | Exception) -> None:
        self.stopping = stopping
        self.ticks = list(ticks)
        self.times: list[float] = []

    async def tick(self, now: float) -> float:
        self.times.append(now)
        if not self.ticks:
            self.stopping.set()
            return 0.0
        tick = self.ticks.pop(0)
        if isinstance(tick, Exception):
            raise tick
        return tick


class Never:
    async def wait(self) -> None:
        await anyio.sleep_forever()


async def loop(make: Callable[[anyio.Event], Scripted], clock: HandClock) -> Scripted:
    stopping = anyio.Event()
    stage = make(stopping)
    with anyio.fail_after(5):
        await run(stage, clock=clock, stopping=stopping, wake=Never(), rng=random.Random(1), progress=Progress())
    return stage


async def test_it_waits_as_long_as_the_stage_wishes() -> None:
    """The next tick comes after exactly the seconds that the last one asked for."""
    clock = HandClock()

    stage = await loop(lambda stopping: Scripted(stopping, 3.0, 0.0, 7.5), clock)

    assert [later - stage.times[0] for later in stage.times] == [0.0, 3.0, 3.0, 10.5]


@pytest.mark.parametrize(
    "error",
    [
        Throttled("slow"),
        Denied("no"),
        Unavailable("gone", maybe_accepted=True),
        ExceptionGroup("group", [Unavailable("a", maybe_accepted=False), Throttled("b")]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_passes_is_waited_out_with_growing_patience(error: Exception) -> None:
    """An AWS, network or ledger that fails ends no process: the stage comes back, each time later, up to a minute."""
    clock = HandClock()

    stage = await loop(lambda stopping: Scripted(stopping, *[error] * 9), clock)

    gaps = [later - sooner for sooner, later in zip(stage.times, stage.times[1:], strict=False)]
    assert all(0.5 <= gap <= 60 for gap in gaps)
    assert gaps[-1] > 10 > gaps[0]


@pytest.mark.parametrize("error", [ZeroDivisionError(), ExceptionGroup("group", [Throttled("a"), KeyError("b")])])
async def test_a_bug_goes_up(error: Exception) -> None:
    """Anything else is not waited out: the process must not live on half dead."""
    with pytest.raises(type(error)):
        await loop(lambda stopping: Scripted(stopping, error), HandClock())


async def test_stopping_ends_a_long_wait() -> None:
    """A stage that waits an hour leaves at once when the fleet drains."""
    stopping, ticked = anyio.Event(), anyio.Event()

    class Patient:
        name = "patient"

        async def tick(self, now: float) -> float:
            ticked.set()
            return 3600.0

    class Still(HandClock):
        async def sleep(self, seconds: float) -> None:
            await anyio.sleep_forever()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:

            async def loop_it() -> None:
                await run(
                    Patient(), clock=Still(), stopping=stopping, wake=Never(), rng=random.Random(1), progress=Progress()
                )

            group.start_soon(loop_it)
            await ticked.wait()
            stopping.set()


async def test_work_that_must_be_done_once_is_tried_until_it_is() -> None:
    """A throttled List while a lane is reconciled ends no process: the work is tried again, and done once."""
    results: list[Exception | None] = [Throttled("slow"), Unavailable("gone", maybe_accepted=False), None]
    done: list[str] = []

    async def work() -> None:
        error = results.pop(0)
        if error is not None:
            raise error
        done.append("reconciled")

    clock = HandClock()
    began = clock.monotonic()
    await until_done(
        work, name="reconcile", clock=clock, stopping=anyio.Event(), rng=random.Random(1), progress=Progress()
    )

    assert done == ["reconciled"]
    assert clock.monotonic() - began >= 1.0


async def test_work_that_hangs_is_dropped_when_the_fleet_stops() -> None:
    """Nobody has to wait for a reconciling List when the fleet drains."""
    stopping = anyio.Event()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:

            async def loop_it() -> None:
                await until_done(
                    anyio.sleep_forever,
                    name="hang",
                    clock=HandClock(),
                    stopping=stopping,
                    rng=random.Random(1),
                    progress=Progress(),
                )

            group.start_soon(loop_it)
            stopping.set()


async def test_progress_follows_every_tick_and_wait() -> None:
    """While a tick lasts, while it waits and once it has left: what a liveness probe asks is never out of date."""
    clock, progress, stopping = HandClock(), Progress(), anyio.Event()
    seen: list[dict[str, float]] = []

    class Watched:
        name = "watched"

        async def tick(self, now: float) -> float:
            clock.advance(TICK_LIMIT_S + 1)
            seen.append(progress.last_s(clock.monotonic()))
            stalled.append(progress.stalled(clock.monotonic()))
            if len(seen) == 2:
                stopping.set()
            return 30.0

    stalled: list[list[str]] = []
    await run(Watched(), clock=clock, stopping=stopping, wake=Never(), rng=random.Random(1), progress=progress)

    assert seen == [{"watched": TICK_LIMIT_S + 1}] * 2
    assert ["in one tick" in sentence for (sentence,) in stalled] == [True, True]
    assert progress.last_s(clock.monotonic()) == {}
