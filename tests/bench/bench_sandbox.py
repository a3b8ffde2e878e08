"""What the sandbox's HTTP shell costs over a bare aiohttp handler, side by side in one run. Not a test: run it by hand.

    python tests/bench/bench_sandbox.py --seconds 3 --rounds 3

Each server is a process of its own with one event loop, so on one core; the requests come from here, over as many
connections as `--connections`, each of them waiting for its answer before it asks again. The bare handler reads the
request and answers with the bytes of a Describe. Rounds take turns, so that a busy machine is busy for all; the best
round counts. The client is the limit where its own CPU share is near 100 %.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import uvloop
from aiohttp import web

from fleet.sandbox import MemoryStore, Sandbox, Switches

HOST = "127.0.0.1"
SIGNED = "AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/comprehend/aws4_request, Signature=0"
START = {
    "InputDataConfig": {"S3Uri": "s3://corpus-in/a/", "InputFormat": "ONE_DOC_PER_LINE"},
    "OutputDataConfig": {"S3Uri": "s3://corpus-out/"},
    "DataAccessRoleArn": "arn:aws:iam::123456789012:role/comprehend",
    "LanguageCode": "en",
}
OPERATIONS = ("DescribeEntitiesDetectionJob", "ListEntitiesDetectionJobs", "StartEntitiesDetectionJob")


def main() -> None:
    """Print requests a second of each operation, and the ratio to the bare handler."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long one round of one operation is")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of all in turn; the best counts")
    parser.add_argument("--connections", type=int, default=16, help="connections that ask at the same time")
    parser.add_argument("--jobs", type=int, default=10, help="jobs that stand in the sandbox, and in a page of List")
    parser.add_argument("--serve", choices=("bare", "sandbox"), help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.serve:
        asyncio.run(serve(words.serve, words.jobs))
    else:
        uvloop.run(measure(words))


async def measure(words: argparse.Namespace) -> None:
    """All rounds, and the table."""
    best: dict[str, tuple[float, float]] = {}
    async with AsyncExitStack() as stack:
        bare = await stack.enter_async_context(server("bare", words.jobs))
        sandbox = await stack.enter_async_context(server("sandbox", words.jobs))
        describe = {"JobId": sandbox["job_id"]}
        tries: list[tuple[str, int, bytes]] = [("bare handler", bare["port"], request(OPERATIONS[0], describe))]
        tries += [
            (name, sandbox["port"], request(name, params))
            for name, params in zip(OPERATIONS, (describe, {"MaxResults": words.jobs}, START), strict=True)
        ]
        for _ in range(words.rounds):
            for name, port, message in tries:
                found = await load(port, message, words.seconds, words.connections)
                best[name] = max(found, best.get(name, (0.0, 0.0)))
    print_table(best)


def print_table(best: Mapping[str, tuple[float, float]]) -> None:
    """One line for each; the first is what the others are held against."""
    bare = next(iter(best.values()))[0]
    lines = [f"{'':32}{'requests/s':>12}{'to bare':>10}{'client CPU':>12}"]
    lines += [f"{name:32}{rate:12,.0f}{rate / bare:10.2f}{share:11.0%}" for name, (rate, share) in best.items()]
    sys.stdout.write("\n".join([*lines, ""]))


async def load(port: int, message: bytes, seconds: float, connections: int) -> tuple[float, float]:
    """Answers a second, and the part of one core that the asking took."""
    loop = asyncio.get_running_loop()
    askers = [(await loop.create_connection(lambda: Asker(message), HOST, port))[1] for _ in range(connections)]
    began, cpu_began = time.perf_counter(), time.process_time()
    for asker in askers:
        asker.ask()
    await asyncio.sleep(seconds)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    answers = sum(asker.answers for asker in askers)
    for asker in askers:
        asker.close()
    return answers / took, cpu / took


class Asker(asyncio.Protocol):
    """One connection that asks the same thing again as soon as the answer is there. An error of the server ends it."""

    def __init__(self, message: bytes) -> None:
        self.answers = 0
        self._message = message
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        """The request leaves."""
        assert self._transport is not None
        self._transport.write(self._message)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        if len(body) < size:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the server refuses: {self._buffer[:500]!r}")
        self.answers += 1
        self._buffer = b""
        self.ask()

    def close(self) -> None:
        """Nothing more is asked."""
        assert self._transport is not None
        self._transport.abort()


def request(operation: str, params: Mapping[str, Any]) -> bytes:
    """One whole HTTP request, as an SDK would send it."""
    body = json.dumps(params).encode()
    lines = [
        "POST / HTTP/1.1",
        f"Host: {HOST}",
        "Content-Type: application/x-amz-json-1.1",
        f"X-Amz-Target: Comprehend_20171127.{operation}",
        f"Authorization: {SIGNED}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def server(what: str, jobs: int) -> AsyncIterator[dict[str, Any]]:
    """A server in a process of its own; its port and what else must be known of it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, "--serve", what, "--jobs", str(jobs)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        known: dict[str, Any] = json.loads(await process.stdout.readline())
        yield known
    finally:
        process.terminate()
        await process.wait()


async def serve(what: str, jobs: int) -> None:
    """Serve until this process is ended."""
    async with AsyncExitStack() as stack:
        known = await (serve_bare(stack) if what == "bare" else serve_sandbox(stack, jobs))
        sys.stdout.write(json.dumps(known) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


async def serve_bare(stack: AsyncExitStack) -> dict[str, Any]:
    """aiohttp with nothing behind it: the body is read, and always the same bytes leave."""
    body = json.dumps({"EntitiesDetectionJobProperties": {**START, "JobId": "0" * 32, "JobStatus": "SUBMITTED"}})

    async def handle(incoming: web.BaseRequest) -> web.Response:
        await incoming.read()
        headers = {"x-amzn-RequestId": "0" * 36, "Content-Type": "application/x-amz-json-1.1"}
        return web.Response(body=body.encode(), headers=headers)

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, HOST, 0).start()
    return {"port": runner.addresses[0][1]}


async def serve_sandbox(stack: AsyncExitStack, jobs: int) -> dict[str, Any]:
    """The sandbox with quotas out of the way, and some jobs that never begin."""
    wide = {f"{verb}_per_s": 1e6 for verb in ("start", "describe", "list")}
    switches = Switches(**wide, active_jobs=10_000_000, submitted_s=1e9, seed=1)
    store = MemoryStore("corpus-in", "corpus-out")
    sandbox = await stack.enter_async_context(Sandbox(switches, store=store))
    ids = [
        sandbox.service.call(OPERATIONS[2], START, sandbox.clock.now(), account="123456789012", region="us-east-1")
        for _ in range(jobs)
    ]
    return {"port": int(sandbox.comprehend_url.rpartition(":")[2]), "job_id": ids[0]["JobId"]}


if __name__ == "__main__":
    main()
