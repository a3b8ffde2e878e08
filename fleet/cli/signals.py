"""How a running fleet leaves when it is asked to: drain, but not for ever; at once when asked again."""

import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio.abc import TaskStatus

__all__ = ["drained_by_signals"]

_HANDLED: Final = (signal.SIGINT, signal.SIGTERM)


@asynccontextmanager
async def drained_by_signals(drain: Callable[[], None], *, deadline_s: float) -> AsyncIterator[list[int]]:
    """The first SIGINT or SIGTERM calls `drain`; the signals caught so far, in order.

    A second one ends the process at once, and so does a drain that takes longer than the deadline, whatever holds it
    up: code that swallows its cancellation, an event loop that is blocked, a reader that never answers. Both leave
    with 128 + the signal's number and are as safe as SIGKILL, because what the ledger has acknowledged is on the disk.
    """
    caught: list[int] = []

    async def watch(*, task_status: TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(*_HANDLED) as signals:
            task_status.started()
            async for number in signals:
                if caught:
                    os._exit(128 + number)
                caught.append(number)
                _leave_after(deadline_s, number)
                sys.stderr.write("fleet: finishing the calls in hand; once more leaves at once (safe too)\n")
                drain()

    async with anyio.create_task_group() as group:
        await group.start(watch)
        yield caught
        group.cancel_scope.cancel()


def _leave_after(deadline_s: float, number: int) -> None:
    """End the process then, if it is still there: by a thread, for the event loop may be what is stuck."""

    def leave() -> None:
        sys.stderr.write(f"fleet: not done after {deadline_s:g} s: leaving; run the same command to go on\n")
        os._exit(128 + number)

    timer = threading.Timer(deadline_s, leave)
    timer.daemon = True
    timer.start()
