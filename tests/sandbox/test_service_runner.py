"""The runner: jobs done at their times on a clock that the test moves, and no failure without a sound."""

import asyncio
import io
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from fleet.sandbox.store import MemoryStore, StoreError

Ask = Callable[..., Any]
TIMES = {"submitted_s": 5.0, "overhead_s": 100.0, "per_mb_s": 0.0, "failure_s": 7.0, "stop_s": 30.0}
CALLER = {"account": "123456789012", "region": "us-east-1"}


async def start(sandbox: Any, request: dict[str, Any]) -> Any:
    """A new job, known to the runner as if it had come over HTTP."""
    job_id = sandbox.service.call("StartEntitiesDetectionJob", request, sandbox.clock.now(), **CALLER)["JobId"]
    sandbox.wake()
    await sandbox.clock.advance(0.0)
    return sandbox.service.jobs[job_id]


async def test_a_job_is_done_at_its_times(opened: Ask, clock: Any, request_for: Ask) -> None:
    """SUBMITTED for 5 s, IN_PROGRESS for 100 s, COMPLETED with its output, all on the given clock."""
    async with opened(clock=clock, **TIMES) as sandbox:
        job = await start(sandbox, request_for())
        seen = [job.status]
        for seconds in (4.9, 0.1, 99.9, 0.1):
            await clock.advance(seconds)
            seen.append(job.status)
        keys = [key for key, _ in await sandbox.store.keys("corpus-out", "results/123456789012-NER-")]

    assert seen == ["SUBMITTED", "SUBMITTED", "IN_PROGRESS", "IN_PROGRESS", "COMPLETED"]
    assert keys == [f"results/123456789012-NER-{job.job_id}/output/output.tar.gz"]
    assert job.ended_at == pytest.approx(job.submit_time + 105.0)


async def test_a_new_job_is_not_late_because_the_runner_sleeps(opened: Ask, clock: Any, request_for: Ask) -> None:
    """A Start that is due before what the runner waits for wakes it."""
    async with opened(clock=clock, **TIMES) as sandbox:
        await start(sandbox, request_for())
        await clock.advance(50.0)
        second = await start(sandbox, request_for())
        await clock.advance(5.0)
        assert second.status == "IN_PROGRESS"


async def test_a_stopped_job_leaves_the_output_of_its_time(opened: Ask, clock: Any, request_for: Ask) -> None:
    """A Stop that takes effect after half of the time leaves half of the documents (facts 3.4)."""
    async with opened(clock=clock, **TIMES) as sandbox:
        job = await start(sandbox, request_for())
        await clock.advance(5.0)
        await clock.advance(20.0)
        sandbox.service.call("StopEntitiesDetectionJob", {"JobId": job.job_id}, clock.now(), **CALLER)
        sandbox.wake()
        await clock.advance(0.0)
        await clock.advance(30.0)
        body = await sandbox.store.read("corpus-out", job.output_uri.removeprefix("s3://corpus-out/"))

    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
        output = tar.extractfile("output")
        assert output is not None
        assert len(output.readlines()) == 10
    assert job.status == "STOPPED"
    assert job.ended_at == pytest.approx(job.submit_time + 55.0)


async def test_the_output_is_there_before_the_job_is_completed(
    opened: Ask, clock: Any, request_for: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store holds a write back, the job stays IN_PROGRESS."""
    gate = asyncio.Event()
    write = MemoryStore.write

    async def held_write(store: MemoryStore, bucket: str, key: str, body: bytes) -> None:
        await gate.wait()
        await write(store, bucket, key, body)

    async with opened(clock=clock, **TIMES) as sandbox:
        job = await start(sandbox, request_for())
        monkeypatch.setattr(MemoryStore, "write", held_write)
        await clock.advance(5.0)
        await clock.advance(100.0)
        before = job.status
        gate.set()
        await clock.advance(1.0)

    assert (before, job.status) == ("IN_PROGRESS", "COMPLETED")
    assert job.ended_at >= job.submit_time + 105.0


@pytest.mark.parametrize("broken", ["keys", "write"])
async def test_what_nobody_foresaw_fails_the_job_and_is_logged(
    opened: Ask,
    clock: Any,
    request_for: Ask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    broken: str,
) -> None:
    """A broken store is INTERNAL_ERROR for its job, one line in the log, and the next job runs."""

    async def fails(*_: Any) -> None:
        raise StoreError("InternalError", "the disk is on fire")

    async with opened(clock=clock, **TIMES) as sandbox:
        job = await start(sandbox, request_for())
        with monkeypatch.context() as patch:
            patch.setattr(MemoryStore, broken, fails)
            await clock.advance(5.0)
            await clock.advance(100.0)
        following = await start(sandbox, request_for())
        await clock.advance(5.0)
        await clock.advance(100.0)
        assert sandbox.alive()

    assert job.message.startswith("INTERNAL_ERROR: ")
    assert "the disk is on fire" in caplog.text
    assert following.status == "COMPLETED"


async def test_only_so_many_jobs_are_worked_on_at_once(
    opened: Ask, clock: Any, request_for: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """work_at_once bounds the reading; the others wait and are done later."""
    gate, reading = asyncio.Event(), 0
    read = MemoryStore.read

    async def counted_read(store: MemoryStore, bucket: str, key: str) -> bytes:
        nonlocal reading
        reading += 1
        await gate.wait()
        return await read(store, bucket, key)

    monkeypatch.setattr(MemoryStore, "read", counted_read)
    async with opened(clock=clock, **TIMES, work_at_once=2) as sandbox:
        jobs = [await start(sandbox, request_for()) for _ in range(5)]
        await clock.advance(5.0)
        await clock.advance(100.0)
        at_once = reading
        gate.set()
        await clock.advance(0.0)
        await clock.advance(0.0)

    assert at_once == 2
    assert [job.status for job in jobs] == ["COMPLETED"] * 5


async def test_a_dead_runner_is_heard_of(
    opened: Ask, clock: Any, request_for: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """If the runner itself breaks, the log says so and the sandbox is not alive."""

    def broken(_: float) -> None:
        raise RuntimeError("no more time")

    async with opened(clock=clock) as sandbox:
        monkeypatch.setattr(sandbox.service.lifecycle, "advance", broken)
        await start(sandbox, request_for())
        assert not sandbox.alive()

    assert "runner died" in caplog.text
