"""Works that are not waited for to their end: what becomes of them."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from fleet.core.errors import Unavailable
from fleet.stages.under_way import UnderWay
from tests.conftest import HandClock


def work(outcome: str, after: anyio.Event | None = None) -> Callable[[], Awaitable[str]]:
    """One that ends at once, or once the event is set."""

    async def one() -> str:
        if after is not None:
            await after.wait()
        return outcome

    return one


async def fails() -> str:
    """One that ends in an error."""
    raise Unavailable("the network is gone", maybe_accepted=False)


async def test_without_a_group_all_are_waited_for() -> None:
    """Nothing is left when `run` returns, and nothing is late."""
    works = UnderWay[str](HandClock())

    assert await works.run([work("one"), work("two")], patience_s=0.0) == ["one", "two"]
    assert len(works) == 0
    assert works.late() == []


async def test_what_ends_late_is_told_later_and_once() -> None:
    """The others are told at once; the late one when it has ended, to whoever asks next."""
    works, answered = UnderWay[str](HandClock()), anyio.Event()
    async with anyio.create_task_group() as works.group:
        assert await works.run([work("slow", answered)], patience_s=1.0) == []
        assert len(works) == 1
        assert works.late() == []

        answered.set()
        await works.ended()
        assert len(works) == 0
        assert works.late() == ["slow"]
        assert works.late() == []


async def test_an_error_takes_no_outcome_with_it() -> None:
    """Those that failed are raised, and the outcomes of the others are told by `late`."""
    works = UnderWay[str](HandClock())

    with pytest.raises(ExceptionGroup) as raised:
        await works.run([work("one"), fails, work("two")], patience_s=1.0)

    assert [str(error) for error in raised.value.exceptions] == ["the network is gone"]
    assert works.late() == ["one", "two"]


async def test_a_late_error_is_raised_for_whoever_asks_next() -> None:
    """Nobody waited for it, and still it is not lost."""
    works, answered = UnderWay[str](HandClock()), anyio.Event()

    async def fails_late() -> str:
        await answered.wait()
        return await fails()

    async with anyio.create_task_group() as works.group:
        await works.run([fails_late, work("slow", answered)], patience_s=1.0)
        answered.set()
        await works.ended()
        with pytest.raises(ExceptionGroup):
            works.late()
        assert works.late() == ["slow"]


async def test_a_bug_ends_the_group() -> None:
    """What is no error of fleet's own is never kept for later."""
    works = UnderWay[str](HandClock())

    async def is_wrong() -> str:
        raise TypeError("a bug")

    async def lane() -> None:
        async with anyio.create_task_group() as works.group:
            await works.run([is_wrong], patience_s=1.0)
            await anyio.sleep_forever()

    with pytest.raises(ExceptionGroup):
        await lane()
