"""The service over HTTP: one aiohttp handler for Comprehend and for the control endpoints.

Promises: what wire.py answers leaves as it says: late, slowly, half, or not at all.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from fleet.sandbox.clock import Clock
from fleet.sandbox.errors import ServiceError
from fleet.sandbox.mischief import Reply
from fleet.sandbox.wire import Wire

__all__ = ["Http"]

Control = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Http:
    """One low-level aiohttp handler: below /sandbox the control endpoints, all else the service."""

    def __init__(self, wire: Wire, control: Control, clock: Clock) -> None:
        self._wire = wire
        self._control = control
        self._clock = clock

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to any request at all."""
        if request.path.startswith("/sandbox"):
            return await self._control(request)
        try:
            body = await _read(request)
        except ServiceError as error:
            return _whole(self._wire.refusal(error))
        headers = request.headers
        reply = self._wire.reply(
            method=request.method,
            target=headers.get("X-Amz-Target", ""),
            authorization=headers.get("Authorization", ""),
            body=body,
        )
        if reply.after_s:
            await self._clock.sleep(reply.after_s)
        if reply.reset:
            return _reset(request)
        if reply.cut or reply.over_s:
            return await self._stream(request, reply)
        return _whole(reply)

    async def _stream(self, request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
        """The head promises the whole body; what leaves of it is half, or one byte at a time."""
        stream = web.StreamResponse(status=reply.status, headers=reply.headers)
        stream.content_length = len(reply.body)
        await stream.prepare(request)
        if reply.cut:
            await stream.write(reply.body[: len(reply.body) // 2])
            return _reset(request)
        for place in range(len(reply.body)):
            await stream.write(reply.body[place : place + 1])
            await self._clock.sleep(reply.over_s / len(reply.body))
        return stream


async def _read(request: web.BaseRequest) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise ServiceError("RequestEntityTooLargeException") from error
    except web.RequestPayloadError as error:
        raise ServiceError("MalformedHttpRequestException") from error


def _whole(reply: Reply) -> web.Response:
    return web.Response(body=reply.body, status=reply.status, headers=reply.headers)


def _reset(request: web.BaseRequest) -> web.Response:
    """The connection is gone at once, without a byte more. What is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
