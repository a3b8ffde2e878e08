"""A TCP gate between one replica and the database, which can be shut in the ways in which networks part two machines.

One thread with an event loop of its own for all gates. Bytes are passed on as they come; nothing of the protocol is
read. What is held back is not lost: like a segment that TCP sends again, it arrives once the gate is open.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from tests.faults.listener import Listener, reset

__all__ = ["Cut", "Gate", "gates"]

_CHUNK_BYTES: Final = 64 * 1024
_DONE_S: Final = 10.0


class Cut(StrEnum):
    """How the way to the database is cut."""

    HANG = "hang"  # connections are accepted, no byte moves either way
    DEAF = "deaf"  # what the replica says arrives, what the database answers does not
    RESET = "reset"  # every connection is reset, and every new one


class Gate:
    """The way of one replica to the database; `port` is where the replica connects to."""

    def __init__(self, target: tuple[str, int], loop: asyncio.AbstractEventLoop) -> None:
        self._target = target
        self._loop = loop
        self._cut: Cut | None = None
        self._opened = asyncio.Event()
        self._opened.set()
        self._listener = Listener(self._connect)
        self._pairs: set[tuple[asyncio.StreamWriter, ...]] = set()

    @property
    def port(self) -> int:
        """Where it listens, once it does."""
        return self._listener.port

    @property
    def cut(self) -> Cut | None:
        """How it is cut at present; None while it is open."""
        return self._cut

    def shut(self, cut: Cut) -> None:
        """From now on no answer of the database reaches the replica, until `open`."""
        self._soon(self._shut(cut))

    def open(self) -> None:
        """Bytes move again."""
        self._soon(self._open())

    def _soon(self, change: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(change, self._loop).result(_DONE_S)

    async def _shut(self, cut: Cut) -> None:
        self._cut = cut
        self._opened.clear()
        if cut is Cut.RESET:
            self._abort_all()

    async def _open(self) -> None:
        self._cut = None
        self._opened.set()

    def _abort_all(self) -> None:
        for pair in set(self._pairs):
            for writer in pair:
                reset(writer)

    async def listen(self) -> None:
        """`port` is a free port, and answers."""
        self._listener.open()

    async def close(self) -> None:
        """Nothing is left of it."""
        await self._listener.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut is Cut.RESET:
            reset(writer)
            return
        if self._cut is Cut.HANG:
            await self._opened.wait()
        answers, asks = await asyncio.open_connection(*self._target)
        pair = (writer, asks)
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, asks, (Cut.HANG,)))
                group.create_task(self._pass(answers, writer, (Cut.HANG, Cut.DEAF)))
        except* OSError:
            pass  # either side is gone: so is the other
        finally:
            self._pairs.discard(pair)
            asks.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held_by: tuple[Cut, ...]) -> None:
        """All bytes from one side to the other; ConnectionResetError at their end, for a database says goodbye."""
        while True:
            chunk = await reader.read(_CHUNK_BYTES)
            while self._cut in held_by:
                await self._opened.wait()
            if not chunk:
                raise ConnectionResetError
            writer.write(chunk)
            await writer.drain()


@contextmanager
def gates(target: tuple[str, int], count: int) -> Iterator[list[Gate]]:
    """So many open gates to this address while the context lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="gates", daemon=True)
    thread.start()
    made = [Gate(target, loop) for _ in range(count)]
    try:
        for gate in made:
            asyncio.run_coroutine_threadsafe(gate.listen(), loop).result(_DONE_S)
        yield made
    finally:
        for gate in made:
            asyncio.run_coroutine_threadsafe(gate.close(), loop).result(_DONE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_DONE_S)
        loop.close()
