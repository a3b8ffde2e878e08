"""The running fleet: starts the stages, waits for the end of the work, drains when asked.

The lanes run as `holding.py` says; over all of them, verify. A task that dies brings the others down and the process
with it.
"""

import functools
import os
import random
import socket
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final

import anyio
import structlog

from fleet.app.holding import Holding
from fleet.app.planning import configuration, planner
from fleet.app.sharing import Task
from fleet.aws.session import TargetClients
from fleet.core.errors import Unwritable
from fleet.core.job import ENDED, Event, State
from fleet.core.lane import Lane
from fleet.core.lease import MANIFESTS
from fleet.ledger.ledger import Ledger
from fleet.settings import Settings
from fleet.stages.ingest import Ingest, Reading, manifests_of, warn
from fleet.stages.inputs import Inputs
from fleet.stages.loop import Clock, Signal
from fleet.stages.measure import Measure
from fleet.stages.moves import Moves
from fleet.stages.progress import TRANSFER_LIMIT_S, Progress
from fleet.stages.verify import Depth, Verify
from fleet.stages.watch import Watch
from fleet.telemetry import Telemetry

__all__ = ["App"]

log = structlog.get_logger()

_PROGRESS_S: Final = 30.0
_LOOK_S: Final = 2.0


class App:
    """The running fleet. `stopping` is set once it shall claim nothing new and leave, `reconciled` once AWS has been
    asked in every lane what it has of ours."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        clients: dict[str, TargetClients],
        *,
        clock: Clock,
        rng: random.Random,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.telemetry = telemetry or Telemetry()
        self.progress = Progress()
        self.stopping = anyio.Event()
        self.readings: list[Reading] = []
        self.watch: Watch | None = None
        self._reads_input = False
        self._clock = clock
        self._rng = rng
        self._moves = Moves(ledger, self.telemetry)
        self.holding = Holding(
            settings,
            ledger,
            clients,
            self._moves,
            holder=f"{socket.gethostname()}:{os.getpid()}:{uuid.UUID(int=rng.getrandbits(128)).hex[:12]}",
            clock=clock,
            rng=rng,
            progress=self.progress,
            stopping=self.stopping,
        )
        self.lanes, self.works, self.reconciled = self.holding.lanes, self.holding.works, self.holding.reconciled
        buckets = {name: target.s3 for name, target in clients.items()}
        self._measure = Measure(ledger, buckets)
        self._verify = Verify(
            ledger,
            self._moves,
            buckets,
            depth=Depth(settings.verify.depth),
            rng=rng,
            lanes=self.works.keys() if ledger.shared else None,
        )
        self.holding.left = self._verify.left
        self._first_s3 = next(iter(buckets.values()))
        self._ingest = Ingest(
            ledger,
            planner(settings),
            self._first_s3,
            configuration=configuration(settings),
            clock=clock,
            strict=settings.manifest.strict,
        )

    async def run_to_end(self, sources: Sequence[str], *, rerun_changed: bool = False) -> list[Reading]:
        """Read the manifests, work until nothing is left to do or `drain` is called; what the manifests came to.

        Unfinished jobs of earlier runs on the same ledger are worked on too. `rerun_changed` does ended jobs again
        whose settings the manifests have changed.
        """
        sources = manifests_of(sources)
        await self._ingest.vet(sources)
        if older := self.ledger.upgraded_from():
            log.warning("ledger.upgraded", copy_of_the_older=older)
        await self._work(beside=[functools.partial(self._until_ended, sources, rerun_changed), self._measure_inputs])
        return self.readings

    async def serve(self, sources: Sequence[str]) -> None:
        """Work until `drain` is called, and take in what is new in the manifests."""
        self.watch = Watch(
            [source for source in sources if source != "-"],
            self._read_watched,
            self._first_s3,
            look_s=self.settings.manifest.watch_s,
            quiet_s=self.settings.manifest.quiet_s,
            wall=self.ledger.seconds,
            monotonic=self._clock.monotonic,
            looked=self.telemetry.manifest_last_read_timestamp_seconds.set_to_current_time,
        )
        self._reads_input = "-" in sources
        await self._work(held={MANIFESTS: functools.partial(self._feed, self.watch)})

    async def _feed(self, watch: Watch, stopping: anyio.Event) -> None:
        """Take in what is new in the manifests, and learn how large its inputs are."""
        async with anyio.create_task_group() as group:
            if self._reads_input:
                self._reads_input = False  # it can be read but once, however often the watch is ours
                group.start_soon(self._unless_stopping, functools.partial(self._read, "-"))
            group.start_soon(self.holding.loop, watch, self.ledger.signal(), stopping, TRANSFER_LIMIT_S)
            group.start_soon(self._measure_inputs, stopping)

    async def _measure_inputs(self, stopping: anyio.Event) -> None:
        if self.settings.manifest.measure:
            await self.holding.loop(self._measure, self.ledger.signal(added=True), stopping, TRANSFER_LIMIT_S)

    async def _work(self, *, beside: Sequence[Task] = (), held: Mapping[str, Task] | None = None) -> None:
        """All stages run until the fleet stops; what is to be done by one replica alone is in `held`."""
        async with anyio.create_task_group() as group:
            group.start_soon(functools.partial(self.holding.run, self.lanes, more=held or {}))
            group.start_soon(
                self.holding.loop, self._verify, self.ledger.signal(Event.FINISHED), self.stopping, TRANSFER_LIMIT_S
            )
            group.start_soon(self._say_progress)
            for task in beside:
                group.start_soon(task, self.stopping)

    async def cancel_to_end(self) -> None:
        """Cancel the jobs that a person wants cancelled and start none; until all of them have ended, or `drain`."""
        lanes = [lane for lane in self.lanes if await self.ledger.cancelling(lane, limit=1)]
        async with anyio.create_task_group() as group:
            group.start_soon(functools.partial(self.holding.run, lanes, starting=False))
            group.start_soon(self._until_cancelled)

    async def take_stock(self, sources: Sequence[str]) -> list[Reading]:
        """Read the manifests and adopt what AWS has of their jobs, and start nothing; what the manifests came to."""
        for source in manifests_of(sources):
            await self._read(source)
        await self.holding.take_stock()
        return self.readings

    def drain(self) -> None:
        """Claim nothing new, finish what is in hand, leave. Jobs that run in AWS go on; the next start follows them.

        A Start that still waits for the limiter is not in hand: it stays for the next process.
        """
        self.stopping.set()
        self.holding.drain()

    def monotonic(self) -> float:
        """Now, on the clock of the stages."""
        return self._clock.monotonic()

    async def counts(self) -> Mapping[Lane, Mapping[State, int]]:
        """Jobs by lane and state, from the ledger."""
        return await self.ledger.counts()

    def api_counts(self) -> Iterator[tuple[str, str, int]]:
        """Requests that this process sent to AWS: (operation, outcome, count)."""
        return self.telemetry.api_counts()

    async def _until_ended(self, sources: Sequence[str], rerun_changed: bool, _: anyio.Event) -> None:
        with closing(Inputs()) as inputs:
            for source in sources:
                if not self.stopping.is_set():
                    await self._unless_stopping(functools.partial(self._read, source, rerun_changed, inputs))
            await warn(inputs)
        moved = self.ledger.signal(Event.VERIFIED, Event.DISCARDED, Event.CANCELLED)
        while not self.stopping.is_set() and await self._unfinished():
            await self._unless_stopping(functools.partial(self._news, moved))
        self.drain()

    async def _until_cancelled(self) -> None:
        moved = self.ledger.signal(Event.CANCELLED, Event.DISCARDED, Event.FINISHED)
        while not self.stopping.is_set() and await self._cancelling():
            await self._unless_stopping(functools.partial(self._news, moved))
        self.drain()

    async def _news(self, moved: Signal) -> None:
        """Something moved, here or, as far as we know, in another replica."""
        if not self.ledger.shared:
            await moved.wait()
            return
        async with anyio.create_task_group() as group:

            async def look_again() -> None:
                await self._clock.sleep(_LOOK_S)
                group.cancel_scope.cancel()

            group.start_soon(look_again)
            await moved.wait()
            group.cancel_scope.cancel()

    async def _cancelling(self) -> bool:
        """Whether a job of a lane that we serve is still to be cancelled."""
        try:
            return any([await self.ledger.cancelling(lane, limit=1) for lane in self.lanes])
        except Unwritable:
            return True  # nobody knows: not the end

    async def _read(self, source: str, rerun_changed: bool = False, inputs: Inputs | None = None) -> None:
        self.readings.append(await self._ingest.read(source, rerun_changed=rerun_changed, inputs=inputs))

    async def _read_watched(self, source: str, growing: bool) -> Reading:
        with closing(Inputs()) as inputs:
            reading = await self._ingest.read(source, growing=growing, inputs=inputs)
            if not reading.unchanged:
                await warn(inputs)
        return reading

    async def _say_progress(self) -> None:
        """A log line every half minute in which something moved, for whoever reads logs rather than the display."""
        told: dict[State, int] = {}
        while not self.stopping.is_set():
            await self._unless_stopping(functools.partial(self._clock.sleep, _PROGRESS_S))
            try:
                counts = await self.ledger.counts()
            except Unwritable:
                continue  # a database that is out of reach is the stages' matter, and they say so
            now = {state: sum(lane[state] for lane in counts.values()) for state in State}
            if now != told:
                log.info("run.progress", **now)
            told = now

    async def _unfinished(self) -> int:
        """How many jobs in lanes that we serve have not ended."""
        try:
            counts = await self.ledger.counts()
        except Unwritable:
            return 1  # nobody knows: not the end
        return sum(
            jobs for lane in counts if lane in self.lanes for state, jobs in counts[lane].items() if state not in ENDED
        )

    async def _unless_stopping(self, work: Callable[[], Awaitable[object]]) -> None:
        """Run the work to its end, or drop it when the fleet stops."""
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                await self.stopping.wait()
                group.cancel_scope.cancel()

            group.start_soon(watch)
            await work()
            group.cancel_scope.cancel()
