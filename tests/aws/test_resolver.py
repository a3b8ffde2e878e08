"""A resolver that hangs: each call ends at its deadline, and the threads in which names are looked up stay few."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from fleet.aws.session import Access, Timeouts, open_clients
from fleet.core.errors import Unavailable

CALLS = 60
THREADS = 33  # asyncio's own pool has at most 32


@dataclass(slots=True)
class Resolver:
    """How often it was asked, and what ends every lookup."""

    asked: int = 0
    over: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    """Looking up a name waits until the test ends it."""
    resolver = Resolver()
    real = socket.getaddrinfo

    def hang(host: Any, *more: Any, **named: Any) -> Any:
        if host != "comprehend.invalid":
            return real(host, *more, **named)
        resolver.asked += 1
        resolver.over.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "the resolver is gone")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setenv("AWS_ENDPOINT_URL_COMPREHEND", "http://comprehend.invalid")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "two")
    yield resolver
    resolver.over.set()


async def test_a_resolver_that_hangs_holds_no_call_and_few_threads(resolver: Resolver) -> None:
    """Sixty calls, twenty at a time: all of them end as unavailable, although no lookup ever does."""
    before = threading.active_count()
    timeouts = Timeouts(connect_s=0.05, read_s=0.05, call_s=0.1)
    ended: list[Unavailable] = []

    async with open_clients({"main": Access(region="us-east-1")}, timeouts) as clients:

        async def ask() -> None:
            with pytest.raises(Unavailable) as caught:
                await clients["main"].comprehend.describe("entities", "1")
            ended.append(caught.value)

        for _ in range(3):
            async with anyio.create_task_group() as group:
                for _ in range(CALLS // 3):
                    group.start_soon(ask)
        threads = threading.active_count() - before
        resolver.over.set()

    assert len(ended) == CALLS
    assert 1 <= resolver.asked <= THREADS
    assert threads <= THREADS
