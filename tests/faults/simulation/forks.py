"""Crash a world at many steps, each in a process of its own that is forked at that step.

A fork is a snapshot of everything (the sandbox, the loop, fleet's memory, the open ledger) for the price of a few
milliseconds, so that no crash point has to live through what came before it. In the child fleet dies, the next life
begins, and may be forked again.
"""

import gc
import os
import random
import select
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec

__all__ = ["Choice", "Crashes", "Ending", "Explorer", "anywhere", "at", "nowhere"]

_APART: Final = b"."
_CHILD_S: Final = 120.0  # real seconds: a child that takes longer hangs

Crashes = tuple[int, ...]
"""The step at which each life but the last one died."""

Choice = Callable[[Crashes, int, bool], bool]
"""Whether to crash: after these crashes, at this step, and whether the world has changed since the step before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one course of a world ended. `steps` are those of its last life, `virtual_s` all its time."""

    crashes: Crashes
    steps: int = 0
    virtual_s: float = 0.0
    starts: int = 0
    doubled: int = 0
    lost: int = 0
    violations: tuple[str, ...] = ()


def nowhere(crashes: Crashes, step: int, changed: bool) -> bool:
    """fleet lives until its work is done."""
    return False


def at(*wanted: int) -> Choice:
    """These crashes, one after the other."""
    return lambda crashes, step, _: (*crashes, step) == wanted[: len(crashes) + 1]


def anywhere(seed: int, *, turn: int = 0, turns: int = 1, changes: bool = False, again: float = 0.0) -> Choice:
    """Every step of the first life, or of its `turns` parts of them the one whose `turn` it is.

    With `changes` only steps before which something changed that outlives fleet (the ledger's file, a Start that was
    sent, a job of AWS's): between two of them a crash differs in its time alone. In the second life each such step is
    a second crash with the probability `again`.
    """
    chances: dict[Crashes, random.Random] = {}

    def choose(crashes: Crashes, step: int, changed: bool) -> bool:
        if not crashes:
            return step % turns == turn and (changed or not changes)
        if len(crashes) > 1 or not changed:
            return False
        chance = chances.setdefault(crashes, random.Random(f"{seed} {crashes}"))
        return chance.random() < again

    return choose


class Explorer:
    """Forks the process at the steps that `choose` names, and gathers how each child's world ended.

    `deadline` is real monotonic time: from then on no child is forked any more. At most `at_once` children live.
    """

    def __init__(self, choose: Choice, *, at_once: int = 2, deadline: float = float("inf")) -> None:
        self.crashes: Crashes = ()
        self.endings: list[Ending] = []
        self.left_out = 0
        self._choose = choose
        self._at_once = at_once
        self._deadline = deadline
        self._children: dict[int, tuple[int, Crashes]] = {}  # reading end of its pipe -> pid, its crashes
        self._report_to: int | None = None

    def crash_here(self, step: int, changed: bool, settle: Callable[[], None]) -> bool:
        """True in a process that is a copy of this one, in which fleet must die now; False in the old one.

        `settle` returns once no other thread works: see `VirtualLoop.settle`.
        """
        if not self._choose(self.crashes, step, changed):
            return False
        if time.monotonic() > self._deadline:
            self.left_out += 1
            return False
        while len(self._children) >= self._at_once:
            self._gather_one()
        settle()
        reading, writing = os.pipe()
        pid = _fork()
        if pid:
            os.close(writing)
            os.read(reading, len(_APART))  # until then the child still needs the files as they are
            self._children[reading] = pid, (*self.crashes, step)
            return False
        os.close(reading)
        for other in self._children:
            os.close(other)
        self.crashes = (*self.crashes, step)
        self.endings, self._children, self._report_to = [], {}, writing
        self._at_once = 1
        return True

    def apart(self) -> None:
        """This copy has its own files by now: the process that it was forked from goes on."""
        assert self._report_to is not None
        os.write(self._report_to, _APART)

    def ended(self, ending: Ending) -> list[Ending]:
        """This world and all its children have ended: the endings of all. Does not return in a child."""
        while self._children:
            self._gather_one()
        self.endings.append(ending)
        if self._report_to is not None:
            self._leave()
        return self.endings

    def broke(self, error: BaseException) -> None:
        """The world itself broke. Does not return in a child."""
        if self._report_to is not None:
            text = "".join(traceback.format_exception(error))[-4000:]
            self.ended(Ending(crashes=self.crashes, violations=(f"the simulation broke: {text}",)))

    def _leave(self) -> None:
        assert self._report_to is not None
        with os.fdopen(self._report_to, "wb") as pipe:
            pipe.write(msgspec.json.encode(self.endings))
        os._exit(0)

    def _gather_one(self) -> None:
        """Wait for a child, and keep what it has to tell."""
        ready, _, _ = select.select(list(self._children), [], [], _CHILD_S)
        reading = ready[0] if ready else next(iter(self._children))
        pid, crashes = self._children.pop(reading)
        if not ready:
            os.kill(pid, signal.SIGKILL)
        with os.fdopen(reading, "rb") as pipe:
            text = pipe.read()
        os.waitpid(pid, 0)
        told: Any = None
        with suppress(msgspec.DecodeError):
            told = msgspec.json.decode(text, type=list[Ending])
        self.endings += told or [Ending(crashes=crashes, violations=("the process of this crash hung or died",))]


def _fork() -> int:
    gc.freeze()  # a collection in the child would copy every page
    gc.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the child has none, see forget_threads
        return os.fork()
