"""A TCP proxy on loopback that does to single HTTP exchanges what networks do: nothing of the protocol is faked.

One thread with an event loop of its own; which exchange suffers what is drawn from a seed. Bodies must be told by
Content-Length, as botocore's and the sandbox's are.
"""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from tests.faults.listener import HOST, Listener, reset

__all__ = ["Proxy", "Way", "proxied"]

_DRIP_S: Final = 0.1
_REFUSED_S: Final = 0.3


class Way(StrEnum):
    """What may happen to one exchange on its way."""

    RESET_BEFORE = "reset before"  # nothing reaches the service
    RESET_AFTER = "reset after"  # the service has done it, no byte of the answer leaves
    HALF = "half an answer"
    HANG_BEFORE = "hang before"  # accepted, not passed on, never answered
    HANG_AFTER = "hang after"  # the service has done it, never answered
    DRIP = "drip"  # one byte of the body each 0.1 s
    REFUSE = "refuse"  # reset, and then no new connection is accepted for 0.3 s
    TWICE = "twice"  # the request reaches the service twice, the client hears the first answer


@dataclass(slots=True)
class Proxy:
    """A running proxy. `ways` is the chance of each way, which may change at any time; `fired` counts them."""

    target: tuple[str, int]
    ways: Mapping[Way, float]
    rng: random.Random
    fired: Counter[Way] = field(default_factory=Counter)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _listener: Listener = field(init=False)
    _clients: set[asyncio.StreamWriter] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._listener = Listener(self._accept)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self._listener.port}"

    def reset_all(self) -> None:
        """Every open connection is reset."""
        self._loop.call_soon_threadsafe(self._abort_all)

    def _abort_all(self) -> None:
        for writer in set(self._clients):
            reset(writer)

    async def _listen(self) -> None:
        self._listener.open()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            await self._serve(reader, writer)
        finally:
            self._clients.discard(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one exchange after the other, until one of them breaks the connection."""
        while request := await _message(reader):
            way = self._draw()
            if way is None:
                writer.write(await self._ask(request))
            elif not await _ACTIONS[way](self, request, writer):
                return
            await writer.drain()

    def _draw(self) -> Way | None:
        drawn = self.rng.random()
        for way, chance in self.ways.items():
            drawn -= chance
            if drawn < 0:
                self.fired[way] += 1
                return way
        return None

    async def _ask(self, request: bytes) -> bytes:
        """The service's whole answer, over a connection of its own."""
        reader, writer = await asyncio.open_connection(*self.target)
        try:
            writer.write(request)
            await writer.drain()
            return await _message(reader)
        finally:
            writer.close()

    async def _reset_before(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        reset(writer)
        return False

    async def _reset_after(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        await self._ask(request)
        reset(writer)
        return False

    async def _half(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        answer = await self._ask(request)
        writer.write(answer[: len(answer) // 2])
        await writer.drain()
        return False

    async def _hang_before(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        await asyncio.get_running_loop().create_future()
        return False

    async def _hang_after(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        await self._ask(request)
        return await self._hang_before(request, writer)

    async def _drip(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        head, end, body = (await self._ask(request)).partition(b"\r\n\r\n")
        writer.write(head + end)
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(_DRIP_S)
        return True

    async def _refuse(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        reset(writer)
        if self._listener.listens:
            self._listener.shut()
            await asyncio.sleep(_REFUSED_S)
            self._listener.open()
        return False

    async def _twice(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        answer = await self._ask(request)
        await self._ask(request)
        writer.write(answer)
        return True


_ACTIONS: Final[dict[Way, Callable[[Proxy, bytes, asyncio.StreamWriter], Awaitable[bool]]]] = {
    Way.RESET_BEFORE: Proxy._reset_before,
    Way.RESET_AFTER: Proxy._reset_after,
    Way.HALF: Proxy._half,
    Way.HANG_BEFORE: Proxy._hang_before,
    Way.HANG_AFTER: Proxy._hang_after,
    Way.DRIP: Proxy._drip,
    Way.REFUSE: Proxy._refuse,
    Way.TWICE: Proxy._twice,
}


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One whole HTTP message; empty where the other side has closed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return b""
    length = 0
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            length = int(value)
    return head + await reader.readexactly(length)


@contextmanager
def proxied(url: str, ways: Mapping[Way, float], *, seed: int = 1) -> Iterator[Proxy]:
    """A proxy to this HTTP address while the context lasts."""
    where = urlsplit(url)
    proxy = Proxy((where.hostname or HOST, where.port or 80), ways, random.Random(seed))
    loop = proxy._loop
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(proxy._listen(), loop).result(10)
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(proxy._listener.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
