"""Works that run side by side, and are not waited for longer than it pays: the others go on beside what comes next.

Promises: nothing that was begun is cut off, and neither an outcome nor an error is lost, however late it comes.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from fleet.core.errors import FleetError
from fleet.stages.loop import Clock, first

__all__ = ["UnderWay"]

T = TypeVar("T")


class _Found(Generic[T]):
    """What works came to."""

    def __init__(self) -> None:
        self.outcomes: list[T] = []
        self.errors: list[FleetError] = []

    def told(self) -> list[T]:
        """The outcomes, each told once; errors come first, as a group."""
        if self.errors:
            errors, self.errors = self.errors, []
            raise ExceptionGroup("works that failed", errors)
        outcomes, self.outcomes = self.outcomes, []
        return outcomes


class _Batch(Generic[T]):
    """Works that were begun together, how many of them have not ended, and where what they come to is told."""

    def __init__(self, works: int) -> None:
        self.left = works
        self.ended = anyio.Event()
        self.found = _Found[T]()


class UnderWay(Generic[T]):
    """The works of one stage that have not ended; its length is their number.

    `group` is where they run, beside the stage; while there is none, whoever begins them waits until all have ended.
    """

    def __init__(self, clock: Clock) -> None:
        self.group: TaskGroup | None = None
        self._clock = clock
        self._late = _Found[T]()
        self._batches: set[_Batch[T]] = set()

    def __len__(self) -> int:
        return sum(batch.left for batch in self._batches)

    async def run(self, works: Sequence[Callable[[], Awaitable[T]]], *, patience_s: float) -> list[T]:
        """The outcomes of the works that ended in time. The errors of these are raised as a group, and then the
        outcomes are among the late ones."""
        batch = _Batch[T](len(works))
        self._batches.add(batch)
        if self.group is None:
            async with anyio.create_task_group() as own:
                self._begin(own, works, batch)
        else:
            self._begin(self.group, works, batch)
            await first(batch.ended.wait, lambda: self._clock.sleep(patience_s))
        in_time, batch.found = batch.found, self._late
        try:
            return in_time.told()
        finally:
            self._late.outcomes += in_time.outcomes

    def late(self) -> list[T]:
        """The outcomes that nobody waited for, each told once. Errors come first, raised as a group."""
        return self._late.told()

    async def ended(self) -> None:
        """Returns when nothing is under way."""
        for batch in list(self._batches):
            await batch.ended.wait()

    def _begin(self, group: TaskGroup, works: Sequence[Callable[[], Awaitable[T]]], batch: _Batch[T]) -> None:
        for work in works:
            group.start_soon(self._one, work, batch)

    async def _one(self, work: Callable[[], Awaitable[T]], batch: _Batch[T]) -> None:
        try:
            outcome = await work()
        except FleetError as error:  # anything else is a bug, and ends the group
            batch.found.errors.append(error)
        else:
            batch.found.outcomes.append(outcome)
        finally:
            batch.left -= 1
            if not batch.left:
                self._batches.discard(batch)
                batch.ended.set()
