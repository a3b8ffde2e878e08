"""This replica among others: its beats, the leases it takes and gives, and when it no longer trusts its own.

What a lease stands for, a lane or the watch over the manifests, is worked on by one task here. It is asked to end when
the lease is to be handed over, and the lease is given back once it has ended; it is cancelled when the lease was lost
or can no longer be trusted, because the database has not answered in time.
"""

import functools
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Final, Literal

import anyio
import structlog

from fleet.core.errors import Fenced, Unwritable
from fleet.core.lease import balance, beat_gap_s, trusted_until
from fleet.ledger import Beat, Leases, boot_s
from fleet.stages.loop import Clock
from fleet.telemetry import Telemetry

__all__ = ["Sharing", "Task"]

log = structlog.get_logger()

Task = Callable[[anyio.Event], Coroutine[Any, Any, object]]
"""Works for a lease until the event is set, and a little longer to leave nothing in hand."""

_NEVER: Final = float("-inf")
_Transition = Literal["taken", "handed_over", "lost", "stepped_down"]


class _Tenure:
    """A lease in our hands, and the task that works for it."""

    def __init__(self) -> None:
        self.stopping = anyio.Event()
        self.scope = anyio.CancelScope()


class Sharing:
    """The replica's part of a shared ledger. `seen`: what the last beat read, None before the first, when `joined` is
    set."""

    def __init__(
        self,
        leases: Leases,
        tasks: Mapping[str, Task],
        *,
        clock: Clock,
        rng: random.Random,
        telemetry: Telemetry,
        joined: anyio.Event,
        seconds: Callable[[], float] = boot_s,
    ) -> None:
        self.leases = leases
        self.seen: Beat | None = None
        self._joined = joined
        self._tasks = tasks
        self._clock = clock
        self._rng = rng
        self._telemetry = telemetry
        self._seconds = seconds
        self._trusted_until = _NEVER
        self._tenures: dict[str, _Tenure] = {}
        self._changed = anyio.Event()

    def trusted(self) -> bool:
        """Whether the leases in our hands are ours for sure at this moment."""
        return self._seconds() < self._trusted_until

    def cut_off(self) -> bool:
        """Whether the database has not answered for so long that nothing is trusted any more."""
        return self.seen is not None and not self.trusted()

    async def run(self, stopping: anyio.Event) -> None:
        """Hold a fair share of the leases until `stopping` is set; then hand over all of them, and leave."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._distrust)
            while not (stopping.is_set() and not self._tenures):
                if stopping.is_set():
                    self._hand_over(self._tenures)
                await self._beat(group, draining=stopping.is_set())
                await self._pause(stopping)
            group.cancel_scope.cancel()
        await self._leave()

    async def _beat(self, group: anyio.abc.TaskGroup, *, draining: bool) -> None:
        began = self._seconds()
        try:
            beat = await self.leases.beat(self._tasks.keys(), draining=draining)
            if beat.lost:
                self._drop(beat.lost, "lost")
            self._trusted_until = trusted_until(began, self.leases.lease_s)
            self.seen = beat
            self._joined.set()
            wanted = balance(self.leases.replica, beat.leases, beat.replicas, lease_s=self.leases.lease_s)
            if draining or not any(tenure.stopping.is_set() for tenure in self._tenures.values()):
                self._hand_over(wanted.give)  # a hand-over begins when the ones before it have come to their end
            taken = await self.leases.take([name for name in wanted.take if name not in self._tenures])
        except (Unwritable, Fenced) as error:
            log.warning("replica.unheard", reason=str(error))
            return
        for name in taken:
            self._tenures[name] = tenure = _Tenure()
            self._tell(name, "taken")
            group.start_soon(functools.partial(self._hold, name, tenure))

    def _hand_over(self, names: Iterable[str]) -> None:
        """The tasks of these leases are asked to end."""
        for name in names:
            if name in self._tenures:
                self._tenures[name].stopping.set()

    async def _hold(self, name: str, tenure: _Tenure) -> None:
        """Work for the lease as long as it is ours, and give it back if it still is."""
        with tenure.scope:
            await self._tasks[name](tenure.stopping)
            try:
                await self.leases.give(name)
                self._tell(name, "handed_over")
            except Unwritable as error:
                log.info("lease.runs_out", lease=name, reason=str(error))
        if self._tenures.get(name) is tenure:
            del self._tenures[name]
        self._changed.set()

    async def _distrust(self) -> None:
        """Step down from everything at the moment at which the leases are no longer ours for sure."""
        while True:
            left_s = self._trusted_until - self._seconds()
            if left_s > 0 or not self._tenures:
                await self._clock.sleep(min(max(left_s, 0.05), 1.0))
                continue
            log.warning("replica.stepped_down", leases=len(self._tenures))
            self._drop(list(self._tenures), "stepped_down")

    def _drop(self, names: Iterable[str], why: _Transition) -> None:
        """The tasks of these leases are cancelled, and write nothing more."""
        for name in names:
            tenure = self._tenures.pop(name, None)
            if tenure is not None:
                self.leases.forget(name)
                tenure.scope.cancel()
                self._tell(name, why)

    async def _pause(self, stopping: anyio.Event) -> None:
        """Until the next beat is due; at once when a lease was handed over or the replica is to leave."""
        self._changed = changed = anyio.Event()
        leaving = stopping.is_set()
        async with anyio.create_task_group() as group:

            async def until(wait: Callable[[], Awaitable[object]]) -> None:
                await wait()
                group.cancel_scope.cancel()

            gap_s = beat_gap_s(self.leases.lease_s, self._rng.random())
            group.start_soon(until, functools.partial(self._clock.sleep, gap_s))
            group.start_soon(until, changed.wait if leaving else stopping.wait)

    async def _leave(self) -> None:
        try:
            await self.leases.leave()
        except (Unwritable, Fenced) as error:
            log.info("replica.left_unheard", reason=str(error))  # its leases run out by themselves

    def _tell(self, name: str, transition: _Transition) -> None:
        self._telemetry.lease_transitions.labels(transition).inc()
        log.info("lease.moved", lease=name, transition=transition)
