"""The running fleet: starts the stages, waits for the end of the work, drains when asked.

Per lane: reconcile with AWS first, then submit, track and rescue side by side; over all lanes: verify. A task that
dies brings the others down and the process with it.
"""

import functools
import os
import random
import socket
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final

import anyio
import structlog

from fleet.app.planning import configuration, planner, targets_of
from fleet.aws.session import TargetClients
from fleet.core.errors import Misconfigured
from fleet.core.job import ENDED, Event, State
from fleet.core.kinds import KINDS
from fleet.core.lane import Lane
from fleet.core.policy import Retry
from fleet.ledger.ledger import Ledger
from fleet.settings import Settings
from fleet.stages.calls import LaneCalls
from fleet.stages.ingest import Ingest, Reading, check
from fleet.stages.loop import Clock, Signal, Stage, run, until_done
from fleet.stages.measure import Measure
from fleet.stages.moves import Moves
from fleet.stages.rescue import Rescue
from fleet.stages.submit import Submit
from fleet.stages.track import Polling, Track
from fleet.stages.verify import Depth, Verify
from fleet.telemetry import Telemetry

__all__ = ["App"]

log = structlog.get_logger()

_PROGRESS_S: Final = 30.0
_FREES_WORK: Final = (Event.FINISHED, Event.RETRIED, Event.RESCUED, Event.SNOOZED, Event.DISCARDED, Event.CANCELLED)


class App:
    """The running fleet. `stopping` is set once it shall claim nothing new and leave."""

    def __init__(
        self, settings: Settings, ledger: Ledger, clients: dict[str, TargetClients], *, clock: Clock, rng: random.Random
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.telemetry = Telemetry()
        self.stopping = anyio.Event()
        self.readings: list[Reading] = []
        self._clock = clock
        self._rng = rng
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.UUID(int=rng.getrandbits(128)).hex[:12]}"
        self._moves = Moves(ledger, self.telemetry)
        self.lanes = self._build_lanes(clients)
        buckets = {name: target.s3 for name, target in clients.items()}
        self._measure = Measure(ledger, buckets)
        self._verify = Verify(ledger, self._moves, buckets, depth=Depth(settings.verify.depth), rng=rng)
        self._ingest = Ingest(
            ledger, planner(settings), next(iter(buckets.values())), configuration=configuration(settings)
        )

    def _build_lanes(self, clients: dict[str, TargetClients]) -> dict[Lane, LaneCalls]:
        """Five lanes per account and Region. Targets of the same account and Region share them, and their quotas."""
        quotas = {name: target.quotas.resolved() for name, target in self.settings.targets.items()}
        sharing: dict[Lane, dict[str, TargetClients]] = {}
        for name, target in targets_of(self.settings).items():
            for kind in KINDS:
                sharing.setdefault(Lane(target.account, target.region, kind), {})[name] = clients[name]
        lanes = {}
        for lane, targets in sharing.items():
            first, *others = targets
            if any(quotas[other] != quotas[first] for other in others):
                raise Misconfigured(
                    f"targets {', '.join(targets)} share account {lane.account} in {lane.region}, and so its quotas, "
                    "but their [quotas] differ; give them the same"
                )
            callers = {name: target.comprehend for name, target in targets.items()}
            lanes[lane] = LaneCalls(lane, quotas[first], callers, clock=self._clock, telemetry=self.telemetry)
        return lanes

    async def run_to_end(self, sources: Sequence[str]) -> list[Reading]:
        """Read the manifests, work until nothing is left to do or `drain` is called; what the manifests came to.

        Unfinished jobs of earlier runs on the same ledger are worked on too.
        """
        for source in sources:
            check(source)
        async with anyio.create_task_group() as group:
            for lane in self.lanes.values():
                group.start_soon(self._run_lane, lane)
            group.start_soon(self._loop, self._verify, self.ledger.signal(Event.FINISHED))
            if self.settings.manifest.measure:
                group.start_soon(self._loop, self._measure, self.ledger.signal(added=True))
            group.start_soon(self._say_progress)
            group.start_soon(self._until_ended, sources)
        return self.readings

    def drain(self) -> None:
        """Claim nothing new, finish what is in hand, leave. Jobs that run in AWS go on; the next start follows them."""
        self.stopping.set()

    async def counts(self) -> Mapping[Lane, Mapping[State, int]]:
        """Jobs by lane and state, from the ledger."""
        return await self.ledger.counts()

    def api_counts(self) -> Iterator[tuple[str, str, int]]:
        """Requests that this process sent to AWS: (operation, outcome, count)."""
        return self.telemetry.api_counts()

    async def _until_ended(self, sources: Sequence[str]) -> None:
        for source in sources:
            if not self.stopping.is_set():
                self.readings.append(await self._ingest.read(source))
        moved = self.ledger.signal(Event.VERIFIED, Event.DISCARDED, Event.CANCELLED)
        while not self.stopping.is_set() and await self._unfinished():
            await self._unless_stopping(moved.wait)
        self.stopping.set()

    async def _say_progress(self) -> None:
        """One log line every half minute, for whoever reads logs rather than the display."""
        while not self.stopping.is_set():
            await self._unless_stopping(functools.partial(self._clock.sleep, _PROGRESS_S))
            counts = await self.ledger.counts()
            log.info("run.progress", **{state: sum(lane[state] for lane in counts.values()) for state in State})

    async def _unfinished(self) -> int:
        """How many jobs in lanes that we serve have not ended."""
        counts = await self.ledger.counts()
        return sum(
            jobs for lane in counts if lane in self.lanes for state, jobs in counts[lane].items() if state not in ENDED
        )

    async def _run_lane(self, calls: LaneCalls) -> None:
        settings = self.settings
        rescue = Rescue(
            self.ledger,
            calls,
            self._moves,
            holder=self._holder,
            consistency_s=settings.track.list_lag_s,
            rng=self._rng,
        )
        submit = Submit(self.ledger, calls, self._moves, holder=self._holder, clock=self._clock, rng=self._rng)
        track = Track(
            self.ledger,
            calls,
            self._moves,
            retry=Retry(**settings.retry.model_dump()),
            polling=Polling(
                sweep=settings.track.sweep,
                floor_s=settings.track.poll_floor_s,
                ceiling_s=settings.track.poll_ceiling_s,
            ),
            rng=self._rng,
        )
        # before the first Start of this lane, AWS is asked what it already has under our names
        name = f"reconcile {calls.lane}"
        await until_done(rescue.reconcile, name=name, clock=self._clock, stopping=self.stopping, rng=self._rng)
        async with anyio.create_task_group() as group:
            group.start_soon(self._loop, submit, self.ledger.signal(*_FREES_WORK, added=True))
            group.start_soon(self._loop, track, self.ledger.signal(Event.ACCEPTED))
            group.start_soon(self._loop, rescue, self.ledger.signal())

    async def _loop(self, stage: Stage, wake: Signal) -> None:
        await run(stage, clock=self._clock, stopping=self.stopping, wake=wake, rng=self._rng)

    async def _unless_stopping(self, work: Callable[[], Awaitable[object]]) -> None:
        """Run the work to its end, or drop it when the fleet stops."""
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                await self.stopping.wait()
                group.cancel_scope.cancel()

            group.start_soon(watch)
            await work()
            group.cancel_scope.cancel()
