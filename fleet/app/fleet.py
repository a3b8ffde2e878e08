"""The running fleet: starts the stages, waits for the end of the work, drains when asked.

Per lane: reconcile with AWS first, then submit, track and rescue side by side; over all lanes: verify. A task that
dies brings the others down and the process with it.
"""

import functools
import os
import random
import socket
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final

import anyio
import structlog

from fleet.app.lanes import LaneWork, lanes_of
from fleet.app.planning import configuration, planner
from fleet.aws.session import TargetClients
from fleet.core.job import ENDED, Event, State
from fleet.core.lane import Lane
from fleet.ledger.ledger import Ledger
from fleet.settings import Settings
from fleet.stages.ingest import Ingest, Reading, manifests_of, warn
from fleet.stages.inputs import Inputs
from fleet.stages.loop import Clock, Signal, Stage, run, until_done
from fleet.stages.measure import Measure
from fleet.stages.moves import Moves
from fleet.stages.progress import TICK_LIMIT_S, TRANSFER_LIMIT_S, Progress
from fleet.stages.verify import Depth, Verify
from fleet.stages.watch import Watch
from fleet.telemetry import Telemetry

__all__ = ["App"]

log = structlog.get_logger()

_PROGRESS_S: Final = 30.0
_FREES_WORK: Final = (Event.FINISHED, Event.RETRIED, Event.RESCUED, Event.SNOOZED, Event.DISCARDED, Event.CANCELLED)


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
        self._clock = clock
        self._rng = rng
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.UUID(int=rng.getrandbits(128)).hex[:12]}"
        self._moves = Moves(ledger, self.telemetry)
        self.lanes = lanes_of(settings, clients, clock=clock, telemetry=self.telemetry, rng=rng)
        self.works = {
            lane: LaneWork(calls, ledger, self._moves, settings, holder=self._holder, clock=clock, rng=rng)
            for lane, calls in self.lanes.items()
        }
        self.reconciled = anyio.Event()
        self._unreconciled = set(self.lanes)
        buckets = {name: target.s3 for name, target in clients.items()}
        self._measure = Measure(ledger, buckets)
        self._verify = Verify(ledger, self._moves, buckets, depth=Depth(settings.verify.depth), rng=rng)
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
        await self._work(functools.partial(self._until_ended, sources, rerun_changed))
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
        await self._work(functools.partial(self._watch, self.watch, "-" in sources))

    async def _watch(self, watch: Watch, reads_standard_input: bool) -> None:
        if reads_standard_input:
            await self._unless_stopping(functools.partial(self._read, "-"))
        await self._loop(watch, self.ledger.signal(), TRANSFER_LIMIT_S)

    async def _work(self, feed: Callable[[], Coroutine[object, object, object]]) -> None:
        """All stages run, and `feed` beside them, until the fleet stops."""
        async with anyio.create_task_group() as group:
            for work in self.works.values():
                group.start_soon(self._run_lane, work)
            group.start_soon(self._loop, self._verify, self.ledger.signal(Event.FINISHED), TRANSFER_LIMIT_S)
            if self.settings.manifest.measure:
                group.start_soon(self._loop, self._measure, self.ledger.signal(added=True), TRANSFER_LIMIT_S)
            group.start_soon(self._say_progress)
            group.start_soon(feed)

    async def cancel_to_end(self) -> None:
        """Cancel the jobs that a person wants cancelled and start none; until all of them have ended, or `drain`."""
        async with anyio.create_task_group() as group:
            for lane, work in self.works.items():
                if await self.ledger.cancelling(lane, limit=1):
                    group.start_soon(functools.partial(self._run_lane, work, starting=False))
            group.start_soon(self._until_cancelled)

    async def take_stock(self, sources: Sequence[str]) -> list[Reading]:
        """Read the manifests and adopt what AWS has of their jobs, and start nothing; what the manifests came to."""
        for source in manifests_of(sources):
            await self._read(source)
        async with anyio.create_task_group() as group:
            for work in self.works.values():
                group.start_soon(self._reconcile, work)
        return self.readings

    def drain(self) -> None:
        """Claim nothing new, finish what is in hand, leave. Jobs that run in AWS go on; the next start follows them.

        A Start that still waits for the limiter is not in hand: it stays for the next process.
        """
        self.stopping.set()
        for calls in self.lanes.values():
            calls.starts.close()

    def monotonic(self) -> float:
        """Now, on the clock of the stages."""
        return self._clock.monotonic()

    async def counts(self) -> Mapping[Lane, Mapping[State, int]]:
        """Jobs by lane and state, from the ledger."""
        return await self.ledger.counts()

    def api_counts(self) -> Iterator[tuple[str, str, int]]:
        """Requests that this process sent to AWS: (operation, outcome, count)."""
        return self.telemetry.api_counts()

    async def _until_ended(self, sources: Sequence[str], rerun_changed: bool) -> None:
        with closing(Inputs()) as inputs:
            for source in sources:
                if not self.stopping.is_set():
                    await self._unless_stopping(functools.partial(self._read, source, rerun_changed, inputs))
            await warn(inputs)
        moved = self.ledger.signal(Event.VERIFIED, Event.DISCARDED, Event.CANCELLED)
        while not self.stopping.is_set() and await self._unfinished():
            await self._unless_stopping(moved.wait)
        self.stopping.set()

    async def _until_cancelled(self) -> None:
        moved = self.ledger.signal(Event.CANCELLED, Event.DISCARDED, Event.FINISHED)
        while not self.stopping.is_set() and await self._cancelling():
            await self._unless_stopping(moved.wait)
        self.stopping.set()

    async def _cancelling(self) -> bool:
        """Whether a job of a lane that we serve is still to be cancelled."""
        return any([await self.ledger.cancelling(lane, limit=1) for lane in self.lanes])

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
            counts = await self.ledger.counts()
            now = {state: sum(lane[state] for lane in counts.values()) for state in State}
            if now != told:
                log.info("run.progress", **now)
            told = now

    async def _unfinished(self) -> int:
        """How many jobs in lanes that we serve have not ended."""
        counts = await self.ledger.counts()
        return sum(
            jobs for lane in counts if lane in self.lanes for state, jobs in counts[lane].items() if state not in ENDED
        )

    async def _run_lane(self, work: LaneWork, *, starting: bool = True) -> None:
        await self._reconcile(work)  # before the first Start of this lane
        async with anyio.create_task_group() as group:
            if starting:
                group.start_soon(self._loop, work.submit, self.ledger.signal(*_FREES_WORK, added=True))
            group.start_soon(self._loop, work.track, self.ledger.signal(Event.ACCEPTED))
            group.start_soon(self._loop, work.rescue, self.ledger.signal())
            group.start_soon(self._loop, work.cancel, self.ledger.signal())

    async def _reconcile(self, work: LaneWork) -> None:
        """AWS was asked what it already has under our names, and it is adopted; or the fleet is stopping."""
        await until_done(
            work.rescue.reconcile,
            name=f"reconcile {work.calls.lane}",
            clock=self._clock,
            stopping=self.stopping,
            rng=self._rng,
            progress=self.progress,
            limit_s=TRANSFER_LIMIT_S,  # an account's whole history may have hundreds of pages
        )
        self._unreconciled.discard(work.calls.lane)
        if not self._unreconciled:
            self.reconciled.set()

    async def _loop(self, stage: Stage, wake: Signal, tick_limit_s: float = TICK_LIMIT_S) -> None:
        await run(
            stage,
            clock=self._clock,
            stopping=self.stopping,
            wake=wake,
            rng=self._rng,
            progress=self.progress,
            tick_limit_s=tick_limit_s,
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
