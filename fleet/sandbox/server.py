"""The whole sandbox in one block: S3, the service on HTTP, and the runner that moves its jobs.

async with Sandbox(read_switches(pairs=["time_scale=60"])) as sandbox:
    print(*sandbox.exports(), sep="\n")
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, Self

import anyio
from aiohttp import web

from fleet.sandbox.clock import Clock, SteadyClock
from fleet.sandbox.configure import change
from fleet.sandbox.control import Control, report
from fleet.sandbox.faults import Faults
from fleet.sandbox.http import Http
from fleet.sandbox.runner import Runner
from fleet.sandbox.s3 import S3Process
from fleet.sandbox.service import Service
from fleet.sandbox.store import S3Store, Store
from fleet.sandbox.switches import Switches
from fleet.sandbox.wire import Wire

__all__ = ["Sandbox", "serve"]

log = logging.getLogger(__name__)

_HOST: Final = "127.0.0.1"


class Sandbox:
    """An AWS of one's own while the block runs; everything is bound to this machine alone.

    Port 0 takes a free one. With `store` given no S3 server is started: the sandbox reads and writes there.
    """

    def __init__(
        self,
        switches: Switches | None = None,
        *,
        port: int = 0,
        s3_port: int = 0,
        store: Store | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.service = Service(switches)
        switches = self.service.switches
        self.clock: Clock = clock or SteadyClock()
        self.faults = Faults(switches.faults, random.Random(switches.seed))
        self.comprehend_url = ""
        self.s3_url = ""
        self._port = port
        self._s3_port = s3_port
        self._store = store
        self._stack = AsyncExitStack()
        self._running: asyncio.Task[None] | None = None
        self._wake: Callable[[], None] | None = None

    @property
    def switches(self) -> Switches:
        """How the sandbox behaves now."""
        return self.service.switches

    @property
    def store(self) -> Store:
        """Where the documents and the outputs are."""
        if self._store is None:
            raise RuntimeError("the sandbox is not open: use it in an async with block")
        return self._store

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            if self._store is None:
                s3 = await stack.enter_async_context(S3Process(host=_HOST, port=self._s3_port))
                self.s3_url = s3.url
                self._store = await stack.enter_async_context(S3Store(s3.url))
            runner = Runner(self.service, self._store, self.clock)
            self._wake = runner.wake
            # A plain task, not a task group: its block must open and close in one task, and a test's fixture may not.
            self._running = asyncio.create_task(runner.run(), name="sandbox runner")
            self._running.add_done_callback(_report_end)
            stack.push_async_callback(_cancel, self._running)
            await self._listen(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def create_bucket(self, bucket: str) -> None:
        """The bucket exists in the sandbox's store."""
        create: Any = getattr(self.store, "create_bucket")  # noqa: B009 - Store promises only keys, read and write
        await create(bucket)

    def wake(self) -> None:
        """The runner looks again at what is due: for whoever calls `service` directly, past HTTP."""
        if self._wake is not None:
            self._wake()

    def change(self, **values: Any) -> None:
        """The switches of these names have these values from now on; SwitchError as for a file of them."""
        change(self.service, values, self.clock.now())
        self.wake()

    def alive(self) -> bool:
        """True while jobs move."""
        return self._running is not None and not self._running.done()

    def truth(self) -> dict[str, Any]:
        """What GET /sandbox/truth says."""
        return report(self.service, self.faults, self.clock.now())

    def environment(self) -> dict[str, str]:
        """The variables that send any AWS client here: AWS's standard ones, nothing of our own."""
        return {
            "AWS_ENDPOINT_URL_COMPREHEND": self.comprehend_url,
            **({"AWS_ENDPOINT_URL_S3": self.s3_url} if self.s3_url else {}),
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_DEFAULT_REGION": self.switches.region,
        }

    def exports(self) -> list[str]:
        """The same, as lines for a shell."""
        return [f"export {name}={value}" for name, value in self.environment().items()]

    async def _listen(self, stack: AsyncExitStack) -> None:
        control = Control(self.service, self.faults, self.clock, alive=self.alive, on_change=self.wake)
        http = Http(Wire(self.service, self.clock, self.faults, self.wake), control.handle, self.clock)
        server = web.ServerRunner(web.Server(http.handle, access_log=None), shutdown_timeout=0.1)
        await server.setup()
        stack.push_async_callback(server.cleanup)
        site = web.TCPSite(server, _HOST, self._port)
        await site.start()
        self.comprehend_url = f"http://{_HOST}:{server.addresses[0][1]}"


async def serve(switches: Switches | None = None, *, port: int = 4510, s3_port: int = 4511) -> None:
    """Run a sandbox until cancelled."""
    async with Sandbox(switches, port=port, s3_port=s3_port):
        await anyio.sleep_forever()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _report_end(task: asyncio.Task[None]) -> None:
    """The runner ends only when the sandbox does; any other end must be heard of."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("the sandbox's runner died, no job moves any more", exc_info=error)
