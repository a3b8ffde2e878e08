"""S3 as a child process: up when the block is entered, gone when it ends, however it ends."""

import asyncio
import io
import os
import select
import signal
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aioboto3
import pytest

from fleet.sandbox import S3Store, Sandbox, read_switches
from fleet.sandbox.s3 import S3Process, S3StartError
from fleet.sandbox.s3_child import OneAtATime

Open = Callable[..., Any]

PARENT = """
import asyncio
from fleet.sandbox.s3 import S3Process

async def main():
    async with S3Process() as s3:
        print(s3.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_objects_can_be_written_and_read(opened: Open) -> None:
    """The server answers at its url as soon as the block is entered, and only on this machine."""
    async with S3Process() as s3, S3Store(s3.url) as store:
        await store.create_bucket("corpus-in")
        await store.write("corpus-in", "a/b", b"text")

        assert s3.url.startswith("http://127.0.0.1:")
        assert await store.read("corpus-in", "a/b") == b"text"


def test_moto_sees_one_request_at_a_time() -> None:
    """Eight threads ask, and the application is never entered twice at once; each body arrives whole."""
    inside, most, bodies = 0, 0, Counter[bytes]()

    def app(environ: dict[str, Any], _: Any) -> list[bytes]:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        bodies[environ["wsgi.input"].read()] += sum(range(200)) > 0
        inside -= 1
        return []

    guarded = OneAtATime(app)

    def asks(name: bytes) -> None:
        for _ in range(300):
            guarded({"wsgi.input": io.BytesIO(name + b"rest"), "CONTENT_LENGTH": "1"}, lambda *_: lambda _: None)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(asks, [b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h"]))
    finally:
        sys.setswitchinterval(interval)

    assert most == 1
    assert bodies == Counter(dict.fromkeys([b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h"], 300))


async def test_the_child_ends_with_the_block() -> None:
    """After the block there is no such process."""
    async with S3Process() as s3:
        watched = os.pidfd_open(s3.pid or 0)

    assert _gone(watched)
    assert s3.pid is None


async def test_the_child_ends_if_its_parent_is_killed() -> None:
    """A parent that is killed cannot clean up; its child ends by itself."""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    watched = os.pidfd_open(int(await parent.stdout.readline()))

    parent.send_signal(signal.SIGKILL)
    await parent.wait()

    assert await asyncio.to_thread(_gone, watched)


async def test_a_port_that_is_taken_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    """The second server on a port does not start, and says which port."""
    async with S3Process() as first:
        with pytest.raises(S3StartError, match=str(first.port)):
            async with S3Process(port=first.port):
                pass
    assert "Address already in use" in capfd.readouterr().err


async def test_a_whole_sandbox_runs_a_job_from_s3_to_s3(request_for: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the standard AWS variables set, a client with no endpoint of its own finds both services."""
    switches = read_switches(pairs=["time_scale=1000000", "describe_per_s=10000"])
    async with Sandbox(switches) as sandbox:
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        session = aioboto3.Session()
        async with session.client("s3") as s3, session.client("comprehend") as comprehend:
            for bucket in ("corpus-in", "corpus-out"):
                await s3.create_bucket(Bucket=bucket)
            await s3.put_object(Bucket="corpus-in", Key="a/one.txt", Body=b"Paris is lovely in spring.\n" * 30)
            started = await comprehend.start_key_phrases_detection_job(**request_for("key_phrases"))
            status = ""
            while status not in ("COMPLETED", "FAILED"):
                answer = await comprehend.describe_key_phrases_detection_job(JobId=started["JobId"])
                job = answer["KeyPhrasesDetectionJobProperties"]
                status = job["JobStatus"]
            bucket, _, key = job["OutputDataConfig"]["S3Uri"].removeprefix("s3://").partition("/")
            head = await s3.head_object(Bucket=bucket, Key=key)

    assert status == "COMPLETED"
    assert head["ContentLength"] > 0
    assert sandbox.exports()[0] == f"export AWS_ENDPOINT_URL_COMPREHEND={sandbox.comprehend_url}"


def _gone(watched: int) -> bool:
    """Wait until the process behind a pid descriptor has ended."""
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    ended = bool(poll.poll(20_000))
    os.close(watched)
    return ended
