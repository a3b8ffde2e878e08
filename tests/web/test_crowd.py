"""Many clients that mean no good at once: connections are bounded, and whoever asks properly is answered."""

import asyncio
from contextlib import suppress

import pytest

from tests.web.conftest import Served

CROWD, ALLOWED = 120, 50


async def test_a_crowd_that_says_nothing_is_thinned_out(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """More silent connections than are allowed: they are closed at once, and a probe is answered afterwards."""
    monkeypatch.setattr("fleet.web.server._SWEEP_S", 0.05)
    monkeypatch.setattr("fleet.web.server._IDLE_S", 3600.0)
    host, port = served.url.removeprefix("http://").split(":")
    crowd = [await asyncio.open_connection(host, int(port)) for _ in range(CROWD)]

    closing = asyncio.as_completed([reader.read() for reader, _ in crowd])
    said = []
    for _ in range(CROWD - ALLOWED):
        with suppress(ConnectionError):
            said.append(await next(closing))

    assert set(said) <= {b""}
    assert (await served.get("/livez"))[:2] == (200, "ok\n")
    for _, writer in crowd:
        writer.transport.abort()
    for left in closing:
        with suppress(ConnectionError):
            await left


async def test_a_body_that_never_comes_holds_up_nobody(served: Served) -> None:
    """Thirty requests whose bodies are announced and not sent: the pages and the probes are answered meanwhile."""
    host, port = served.url.removeprefix("http://").split(":")
    waiting = [await asyncio.open_connection(host, int(port)) for _ in range(30)]
    for _, writer in waiting:
        writer.write(b"GET /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n{")
        await writer.drain()

    answers = [(await served.get(path))[0] for path in ("/livez", "/readyz", "/metrics", "/api/v1/status", "/")]

    assert answers == [200] * 5
    for _, writer in waiting:
        writer.transport.abort()
