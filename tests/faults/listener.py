"""A listening socket on loopback for the proxies of the campaigns: closed, it leaves nothing behind."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

__all__ = ["HOST", "Listener", "reset"]

HOST: Final = "127.0.0.1"
_AT_ONCE: Final = struct.pack("ii", 1, 0)
_ROUNDS: Final = 5  # of the event loop: more than an aborted transport needs to close its socket

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """Serves each connection in a task of its own, and closes it when that ends; `port` is where it listens.

    asyncio's own server forgets a connection that it has accepted in the very turn of the loop in which it is closed
    (Python 3.11: the transport asserts that its server has sockets): the socket stays open until it is collected.
    Here accepting a connection and knowing it is one step.
    """

    def __init__(self, serve: Serve) -> None:
        self.port = 0
        self._serve = serve
        self._listening: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def listens(self) -> bool:
        """Whether new connections are accepted."""
        return self._listening is not None

    def open(self) -> None:
        """Connections are accepted: on a free port the first time, on the same port after `shut`."""
        self._listening = socket.create_server((HOST, self.port), backlog=100)
        self._listening.setblocking(False)
        self.port = self._listening.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._listening, self._accept, self._listening)

    def shut(self) -> None:
        """New connections are refused; those that are open go on."""
        if self._listening is not None:
            asyncio.get_running_loop().remove_reader(self._listening)
            self._listening.close()
            self._listening = None

    async def close(self) -> None:
        """New connections are refused, those that were open are broken off, and every socket is closed."""
        self.shut()
        while self._tasks:
            for task in set(self._tasks):
                task.cancel()
            await asyncio.wait(set(self._tasks))
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):  # who connected has gone already
            connection, _ = listening.accept()
            connection.setblocking(False)
            task = asyncio.get_running_loop().create_task(self._handle(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _: connection.close())  # a task that is cancelled early never begins

    async def _handle(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            writer.transport.abort()


def reset(writer: asyncio.StreamWriter) -> None:
    """The other side gets a TCP reset (RST), not an orderly end."""
    with suppress(OSError):  # it has gone first
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()
