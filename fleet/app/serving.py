"""The daemon: the fleet that stays, with its HTTP server, its supervisor and its reloads.

A reload drains the stages and starts them again under the new settings, over the same ledger, clients and metrics; the
jobs that run in AWS go on. So there is one way to take settings over, and it is the one that every start uses. A bad
configuration changes nothing.
"""

import os
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import anyio
import structlog
from anyio import to_thread

from fleet import __version__
from fleet.app.fleet import App
from fleet.app.gauges import Gauges
from fleet.app.notify import Notify
from fleet.app.opening import open_ledger, open_targets
from fleet.app.reloading import reload
from fleet.app.status import status
from fleet.aws.session import TargetClients
from fleet.core.errors import FleetError, Misconfigured
from fleet.core.job import ENDED, IN_FLIGHT, State
from fleet.core.lane import Lane
from fleet.ledger.ledger import Ledger
from fleet.settings import Settings
from fleet.stages.loop import Clock, SystemClock
from fleet.telemetry import Telemetry, on_record, tell_held_back
from fleet.telemetry.tracing import endpoint_of, start_tracing
from fleet.web import Web

__all__ = ["Daemon", "serve"]

log = structlog.get_logger()

_LAG_S: Final = 0.5
_BEAT_S: Final = 5.0
_FRESH_S: Final = 2.0
_SHARE: Final = 20.0  # a look that takes a second is repeated after twenty
_START_S: Final = 60.0


class Daemon:
    """A fleet that stays. `drain` ends it, `reload` has it read its configuration again; both return at once.

    `view` reads the same ledger beside it: a page that reads all jobs delays no stage.
    """

    def __init__(
        self,
        settings: Settings,
        config: Path | None,
        ledger: Ledger,
        clients: dict[str, TargetClients],
        *,
        view: Ledger,
        notify: Notify,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self.ledger = view
        self.telemetry = Telemetry()
        self._ledger = ledger
        self.telemetry.export_process()
        self.telemetry.build_info.labels(__version__).set(1)
        self._config = config
        self._clients = clients
        self._notify = notify
        self._clock = clock
        self._rng = rng
        self._gauges = Gauges(view, clients)
        self._stopping = anyio.Event()
        self._started = False
        self._bad_configuration: str | None = None
        self._looking = anyio.Lock()
        self._status: tuple[float, Mapping[str, Any]] = (float("-inf"), {})
        self._took_over(settings)

    def _took_over(self, settings: Settings) -> None:
        self._next = settings
        self._app = self._build(settings)
        self._bad_configuration = None
        self.telemetry.config_last_reload_successful.set(1)
        self.telemetry.config_last_reload_success_timestamp_seconds.set_to_current_time()

    def _build(self, settings: Settings) -> App:
        return App(settings, self._ledger, self._clients, clock=self._clock, rng=self._rng, telemetry=self.telemetry)

    async def run(self, sources: Sequence[str]) -> None:
        """Serve until `drain`; a task that dies ends everything."""
        self._ledger.observe(self.telemetry.ledger_commit_duration_seconds.observe)
        async with anyio.create_task_group() as group:
            group.start_soon(self._measure_lag)
            group.start_soon(self._beat)
            group.start_soon(self._say_how_far)
            while not self._stopping.is_set():
                app = self._app
                group.start_soon(self._say_ready, app)
                await app.serve(sources)
                # standard input was read to its end; what it held is in the ledger
                sources = [source for source in sources if source != "-"]
                if not self._stopping.is_set():
                    self._took_over(self._next)
            self._notify.stopping("left nothing in hand")
            group.cancel_scope.cancel()

    def drain(self) -> None:
        """Claim nothing new, finish what is in hand, leave."""
        self._notify.stopping("finishing the calls in hand")
        self._notify.extend(self._app.settings.drain.deadline_s + 5.0)
        self._stopping.set()
        self._app.drain()

    def reload(self) -> None:
        """Take over what may change at once; a configuration that cannot work keeps the old one, and says so."""
        self._notify.reloading()
        try:
            settings, cold = reload(self._app.settings, self._config)
            self._build(settings)
        except Misconfigured as error:
            self._bad_configuration = str(error)
            self.telemetry.config_last_reload_successful.set(0)
            log.error("config.rejected", reason=str(error))
            self._notify.ready("kept the old configuration: the new one is bad")
            return
        log.info("config.reloaded", needs_restart=cold)
        if cold:
            log.warning("config.needs_restart", settings=cold)
        self._next = settings
        self._app.drain()

    # what the pages ask

    def stalled(self) -> list[str]:
        """See `Source.stalled`."""
        return self._app.progress.stalled(self._clock.monotonic())

    def problems(self) -> list[str]:
        """See `Source.problems`."""
        found = []
        sharing = self._app.holding.sharing
        if trouble := self._ledger.health().trouble:
            found.append(f"ledger: {trouble}")
        elif sharing is not None and sharing.cut_off():
            found.append("ledger: the database has not answered for so long that this replica holds no lane")
        if self._bad_configuration is not None:
            found.append(f"configuration: {self._bad_configuration} (the old one is kept)")
        for name, client in self._clients.items():
            if why := client.credentials.trouble:
                found.append(f"target {name}: no usable credentials: {why}")
        return found

    async def refresh(self) -> None:
        """See `Source.refresh`."""
        await self._gauges.refresh(self._app)

    async def status(self) -> Mapping[str, Any]:
        """See `Source.status`."""
        async with self._looking:
            began = time.monotonic()
            if began >= self._status[0]:
                found = await status(self._app, self.ledger, self._all_problems())
                now = time.monotonic()
                self._status = (now + max(_FRESH_S, _SHARE * (now - began)), found)
            return self._status[1]

    def _all_problems(self) -> list[str]:
        paused = [
            f"{lane} is paused: {work.submit.pause.reason}"
            for lane, work in self._app.works.items()
            if work.submit.pause is not None
        ]
        unread = self._app.watch.troubles if self._app.watch else []
        return [*self.problems(), *self.stalled(), *paused, *unread]

    # what goes on beside the stages

    async def _say_ready(self, app: App) -> None:
        await app.reconciled.wait()
        self._started = True
        self._notify.ready("working")
        log.info("fleet.ready", lanes=len(app.lanes))

    async def _measure_lag(self) -> None:
        while True:
            began = self._clock.monotonic()
            await self._clock.sleep(_LAG_S)
            self.telemetry.event_loop_lag_seconds.observe(max(0.0, self._clock.monotonic() - began - _LAG_S))

    async def _beat(self) -> None:
        """Signs of life for the supervisor, only while the stages move. Waits for nothing else: a database that hangs
        is no reason to be restarted."""
        every_s = self._every_s()
        while True:
            if not self._started:
                # an account with a long history takes its time; said later, it would put off the watchdog too
                self._notify.extend(_START_S)
            if not self.stalled():
                self._notify.alive()
            await self._clock.sleep(every_s)

    async def _say_how_far(self) -> None:
        """A line for the supervisor's status, as often as the ledger lets us read it."""
        every_s = self._every_s()
        while True:
            if self._app.reconciled.is_set():
                with suppress(FleetError):  # a ledger that cannot be read is the stages' matter
                    self._notify.status(_line(await self.ledger.counts()))
            await self._clock.sleep(every_s)

    def _every_s(self) -> float:
        return min(_BEAT_S, (self._notify.watchdog_s or 2 * _BEAT_S) / 2)


def _line(counts: Mapping[Lane, Mapping[State, int]]) -> str:
    done = sum(jobs for states in counts.values() for state, jobs in states.items() if state in ENDED)
    in_aws = sum(states[state] for states in counts.values() for state in IN_FLIGHT)
    total = sum(sum(states.values()) for states in counts.values())
    return f"{done:,} of {total:,} jobs done, {in_aws:,} in AWS"


async def serve(settings: Settings, config: Path | None, sources: Sequence[str], *, started: Any) -> None:
    """The daemon to its end. `started` is called with it, once it listens; what that returns is an async context."""
    notify = Notify.from_environment()
    stop_tracing = start_tracing(endpoint_of(settings.telemetry.otlp_endpoint, os.environ))
    try:
        async with (
            open_targets(settings) as clients,
            open_ledger(settings) as ledger,
            open_ledger(settings, read_only=True) as view,
        ):
            clock, rng = SystemClock(), random.Random()
            daemon = Daemon(settings, config, ledger, clients, view=view, notify=notify, clock=clock, rng=rng)
            stop_counting = on_record(lambda level: daemon.telemetry.log_messages.labels(level).inc())
            try:
                http = settings.http
                pages = Web(daemon, http.listen, hosts=tuple(http.hosts), allow_remote=http.allow_remote)
                async with pages, started(daemon):
                    await daemon.run(sources)
            finally:
                stop_counting()
    finally:
        notify.close()
        tell_held_back()
        await to_thread.run_sync(stop_tracing)  # it sends the last spans
