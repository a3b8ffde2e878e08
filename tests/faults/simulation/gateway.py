"""fleet's real AWS clients, made once for all worlds of a process, and the way from them to the world of the moment."""

import asyncio
import contextvars
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

from fleet.aws.session import Access, TargetClients, Timeouts, open_clients
from fleet.sandbox.mischief import Reply
from fleet.sandbox.simulation.session import send, text

__all__ = ["ACCOUNT", "REGION", "Gateway"]

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
_SLOW_DOWN: Final = Reply(
    status=503,
    headers={"Content-Type": "application/xml"},
    body=b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
)


class Gateway:
    """The clients, and where their requests go now. A request that has left goes on when its sender dies."""

    def __init__(self) -> None:
        self.clients: dict[str, TargetClients] = {}
        self.s3_trouble = 0.0  # the part of the S3 requests that are refused
        self.sent: Counter[str] = Counter()  # Comprehend requests by operation, in this world
        self._reply_to: Callable[[Any], Awaitable[Reply]] | None = None
        self._on_the_way: set[asyncio.Task[Reply]] = set()
        self._outside = contextvars.copy_context()
        self._chance = random.Random(0)
        self._stack = AsyncExitStack()
        self._runner = asyncio.Runner()
        self._credentials: list[tuple[Any, dict[str, Any]]] = []

    def __enter__(self) -> "Gateway":
        os.environ |= {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "sandbox"}
        self._runner.run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()

    def lead_to(self, reply_to: Callable[[Any], Awaitable[Reply]], seed: int) -> None:
        """From now on requests go there; none of an older world is left. To be called outside of any life."""
        self._reply_to = reply_to
        self._on_the_way.clear()
        self._outside = contextvars.copy_context()
        self.s3_trouble = 0.0
        self.sent.clear()
        self._chance = random.Random(seed)

    def renew(self) -> None:
        """The clients are as those of a process that has just begun: nothing is left of what a life did to them."""
        for credentials, found in self._credentials:
            credentials.__dict__.update(found)

    def drop(self) -> None:
        """What was sent and has not arrived never arrives."""
        for request in self._on_the_way:
            request.cancel()

    async def _open(self) -> None:
        opened = open_clients({"main": Access(region=REGION)}, Timeouts())
        self.clients = await self._stack.enter_async_context(opened)
        for target in self.clients.values():
            for client in (target.comprehend._client, target.s3._client):
                client.meta.events.register_first("before-send", self._before_send)
            credentials = target.comprehend._client._request_signer._credentials
            await credentials.get_frozen_credentials()
            self._credentials.append((credentials, {**credentials.__dict__, "_next_at": float("-inf")}))

    async def _before_send(self, request: Any, **_: Any) -> Any:
        return await send(self._pass, request, Timeouts().read_s)

    async def _pass(self, request: Any) -> Reply:
        assert self._reply_to is not None
        if "X-Amz-Target" not in request.headers:
            if self.s3_trouble and self._chance.random() < self.s3_trouble:
                return _SLOW_DOWN
            return await self._reply_to(request)
        self.sent[text(request.headers["X-Amz-Target"]).partition(".")[2]] += 1
        answer = asyncio.get_running_loop().create_task(self._answered(request), context=self._outside)
        self._on_the_way.add(answer)
        answer.add_done_callback(self._on_the_way.discard, context=self._outside)
        return await asyncio.shield(answer)

    async def _answered(self, request: Any) -> Reply:
        assert self._reply_to is not None
        return await self._reply_to(request)
