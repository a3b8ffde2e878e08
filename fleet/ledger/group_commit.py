"""Many waiting writers, one transaction: what every database of the ledger does with its writes.

Writers queue their work; one drain at a time runs all that is queued in one transaction with one commit. So a hundred
waiting tasks pay for one fsync together, and nobody hears of success before it is durable.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from fleet.core.errors import FleetError
from fleet.ledger.database import Transaction

__all__ = ["Engine", "Failed", "GroupCommit", "Work"]

T = TypeVar("T")
Work = Callable[[Transaction], Any]
_Waiting = tuple[Work, "asyncio.Future[Any]", Callable[[], object] | None]


@dataclass(frozen=True, slots=True)
class Failed:
    """A work that failed, and left nothing."""

    error: BaseException


class Engine(Protocol):
    """What differs from one database to the next."""

    def commit(self, works: Sequence[Work]) -> list[Any]:
        """What each work returned, or `Failed`, after one commit; raises if none of them happened. In the thread."""
        ...

    def is_unwritten(self, error: BaseException) -> bool:
        """Whether the database could not do it, which is no fault of the work."""
        ...

    def is_foreign(self, error: BaseException) -> bool:
        """Whether the error is one of the database's driver, which must not be seen outside."""
        ...

    def translated(self, error: BaseException) -> BaseException:
        """The error as fleet knows it; each waiting task gets one of its own."""
        ...


class GroupCommit:
    """The queue of one database's writes. `trouble`: why the last commit failed, None if it did not."""

    def __init__(self, engine: Engine, thread: Executor) -> None:
        self.trouble: str | None = None
        self.failed_commits = 0
        self._engine = engine
        self._thread = thread
        self._waiting: list[_Waiting] = []
        self._draining = False

    def __len__(self) -> int:
        return len(self._waiting)

    async def write(self, work: Callable[[Transaction], T], committed: Callable[[], object] | None = None) -> T:
        """What the work returned, once it is durable. See `Database.write`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((work, future, committed))
        if not self._draining:
            self._draining = True
            # not at once: every task that is ready now may still queue its work for this transaction
            loop.call_soon(self._drain, loop)
        try:
            result: T = await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                future.exception()  # nobody is left to hear of it
            raise
        return result

    async def finish(self) -> None:
        """All that was queued before is durable or has failed."""
        if self._draining:
            with suppress(FleetError):  # whoever waits for a write that fails is told so itself
                await self.write(lambda transaction: None)

    def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run all that waits in one transaction. A chain of callbacks: no task can die with the queue in hand."""
        batch = [waiting for waiting in self._waiting if not waiting[1].cancelled()]
        self._waiting = []
        if not batch:
            self._draining = False
            return
        done = loop.run_in_executor(self._thread, self._engine.commit, [work for work, _, _ in batch])
        done.add_done_callback(partial(self._settle, batch, loop))

    def _settle(
        self, batch: Sequence[_Waiting], loop: asyncio.AbstractEventLoop, done: "asyncio.Future[list[Any]]"
    ) -> None:
        """Tell every waiting task how its work ended, and go on with what was queued meanwhile."""
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        try:
            outcomes = [Failed(error)] * len(batch) if error else done.result()
            failures = [found.error for found in outcomes if isinstance(found, Failed)]
            unwritten = next(filter(self._engine.is_unwritten, failures), None)
            self.trouble = str(self._engine.translated(unwritten)) if unwritten else None
            self.failed_commits += unwritten is not None
            for (_, future, committed), outcome in zip(batch, outcomes, strict=True):
                failed = isinstance(outcome, Failed)
                if committed is not None and not failed:
                    committed()
                if future.done():
                    continue
                if failed:
                    shared = error is not None or self._engine.is_foreign(outcome.error)
                    future.set_exception(self._engine.translated(outcome.error) if shared else outcome.error)
                else:
                    future.set_result(outcome)
        finally:
            for _, future, _ in batch:
                future.cancel()  # nothing, unless something went wrong above: nobody may wait for ever
            loop.call_soon(self._drain, loop)
