"""The place of aiobotocore's HTTP session: a request goes to the simulation, and fails as over a real connection.

Promises: the errors are those that aiobotocore raises for the same fault on a socket: ReadTimeoutError when no byte
comes for the client's read timeout, ConnectionClosedError when the connection is reset before or within the answer.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self

from aiobotocore.awsrequest import AioAWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from fleet.sandbox.mischief import Reply

__all__ = ["SimulatedSession", "read_body", "send", "text"]

_READ_TIMEOUT_S: Final = 60.0

Answer = Callable[[Any], Awaitable[Reply]]


class SimulatedSession:
    """What `AioConfig(http_session_cls=...)` makes: one client's way to the simulation."""

    def __init__(self, answer: Answer, *, timeout: Any = None, **_: Any) -> None:
        self._answer = answer
        self._read_timeout_s = _read_timeout_s(timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def close(self) -> None:
        """There is nothing to close."""

    async def send(self, request: Any) -> AioAWSResponse:
        """The response to a prepared request."""
        return await send(self._answer, request, self._read_timeout_s)


async def send(answer: Answer, request: Any, read_timeout_s: float) -> AioAWSResponse:
    """What a client with this read timeout gets for a prepared botocore request."""
    reply = await answer(request)
    silence_s = max(reply.after_s, reply.over_s / max(1, len(reply.body)))
    if silence_s > read_timeout_s:
        await asyncio.sleep(read_timeout_s)
        raise ReadTimeoutError(endpoint_url=request.url)
    await asyncio.sleep(reply.after_s + reply.over_s)
    if reply.reset or reply.cut:
        raise ConnectionClosedError(endpoint_url=request.url, request=request)
    headers: Any = {name.lower(): value for name, value in reply.headers.items()}
    return AioAWSResponse(request.url, reply.status, headers, _Raw(request.url, reply.body))


class _Raw:
    """As much of aiohttp's response as aiobotocore touches."""

    def __init__(self, url: str, body: bytes) -> None:
        self.url = url
        self.content = _Content(body)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def read(self) -> bytes:
        """All that is left."""
        return await self.content.read()

    def close(self) -> None:
        """There is nothing to close."""


class _Content:
    def __init__(self, body: bytes) -> None:
        self._left = memoryview(body)

    async def read(self, size: int = -1) -> bytes:
        size = len(self._left) if size < 0 else size
        chunk, self._left = bytes(self._left[:size]), self._left[size:]
        return chunk

    def at_eof(self) -> bool:
        return not self._left


def _read_timeout_s(timeout: Any) -> float:
    """Of botocore's (connect, read), one number for both, or none."""
    read = timeout[1] if isinstance(timeout, tuple) else timeout
    return float(read) if read else _READ_TIMEOUT_S


async def read_body(request: Any) -> bytes:
    """The whole body, without the chunks in which botocore wraps an object to put a checksum behind it."""
    body = request.body or b""
    if not isinstance(body, (bytes, bytearray, str)):
        body = body.read()
        body = await body if inspect.isawaitable(body) else body
    body = body.encode() if isinstance(body, str) else bytes(body)
    return _unchunked(body) if "aws-chunked" in text(request.headers.get("Content-Encoding", "")) else body


def _unchunked(body: bytes) -> bytes:
    """The data of `size in hex CRLF data CRLF` chunks; a chunk of size 0 ends it, and trailers follow."""
    pieces: list[bytes] = []
    place = 0
    while True:
        head, _, _ = body[place:].partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if not size:
            return b"".join(pieces)
        place += len(head) + 2
        pieces.append(body[place : place + size])
        place += size + 2


def text(value: Any) -> str:
    """A header's value, which botocore has as text or as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)
