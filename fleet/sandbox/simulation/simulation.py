"""The whole sandbox in one process and one thread: the service, its faults, its jobs and its S3, under virtual time.

Promises: the same rules and bytes as over HTTP, for both stand on wire.py; with a seed, the same run each time.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final, Self, TypeVar

import msgspec

from fleet.sandbox.configure import change
from fleet.sandbox.control import report
from fleet.sandbox.errors import ServiceError
from fleet.sandbox.faults import Faults
from fleet.sandbox.mischief import Reply
from fleet.sandbox.runner import Runner
from fleet.sandbox.service import Service
from fleet.sandbox.simulation.loop import LoopClock, simulate_coroutine
from fleet.sandbox.simulation.s3 import S3Protocol
from fleet.sandbox.simulation.session import SimulatedSession, read_body, send, text
from fleet.sandbox.store import MemoryStore
from fleet.sandbox.switches import Switches
from fleet.sandbox.wire import Wire

__all__ = ["Simulation", "simulate"]

T = TypeVar("T")

_TARGET: Final = "Comprehend_20171127."
_LATENCY_S: Final = (0.01, 0.06)


class Simulation:
    """A sandbox while the block runs, on whatever event loop it is opened; `simulate` gives it a virtual one.

    Each request takes a time between the two of `latency_s`, drawn anew for the way there and the way back, so that
    requests overtake each other. Without a seed in the switches it is 0.
    """

    def __init__(
        self,
        switches: Switches | None = None,
        *,
        store: MemoryStore | None = None,
        clock: LoopClock | None = None,
        latency_s: tuple[float, float] = _LATENCY_S,
    ) -> None:
        seed = (switches or Switches()).seed or 0
        self.service = Service(switches, rng=random.Random(seed))
        self.faults = Faults(self.service.switches.faults, random.Random(seed + 1))
        self.clock = clock or LoopClock()
        self.store = store or MemoryStore()
        self._latency_s = latency_s
        self._chance = random.Random(seed + 2)
        self._runner = Runner(self.service, self.store, self.clock)
        self._wire = Wire(self.service, self.clock, self.faults, self._runner.wake)
        self._s3 = S3Protocol(self.store)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        running = asyncio.get_running_loop().create_task(self._runner.run(), name="sandbox runner")
        self._stack.push_async_callback(_end, running)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def switches(self) -> Switches:
        """How the sandbox behaves now."""
        return self.service.switches

    def change(self, **values: Any) -> None:
        """The switches of these names have these values from now on; SwitchError as for a file of them."""
        change(self.service, values, self.clock.now())
        self._runner.wake()

    def truth(self) -> dict[str, Any]:
        """What GET /sandbox/truth would say."""
        return report(self.service, self.faults, self.clock.now())

    async def request(
        self, operation: str, params: Mapping[str, Any], *, account: str | None = None, region: str | None = None
    ) -> dict[str, Any]:
        """The answer to one request, without a client; ServiceError, or ConnectionResetError where a fault resets."""
        account, region = account or self.switches.account, region or self.switches.region
        credential = f"AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/comprehend/aws4_request"
        reply = await self.exchange(_TARGET + operation, msgspec.json.encode(params), authorization=credential)
        await asyncio.sleep(reply.after_s + reply.over_s)
        if reply.reset or reply.cut:
            raise ConnectionResetError(f"{operation}: the connection was reset")
        answer: dict[str, Any] = msgspec.json.decode(reply.body)
        if reply.status != 200:
            raise ServiceError(answer["__type"], answer["Message"], reply.status)
        return answer

    async def exchange(self, target: str, body: bytes, *, authorization: str) -> Reply:
        """One request in JSON 1.1 as it stands on the wire, and its answer after the way there and back."""
        await self._travel()
        reply = self._wire.reply(target=target, authorization=authorization, body=body)
        await self._travel()
        return reply

    @property
    def http_session(self) -> Callable[..., SimulatedSession]:
        """For `AioConfig(http_session_cls=...)`: Comprehend and S3 clients with it come here, whatever their URL."""
        return partial(SimulatedSession, self.reply_to)

    def attach(self, client: Any) -> None:
        """An open aiobotocore client comes here from now on, whatever its configuration says of HTTP."""
        timeout_s = float(client.meta.config.read_timeout)

        async def answer(request: Any, **_: Any) -> Any:
            return await send(self.reply_to, request, timeout_s)

        client.meta.events.register_first("before-send", answer)

    async def reply_to(self, request: Any) -> Reply:
        """The reply to a prepared botocore request of either service."""
        headers = {name.lower(): text(value) for name, value in request.headers.items()}
        target = headers.get("x-amz-target", "")
        body = await read_body(request)
        if target:
            return await self.exchange(target, body, authorization=headers.get("authorization", ""))
        await self._travel()
        reply = await self._s3.reply(request.method, request.url, body)
        await self._travel()
        return reply

    async def _travel(self) -> None:
        await asyncio.sleep(self._chance.uniform(*self._latency_s))


def simulate(
    main: Callable[[Simulation], Awaitable[T]],
    switches: Switches | None = None,
    *,
    buckets: tuple[str, ...] = ("corpus-in", "corpus-out"),
    latency_s: tuple[float, float] = _LATENCY_S,
) -> T:
    """What `main` returns, run to its end against a new sandbox with these buckets, under virtual time."""

    async def within() -> T:
        async with Simulation(switches, store=MemoryStore(*buckets), latency_s=latency_s) as simulation:
            return await main(simulation)

    run: Callable[[], Coroutine[Any, Any, T]] = within
    return simulate_coroutine(run)


async def _end(task: asyncio.Task[None]) -> None:
    """The runner's task is over; what broke it is raised, if something did."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error
