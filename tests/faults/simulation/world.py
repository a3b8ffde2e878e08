"""One simulated world: a sandbox that lives on, a ledger in a file, and life after life of fleet until all is done.

Real are fleet's stages (`App.run_to_end`), its ledger in SQLite, and aiobotocore's serializer and parser. When fleet
dies, the next life gets an image of the ledger as its files stood at that instant.
"""

import asyncio
import logging
import os
import random
import shutil
import tempfile
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import structlog

from fleet.app import lanes
from fleet.app.fleet import App
from fleet.core.kinds import KINDS
from fleet.ledger.ledger import Ledger
from fleet.sandbox.simulation import Simulation
from fleet.sandbox.store import MemoryStore
from fleet.settings import Settings
from tests.faults.simulation.forks import Ending, Explorer
from tests.faults.simulation.gateway import ACCOUNT, REGION, Gateway
from tests.faults.simulation.judgement import doubled, ledger_violations, log_violations
from tests.faults.simulation.life import Life, MortalLoop, ordered
from tests.faults.simulation.options import Options

__all__ = ["Weather", "World", "live", "silent"]

_LINES: Final = b"Anna Smith of Paris loves her new phone.\n" * 15
_LEDGER: Final = "fleet.db"
_MEMORY: Final = Path("/dev/shm")


Weather = Callable[["World"], Coroutine[Any, Any, None]]
"""What changes in a world while it goes on, whatever fleet does."""


class World:
    """A world of these options. Its files are in `directory`."""

    def __init__(
        self,
        options: Options,
        gateway: Gateway,
        explorer: Explorer,
        *,
        directory: Path,
        loop: MortalLoop,
        weather: Weather | None = None,
    ) -> None:
        self.options = options
        self.gateway = gateway
        self.explorer = explorer
        self.sandbox = Simulation(options.sandbox(), store=MemoryStore("corpus-in", "corpus-out"))
        self.settings = _settings(options)
        self.app: App | None = None
        self.violations: list[str] = []
        self._loop = loop
        self._weather = weather
        self._dead: list[set[asyncio.Task[Any]]] = []
        self._marked: tuple[int, ...] = ()
        self._directory = directory
        self._image = directory / "0"
        self._wal = f"{self._image}/{_LEDGER}-wal"
        self._manifest = directory / "manifest.jsonl"

    @property
    def prefixes(self) -> list[str]:
        """The inputs of the manifest."""
        return [f"s3://corpus-in/{number:03d}/" for number in range(self.options.jobs)]

    async def run(self) -> list[Ending]:
        """How this world and all that were forked from it ended. Does not return in a fork."""
        async with self.sandbox:
            self.gateway.lead_to(self.sandbox.reply_to, self.options.seed)
            await self._furnish()
            if self._weather is not None:
                self._loop.create_task(self._weather(self), name="weather")
            while (life := Life(self._watch)) and not await self._live(life):
                await self.sandbox.clock.sleep(self.options.downtime_s)
            return self.explorer.ended(await self._judged(life))

    def note_trouble(self, _: object, context: dict[str, Any]) -> None:
        """Something failed where nobody waits for it: that must not happen either."""
        if str(context["message"]).startswith("Task was destroyed"):
            return  # of a life that died
        error = context.get("exception")
        told = "".join(traceback.format_exception(error)) if error else ""
        self.violations.append(f"{context['message']} {told[-4000:]}")

    async def _furnish(self) -> None:
        self._image.mkdir()
        for prefix in self.prefixes:
            await self.sandbox.store.write("corpus-in", prefix.removeprefix("s3://corpus-in/") + "one.txt", _LINES)
        self._manifest.write_text("".join(f'{{"prefix": "{prefix}"}}\n' for prefix in self.prefixes))

    async def _live(self, life: Life) -> bool:
        """One life of fleet; True if it came to its own end, False if it died."""
        self.gateway.renew()
        running = self._loop.create_task(self._fleet(), name="fleet", context=life.context)
        await asyncio.wait((running, life.died), timeout=self.options.limit_s, return_when=asyncio.FIRST_COMPLETED)
        if life.died.done():
            return False
        if not running.done():
            self.violations.append(f"fleet has not ended after {self.options.limit_s:.0f} s")
            running.cancel()
            await asyncio.wait((running,), timeout=self.options.limit_s)
        elif (error := running.exception()) is not None:
            self.violations.append("fleet broke: " + "".join(traceback.format_exception(error))[-4000:])
        return True

    async def _fleet(self) -> None:
        """What `fleet run MANIFEST` does, without its process."""
        lives = len(self.explorer.crashes)
        clock = self.sandbox.clock
        async with await Ledger.open(f"sqlite:///{self._image}/{_LEDGER}", wall=clock.now) as ledger:
            rng = random.Random(self.options.seed * 1000 + lives)
            # the idle ticks of lanes without work would be most of a simulation
            served = KINDS if self.options.every_lane else {kind: KINDS[kind] for kind in self.options.kinds}
            with patch.object(lanes, "KINDS", served):
                self.app = App(self.settings, ledger, self.gateway.clients, clock=clock, rng=rng)
            await self.app.run_to_end([str(self._manifest)])

    def _watch(self, life: Life) -> None:
        mark = self._mark()
        changed, self._marked = mark != self._marked, mark
        if self.explorer.crash_here(life.steps, changed, self._loop.settle):
            self._crash(life)

    def _mark(self) -> tuple[int, ...]:
        """Changes whenever something does that outlives fleet."""
        starts = sum(count for operation, count in self.gateway.sent.items() if operation.startswith("Start"))
        try:
            written_bytes = os.stat(self._wal).st_size
        except OSError:
            written_bytes = 0
        return written_bytes, starts, len(self.sandbox.service.jobs)

    def _crash(self, life: Life) -> None:
        """fleet is dead, and an image of its ledger waits for the next life. Only in a fork, which has no threads."""
        asyncio._set_running_loop(self._loop)  # asyncio takes the loop of another process for none
        life.die()
        self._dead.append(asyncio.all_tasks(self._loop))  # what is collected runs its `finally` blocks
        image = self._directory / str(os.getpid())
        image.mkdir()
        for suffix in ("", "-wal"):
            file = self._image / f"{_LEDGER}{suffix}"
            if file.exists():
                shutil.copy(file, image)
        self._image, self._wal = image, f"{image}/{_LEDGER}-wal"
        self.explorer.apart()
        if self.options.in_flight == "dropped":
            self.gateway.drop()
        self._loop.forget_threads()

    async def _judged(self, life: Life) -> Ending:
        service = self.sandbox.service
        expected = [(kind, prefix) for kind in self.options.kinds for prefix in self.prefixes]
        log = list(service.log)
        mine = [job for job in service.jobs.values() if not job.foreign]
        self.violations += log_violations(
            log,
            mine,
            [span for span in service.spans() if not span.foreign],
            expected=expected,
            rates=self.options.rates(),
            slots=self.options.slots,
        )
        url = f"sqlite:///{self._image}/{_LEDGER}"
        async with await Ledger.open(url, wall=self.sandbox.clock.now, read_only=True) as ledger:
            self.violations += await ledger_violations(ledger, service.jobs, expected=len(expected))
        started = {(job.kind.name, job.input_uri) for job in mine}
        return Ending(
            crashes=self.explorer.crashes,
            steps=life.steps,
            virtual_s=self.sandbox.clock.monotonic(),
            starts=len(mine),
            doubled=len(doubled(mine)),
            lost=len(set(expected) - started),
            violations=tuple(self.violations),
        )


def live(options: Options, gateway: Gateway, explorer: Explorer, weather: Weather | None = None) -> list[Ending]:
    """How a world of these options ended, and each of those that the explorer forked from it."""
    parent = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="fleet-world-", dir=parent) as directory:

        async def within() -> list[Ending]:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, MortalLoop)
            loop.serialise()
            world = World(options, gateway, explorer, directory=Path(directory), loop=loop, weather=weather)
            loop.set_exception_handler(world.note_trouble)
            return await world.run()

        try:
            with ordered(), asyncio.Runner(loop_factory=MortalLoop) as runner:
                return runner.run(within())
        except BaseException as error:
            explorer.broke(error)
            raise


@contextmanager
def silent() -> Iterator[None]:
    """No log is written meanwhile: it would be most of the time."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.reset_defaults()


def _settings(options: Options) -> Settings:
    return Settings.model_validate(
        {
            "defaults": {"kinds": list(options.kinds), "language": "en", "input_format": "ONE_DOC_PER_LINE"},
            "targets": {
                "main": {
                    "region": REGION,
                    "data_access_role_arn": f"arn:aws:iam::{ACCOUNT}:role/comprehend",
                    "output": "s3://corpus-out/results/",
                    "quotas": {"active_jobs": options.slots, "list_per_s": options.list_per_s},
                }
            },
            "verify": {"depth": options.depth},
        }
    )
