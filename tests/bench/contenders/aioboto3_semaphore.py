"""aioboto3 with a semaphore of the slot count, a token of our own, ten standard retries and jittered polling.

With `paced` as second argument, Starts also leave 1/rate apart: what an engineer adds who has read the quotas.
"""

import asyncio
import hashlib
import logging
import random
import sys
from typing import Any

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError

from tests.bench.contenders.task import ENDED, Task, call_names, request, status_of

__all__ = ["Pace", "run"]


class Pace:
    """Calls leave at least so many seconds apart."""

    def __init__(self, apart_s: float) -> None:
        self._apart_s = apart_s
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when it is this caller's turn."""
        if self._apart_s:
            await self._turn.acquire()
            asyncio.get_running_loop().call_later(self._apart_s, self._turn.release)


async def run(task: Task, *, paced: bool) -> None:
    """Every job is started and followed to its end, or logged with its error."""
    config = AioConfig(
        retries={"mode": "standard", "max_attempts": 10}, max_pool_connections=task.slots * len(task.kinds)
    )
    slots = {kind: asyncio.Semaphore(task.slots) for kind in task.kinds}
    paces = {kind: Pace(1 / task.start_per_s if paced else 0.0) for kind in task.kinds}
    async with aioboto3.Session().client("comprehend", config=config) as client:

        async def follow(kind: str, uri: str) -> None:
            async with slots[kind]:
                await paces[kind].wait()
                try:
                    await _follow(client, task, kind, uri)
                except (BotoCoreError, ClientError) as error:
                    logging.error("%s: %s", uri, error)

        await asyncio.gather(*(follow(kind, uri) for kind, uri in task.jobs))


async def _follow(client: Any, task: Task, kind: str, uri: str) -> None:
    start, describe = (getattr(client, name) for name in call_names(kind))
    token = hashlib.sha256(f"{kind} {uri}".encode()).hexdigest()
    asked = request(kind, uri, role=task.role, output=task.output) | {"ClientRequestToken": token}
    job_id = (await start(**asked))["JobId"]
    while True:
        await asyncio.sleep(task.poll_s * random.uniform(0.75, 1.25))
        try:
            if status_of(await describe(JobId=job_id)) in ENDED:
                return
        except (BotoCoreError, ClientError) as error:
            logging.warning("%s: %s; asking again", uri, error)


if __name__ == "__main__":
    asyncio.run(run(Task.read(), paced=sys.argv[2:] == ["paced"]))
