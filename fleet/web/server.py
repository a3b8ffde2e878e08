"""The HTTP server: who may ask, how much at a time, and what every answer carries.

Promises: listens where it was told or says why not; a request has limits in size and time; more than 50 connections at
a time are closed; a Host header that is not ours is refused, so that a page elsewhere cannot read us through a name of
its own (DNS rebinding); every answer forbids scripts and frames of others. Nothing here changes anything.
"""

import asyncio
import errno
import ipaddress
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from fleet.core.errors import FleetError, InvalidInput, Misconfigured
from fleet.web.api import Api
from fleet.web.health import Health
from fleet.web.page import page
from fleet.web.source import Source

__all__ = ["Web", "parse_address"]

log = structlog.get_logger()

_logger = logging.getLogger("fleet.web")
_logger.addFilter(lambda record: not _is_nonsense(record))

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HEADER_BYTES: Final = 8 * 1024
_BODY_BYTES: Final = 64 * 1024
_CONNECTIONS: Final = 50
_IDLE_S: Final = 15.0  # a connection may be quiet, or take for the head of a request
_SWEEP_S: Final = 1.0
_LINGER_S: Final = 1.0
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "fleet",
}


def parse_address(listen: str) -> tuple[str, int]:
    """Host and port of `host:port`; `Misconfigured` for anything else. An IPv6 host stands in brackets."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise Misconfigured(f"http.listen: must be host:port, such as 127.0.0.1:9377, not {listen!r}")
    return host.removeprefix("[").removesuffix("]"), int(port)


class Web:
    """The server while the block runs. `port` is the one that it listens on, also where 0 was asked for."""

    def __init__(self, source: Source, listen: str, *, hosts: tuple[str, ...] = (), allow_remote: bool = False) -> None:
        self.host, self.port = parse_address(listen)
        if not allow_remote and not _is_loopback(self.host):
            raise Misconfigured(
                f"http.listen: {self.host} can be reached from elsewhere, and nobody is asked who he is; say "
                "127.0.0.1, or http.allow_remote = true where something else decides who may come"
            )
        self._hosts = {host.lower() for host in (self.host, "localhost", *hosts)}
        self._answering: set[object] = set()  # transports with a request in hand
        self._quiet_since: dict[object, float] = {}
        self._sweep: asyncio.TimerHandle | None = None
        application = web.Application(middlewares=[self._guarded, _explained], client_max_size=_BODY_BYTES)
        application.add_routes([*Health(source).routes(), *Api(source).routes(), *page()])
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=_logger,
            handle_signals=False,
            max_field_size=_HEADER_BYTES,
            max_line_size=_HEADER_BYTES,
            keepalive_timeout=_IDLE_S,
            lingering_time=_LINGER_S,
            shutdown_timeout=_LINGER_S,
        )

    async def __aenter__(self) -> "Web":
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port, backlog=_CONNECTIONS)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            taken = error.errno == errno.EADDRINUSE
            why = "another process listens there" if taken else (error.strerror or str(error))
            raise Misconfigured(f"http.listen: cannot listen on {self.host}:{self.port}: {why}") from error
        self.port = self._runner.addresses[0][1]
        log.info("http.listening", host=self.host, port=self.port)
        self._close_quiet()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        await self._runner.cleanup()

    def _close_quiet(self) -> None:
        """Each second, close what sends nothing, or its request byte by byte for ever, and what is too many."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        server = self._runner.server
        open_now = [connection.transport for connection in server.connections] if server else []
        waiting = [transport for transport in open_now if transport and transport not in self._answering]
        self._quiet_since = {transport: self._quiet_since.get(transport, now) for transport in waiting}
        waiting.sort(key=lambda transport: self._quiet_since[transport])
        too_many = len(open_now) - _CONNECTIONS
        for number, transport in enumerate(waiting):
            if number < too_many or now - self._quiet_since[transport] >= _IDLE_S:
                transport.abort()
        self._sweep = loop.call_later(_SWEEP_S, self._close_quiet)

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._is_ours(request.host):
            return _problem(421, "This is not a host name of this fleet. Ask for localhost, or add it to [http] hosts.")
        if len(self._answering) >= _CONNECTIONS:
            return _problem(503, f"More than {_CONNECTIONS} connections at a time.", close=True)
        self._answering.add(request.transport)
        self._quiet_since.pop(request.transport, None)
        try:
            response = await handler(request)
        finally:
            self._answering.discard(request.transport)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    def _is_ours(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.count(":") == 1 or host.startswith("[") else host
        name = (name or host).removeprefix("[").removesuffix("]").lower()
        return name in self._hosts or _is_address(name)


@web.middleware
async def _explained(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error is one JSON object with a sentence; ours are never tracebacks."""
    try:
        return await handler(request)
    except InvalidInput as error:
        return _problem(400, str(error))
    except web.HTTPException as error:
        return _problem(error.status, error.text or error.reason, headers=_allowed(error))
    except FleetError as error:
        return _problem(503, str(error))


def _problem(status: int, detail: str, *, close: bool = False, headers: dict[str, str] | None = None) -> web.Response:
    response = web.json_response({"status": status, "detail": detail}, status=status)
    response.headers.update(_HEADERS | (headers or {}))
    if close:
        response.force_close()
    return response


def _allowed(error: web.HTTPException) -> dict[str, str]:
    return {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}


def _is_nonsense(record: logging.LogRecord) -> bool:
    """Whether the server tells of a request that is no HTTP: the client's error, answered with 400, not ours."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is not None and issubclass(kind, HttpProcessingError)


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host.lower() == "localhost"


def _is_address(host: str) -> bool:
    """Whether this is an address and no name: a probe, a scrape; a page that lures a browser here needs a name."""
    with suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    return False
