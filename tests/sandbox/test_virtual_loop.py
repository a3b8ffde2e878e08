"""The loop of virtual time: what takes time takes none, what cannot happen is said, and threads keep their place."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio import from_thread, to_thread

from fleet.sandbox.simulation import Deadlock, LoopClock, OutsideWorld, VirtualLoop, simulate_coroutine


def compute(rounds: int) -> int:
    """Real work, which takes no virtual time."""
    return sum(number * number for number in range(rounds))


def test_time_jumps_to_the_next_timer() -> None:
    """A week of sleep in the order of the timers, and the loop's time is exact."""

    async def main() -> list[tuple[str, float]]:
        seen: list[tuple[str, float]] = []

        async def wait(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            seen.append((name, asyncio.get_running_loop().time()))

        await asyncio.gather(wait("week", 604_800.0), wait("second", 1.0), wait("tenth", 0.1))
        return seen

    assert simulate_coroutine(main) == [("tenth", 0.1), ("second", 1.0), ("week", 604_800.0)]


def test_timeouts_and_task_groups_are_virtual_too() -> None:
    """asyncio's and anyio's deadlines, groups and cancellation."""

    async def main() -> list[float]:
        loop, seen = asyncio.get_running_loop(), []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        seen.append(loop.time())
        with anyio.move_on_after(12):
            await anyio.sleep_forever()
        seen.append(loop.time())
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            await anyio.sleep(3)
            group.cancel_scope.cancel()
        seen.append(anyio.current_time())
        return seen

    assert simulate_coroutine(main) == [30.0, 42.0, 45.0]


def test_a_deadlock_is_said_with_those_who_wait() -> None:
    """Nothing ready, no timer, no thread: an error with the place of each task, and the clean-up still runs."""
    cleaned = []

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    with pytest.raises(Deadlock, match=r"test_virtual_loop\.py:\d+"):
        simulate_coroutine(main)
    assert cleaned == [True]


def test_executor_work_runs_at_once_and_takes_no_time() -> None:
    """run_in_executor and asyncio.to_thread: results, errors, and a turn of the loop before they are heard of."""

    async def main() -> None:
        loop, order = asyncio.get_running_loop(), []
        loop.call_soon(order.append, "ready before")
        assert await loop.run_in_executor(None, lambda: order.append("work") or 7) == 7
        assert order == ["work", "ready before"]
        assert await asyncio.to_thread(sum, [1, 2]) == 3
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(None, lambda: 1 // 0)
        assert loop.time() == 0.0

    simulate_coroutine(main)


def test_anyios_threads_work_and_may_call_back() -> None:
    """to_thread.run_sync with from_thread.run: virtual time goes on while the thread waits, and only then."""

    async def fetch(seconds: float) -> float:
        await anyio.sleep(seconds)
        return anyio.current_time()

    def work() -> list[float]:
        compute(50_000)
        first = from_thread.run(fetch, 10.0)
        compute(50_000)
        return [first, from_thread.run(fetch, 5.0), from_thread.run_sync(anyio.current_time)]

    async def main() -> list[float]:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 100.0)
            found = await to_thread.run_sync(work)
        return [*found, anyio.current_time()]

    assert simulate_coroutine(main) == [10.0, 15.0, 15.0, 100.0]


def test_a_settled_loop_has_no_thread_at_work() -> None:
    """The thread has done its work, and the loop has not heard of it: a fork finds no lock that a thread holds."""
    started, gate, done = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        started.set()
        gate.wait()
        compute(50_000)
        done.append("worked")

    async def main() -> list[list[str]]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        async with anyio.create_task_group() as group:
            group.start_soon(to_thread.run_sync, work)
            while not to_thread.current_default_thread_limiter().borrowed_tokens:
                await anyio.lowlevel.checkpoint()
            loop.settle()  # a token was taken, and no thread has any work yet
            while not started.is_set():
                await anyio.lowlevel.checkpoint()
            before = list(done)
            threading.Timer(0.01, gate.set).start()
            loop.settle()
            return [before, list(done)]

    assert simulate_coroutine(main) == [[], ["worked"]]


def test_threads_work_one_after_the_other_in_the_order_of_their_tasks() -> None:
    """Ten workers with as many real durations: the same order each time."""

    async def main() -> list[str]:
        order: list[str] = []

        def work(number: int) -> None:
            compute(20_000 * (10 - number))
            order.append(f"works {number}")

        async def run(number: int) -> None:
            await to_thread.run_sync(work, number)
            order.append(f"heard {number}")

        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(run, number)
        return order

    first = simulate_coroutine(main)

    assert [word for word in first if word.startswith("works")] == [f"works {number}" for number in range(10)]
    assert all(simulate_coroutine(main) == first for _ in range(5))


def test_an_error_in_a_thread_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    """As it was raised, also out of a call into the loop."""

    async def fail() -> None:
        await anyio.sleep(1)
        raise LookupError("in the loop")

    async def main() -> None:
        with pytest.raises(LookupError, match="in the loop"):
            await to_thread.run_sync(from_thread.run, fail)

    simulate_coroutine(main)
    assert not caplog.records


@pytest.mark.parametrize(
    "reach",
    [
        lambda loop: loop.getaddrinfo("example.com", 80),
        lambda loop: loop.create_connection(asyncio.Protocol, "127.0.0.1", 9),
        lambda loop: loop.create_server(asyncio.Protocol, "127.0.0.1", 0),
        lambda _: asyncio.create_subprocess_exec("true"),
    ],
)
def test_nothing_reaches_the_outside(reach: Callable[[Any], Any]) -> None:
    """No name is looked up, no connection is made, no process is started."""

    async def main() -> None:
        await reach(asyncio.get_running_loop())

    with pytest.raises(OutsideWorld):
        simulate_coroutine(main)


def test_sets_of_tasks_have_one_order() -> None:
    """A task hashes by its number, and is equal to itself alone."""

    async def main() -> list[str]:
        tasks = {asyncio.create_task(anyio.lowlevel.checkpoint(), name=str(number)) for number in range(50)}
        order = [task.get_name() for task in tasks]
        assert len({*tasks, *tasks}) == 50
        await asyncio.wait(tasks)
        return order

    junk = [object() for _ in range(1000)]
    first = simulate_coroutine(main)
    del junk

    assert simulate_coroutine(main) == first


def test_the_clock_is_the_loops_time() -> None:
    """Epoch seconds and monotonic seconds go together."""

    async def main() -> tuple[float, float]:
        clock = LoopClock(epoch_s=1000.0)
        await clock.sleep(7.5)
        return clock.now(), clock.monotonic()

    assert simulate_coroutine(main) == (1007.5, 7.5)


def test_the_loop_runs_under_asyncios_own_runner() -> None:
    """For whoever brings a runner of their own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(asyncio.sleep(3600, "done")) == "done"
        assert runner.get_loop().time() == 3600.0
