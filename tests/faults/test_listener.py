"""The listener of the proxies: what it has accepted it closes, whenever it is shut."""

import asyncio
import gc
import socket

import pytest

from tests.faults.listener import HOST, Listener, reset


async def wave(listener: Listener, connections: int) -> None:
    """So many clients connect before the loop turns once; each is reset in the end, or refused."""
    clients = [socket.create_connection((HOST, listener.port)) for _ in range(connections)]
    for client in clients:
        client.setblocking(False)
        try:
            assert await asyncio.get_running_loop().sock_recv(client, 1) == b""
        except ConnectionResetError:
            pass
        finally:
            client.close()


async def test_a_listener_that_is_shut_while_connections_come_in_leaves_no_socket_open() -> None:
    """Shut by the first connection that is served, again and again: no socket is left to the garbage collector."""
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        listener.shut()

    listener = Listener(serve)
    for _ in range(20):
        listener.open()
        await wave(listener, connections=10)
    await listener.close()
    gc.collect()  # a socket that is open warns now, and a warning is an error here

    assert served >= 20


async def test_a_closed_listener_has_ended_its_connections_and_refuses_new_ones() -> None:
    """Also one whose task never ends by itself."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.get_running_loop().create_future()

    listener = Listener(serve)
    listener.open()
    reader, writer = await asyncio.open_connection(HOST, listener.port)

    await listener.close()
    left = await reader.read()

    assert left == b""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, listener.port)
    writer.close()
    await writer.wait_closed()


async def test_a_reset_is_a_reset_and_no_orderly_end() -> None:
    """The client hears ECONNRESET, as when a machine on the way has lost the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        reset(writer)

    listener = Listener(serve)
    listener.open()
    reader, writer = await asyncio.open_connection(HOST, listener.port)
    writer.write(b"?")

    with pytest.raises(ConnectionResetError):
        await reader.read()

    writer.transport.abort()
    await listener.close()
