"""The lanes that this process works on: all of them for ever, or those that it holds of a ledger that replicas share.

Per lane: reconcile with AWS first, then submit, track, rescue and cancel side by side. A lane that is held again later
is begun anew, and knows nothing of the time before: what matters is in the ledger.
"""

import functools
import itertools
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

import anyio

from fleet import __version__
from fleet.app.lanes import LaneWork, lanes_of
from fleet.app.sharing import Sharing, Task
from fleet.aws.session import TargetClients
from fleet.core.job import Event
from fleet.core.lane import Lane
from fleet.core.lease import MANIFESTS, alive
from fleet.ledger.ledger import Ledger
from fleet.settings import Settings
from fleet.stages.calls import LaneCalls
from fleet.stages.loop import Clock, Signal, Stage, run, until_done
from fleet.stages.moves import Moves
from fleet.stages.progress import TICK_LIMIT_S, TRANSFER_LIMIT_S, Progress

__all__ = ["Holding"]

_FREES_WORK: Final = (Event.FINISHED, Event.RETRIED, Event.RESCUED, Event.SNOOZED, Event.DISCARDED, Event.CANCELLED)
_NOTHING: Final[Mapping[str, Task]] = MappingProxyType({})
_PATIENCE_S: Final = 10.0


async def _at_once(_: Lane) -> None:
    """Nothing is waited for."""


class Holding:
    """The lanes of one process. `lanes`: those that it could work on; `works`: what works on those that it holds.

    `reconciled` is set once AWS has been asked in every lane what it has of ours; in a replica, once it is one of the
    replicas: each lane is reconciled whenever it is taken. `holder` names the process in the ledger.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        clients: Mapping[str, TargetClients],
        moves: Moves,
        *,
        holder: str,
        clock: Clock,
        rng: random.Random,
        progress: Progress,
        stopping: anyio.Event,
    ) -> None:
        self.lanes = lanes_of(settings, clients)
        self.works: dict[Lane, LaneWork] = {}
        self.sharing: Sharing | None = None
        self.reconciled = anyio.Event()
        self._unreconciled = set(self.lanes)
        self._settings = settings
        self._ledger = ledger
        self._moves = moves
        self._holder = holder
        self._times = itertools.count(1)
        self.left: Callable[[Lane], Awaitable[object]] = _at_once
        """Returns once nothing outside the lane's own stages works on it any more."""
        self._clock = clock
        self._rng = rng
        self._progress = progress
        self._stopping = stopping
        if not ledger.shared:
            for lane in self.lanes:
                self._begin(lane)

    async def run(self, lanes: Iterable[Lane], *, starting: bool = True, more: Mapping[str, Task] = _NOTHING) -> None:
        """Work on these lanes, and on what else is to be done by one replica alone, while this process holds them."""
        telemetry = self._moves.telemetry
        async with anyio.create_task_group() as group:
            if not self._ledger.shared:
                for lane in lanes:
                    group.start_soon(functools.partial(self._run_lane, self.works[lane], starting=starting))
                for task in more.values():
                    group.start_soon(task, self._stopping)
                return
            leases = self._ledger.share(
                lease_s=self._settings.ledger.lease_s, version=__version__, refused=telemetry.fenced_writes.inc
            )
            tasks = {str(lane): functools.partial(self._hold, lane, starting) for lane in lanes} | dict(more)
            self.sharing = Sharing(
                leases, tasks, clock=self._clock, rng=self._rng, telemetry=telemetry, joined=self.reconciled
            )
            group.start_soon(self.sharing.run, self._stopping)

    async def take_stock(self) -> None:
        """AWS was asked in every lane what it has of ours, and it is adopted; nothing was started."""
        async with anyio.create_task_group() as group:
            for work in self.works.values():
                group.start_soon(self._reconcile, work)

    def drain(self) -> None:
        """Claim nothing new, and finish what is in hand."""
        for work in self.works.values():
            work.drain()

    def others(self) -> tuple[int, int]:
        """How many lanes that somebody alive could hold nobody holds, and how many replicas are alive, ourselves
        among them. One fleet with a ledger of its own holds all."""
        seen = self.sharing.seen if self.sharing else None
        if seen is None:
            return (len(self.lanes) if self._ledger.shared else 0), 1
        living = alive(seen.replicas, lease_s=self._settings.ledger.lease_s)
        served = frozenset[str]().union(*(replica.serves for replica in living)) - {MANIFESTS}
        held = {lease.name for lease in seen.leases if lease.holder is not None and lease.left_s > 0}
        return len(served - held), len(living)

    async def loop(self, stage: Stage, wake: Signal, stopping: anyio.Event, tick_limit_s: float = TICK_LIMIT_S) -> None:
        """The stage runs until the event is set."""
        await run(
            stage,
            clock=self._clock,
            stopping=stopping,
            wake=wake,
            rng=self._rng,
            progress=self._progress,
            tick_limit_s=tick_limit_s,
        )

    def _begin(self, lane: Lane) -> LaneWork:
        """What works on a lane from now on; it knows nothing of an earlier time in which it was held."""
        served, clock, rng = self.lanes[lane], self._clock, self._rng
        telemetry = self._moves.telemetry
        calls = LaneCalls(lane, served.quotas, served.clients, clock=clock, telemetry=telemetry, rng=rng)
        # each time another name: what an earlier time left half done here is in nobody's hands, and looked up at once
        holder = f"{self._holder}:{next(self._times)}"
        work = LaneWork(calls, self._ledger, self._moves, self._settings, holder=holder, clock=clock, rng=rng)
        self.works[lane] = work
        return work

    async def _hold(self, lane: Lane, starting: bool, stopping: anyio.Event) -> None:
        """Work on a lane of a shared ledger until it is to be handed over."""
        work = self._begin(lane)
        if self.sharing is not None:
            work.calls.held = self.sharing.trusted
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(functools.partial(self._run_lane, work, starting=starting))
                await stopping.wait()
                work.drain()
        finally:
            del self.works[lane]
        with anyio.move_on_after(_PATIENCE_S):  # who reads a large output for longer will find its verdict refused
            await self.left(lane)

    async def _run_lane(self, work: LaneWork, *, starting: bool = True) -> None:
        await self._reconcile(work)  # before the first Start of this lane
        async with anyio.create_task_group() as group:
            if starting:
                wake = self._ledger.signal(*_FREES_WORK, added=True)
                work.calls.on_freed = wake.tell
                work.submit.starts.group = group
                group.start_soon(self.loop, work.submit, wake, work.stopping)
            group.start_soon(self.loop, work.track, self._ledger.signal(Event.ACCEPTED), work.stopping)
            group.start_soon(self.loop, work.rescue, self._ledger.signal(), work.stopping)
            group.start_soon(self.loop, work.cancel, self._ledger.signal(), work.stopping)

    async def _reconcile(self, work: LaneWork) -> None:
        """AWS was asked what it already has under our names, and it is adopted; or the lane is to be left."""
        await until_done(
            work.rescue.reconcile,
            name=f"reconcile {work.calls.lane}",
            clock=self._clock,
            stopping=work.stopping,
            rng=self._rng,
            progress=self._progress,
            limit_s=TRANSFER_LIMIT_S,  # an account's whole history may have hundreds of pages
        )
        self._unreconciled.discard(work.calls.lane)
        if not self._unreconciled:
            self.reconciled.set()
