"""One life of fleet on a virtual loop: every step of its coroutines is counted, and at any of them it can die.

A death is that of kill -9: from that instant no callback, timer or `finally` block of the life runs any more, while
everything else on the loop (the sandbox, requests that are on their way) goes on.
"""

import asyncio
import contextvars
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final
from unittest.mock import patch

from anyio._backends import _asyncio as anyio_backend
from anyio._backends._asyncio import CancelScope

from fleet.ledger.signals import Signal
from fleet.sandbox.simulation import VirtualLoop

__all__ = ["Life", "MortalLoop", "ordered"]

_LIFE: Final[ContextVar["Life | None"]] = ContextVar("life", default=None)


class Life:
    """What runs in `context`, and all that it starts. `watch` is called before each step, and may `die` then."""

    def __init__(self, watch: "Callable[[Life], None]") -> None:
        self.steps = 0
        self.died: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.context = contextvars.copy_context()
        self.context.run(_LIFE.set, self)
        self._watch = watch

    def die(self) -> None:
        """Nothing of this life runs any more."""
        self.died.set_result(None)

    def step(self, callback: Callable[..., object], *args: Any) -> None:
        """Run one callback of this life; that of a task is a step."""
        if self.died.done():
            return
        if isinstance(getattr(callback, "__self__", None), asyncio.Task):
            self.steps += 1
            self._watch(self)
            if self.died.done():
                return
        callback(*args)


class MortalLoop(VirtualLoop):
    """A virtual loop on which lives may die."""

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        life = _LIFE.get() if context is None else context.get(_LIFE)
        if life is None:
            return super().call_soon(callback, *args, context=context)
        return super().call_soon(life.step, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        life = _LIFE.get() if context is None else context.get(_LIFE)
        if life is None:
            return super().call_at(when, callback, *args, context=context)
        return super().call_at(when, life.step, callback, *args, context=context)


@contextmanager
def ordered() -> Iterator[None]:
    """What is kept in sets and cancelled or told at one instant has the order in which it was made.

    By address, as it is, the order would differ from run to run, and with it the number of a step.
    """
    numbers = itertools.count()

    class Scope(CancelScope):
        __slots__ = ("_number",)

        def __init__(self, **more: Any) -> None:
            self._number = next(numbers)
            super().__init__(**more)

        def __hash__(self) -> int:
            return self._number

    def number(signal: Any) -> int:
        if "_number" not in signal.__dict__:
            signal._number = next(numbers)
        return int(signal._number)

    with patch.object(anyio_backend, "CancelScope", Scope), patch.object(Signal, "__hash__", number):
        yield
