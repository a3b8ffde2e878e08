"""Jobs of somebody else: they take slots and show in List, and touch nothing of ours."""

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from botocore.exceptions import ClientError

from fleet.sandbox.faults import Fault
from fleet.sandbox.kinds import KINDS

Open = Callable[..., Any]


def lane(service: Any, kind: str = "entities") -> Any:
    return service.service.shelf("123456789012", "us-east-1", KINDS[kind])


def test_foreign_jobs_hold_slots_for_their_time(ask: Open) -> None:
    """They run, are listed, end COMPLETED after so many seconds, and write no output."""
    service = ask(active_jobs=5, submitted_s=5.0)

    first, *_ = ids = service.service.intrude(lane(service), 3, 600.0, 0.0)
    service.run(10.0)
    running = {job["JobStatus"] for job in service.page(now=10.0)[0]}
    written = service.run(599.9) + service.run(600.0)

    assert len(ids) == 3
    assert running == {"IN_PROGRESS"}
    assert service.status(first, now=600.0) == "COMPLETED"
    assert service.describe(first, now=600.0)["EndTime"] == 600.0
    assert service.describe(first)["JobName"].startswith("somebody-else")
    assert written == []


def test_foreign_jobs_take_only_free_slots_and_count_against_the_cap(ask: Open) -> None:
    """Eight asked for with two of five slots in use: three come, and then nobody gets one."""
    service = ask(active_jobs=5)
    for _ in range(2):
        service.start()

    came = service.service.intrude(lane(service), 8, 600.0, 0.0)

    assert len(came) == 3
    with pytest.raises(Exception, match="TooManyRequests"):
        service.start()
    assert service.start("sentiment")


def test_a_foreign_job_can_be_stopped(ask: Open) -> None:
    """Like any other; it leaves no output."""
    service = ask(submitted_s=0.0, stop_s=30.0)
    (job_id,) = service.service.intrude(lane(service), 1, 600.0, 0.0)
    service.run(1.0)

    assert service.stop(job_id, now=10.0) == "STOP_REQUESTED"
    assert service.run(40.0) == []
    assert service.status(job_id, now=40.0) == "STOPPED"


async def test_a_rule_lets_somebody_else_come_first(opened: Open, client_of: Open, request_for: Open) -> None:
    """Before the second Start all slots are taken; the truth counts these jobs apart from ours."""
    async with opened(active_jobs=4, overhead_s=500.0) as sandbox, client_of(sandbox) as client:
        sandbox.faults.add(Fault(what="foreign_jobs", operation="Start*", after=1, times=1, jobs=9, seconds=600))
        await client.start_entities_detection_job(**request_for())
        with pytest.raises(ClientError, match="TooManyRequests"):
            await client.start_entities_detection_job(**request_for())
        truth = sandbox.truth()

    assert (truth["jobs_started"], truth["foreign_jobs"], truth["starts_accepted"]) == (1, 3, 1)
    assert truth["peak_active"] == {"entities": 4}
    assert truth["jobs"]["entities"].total() == 1
    assert truth["duplicates"] == []


async def test_somebody_else_comes_over_the_control_endpoint(opened: Open) -> None:
    """POST /sandbox/foreign says which jobs there are now; a bad wish is refused."""
    async with opened(active_jobs=4) as sandbox, aiohttp.ClientSession(sandbox.comprehend_url) as session:
        came = await session.post("/sandbox/foreign", json={"kind": "sentiment", "jobs": 2, "seconds": 900})
        bad = await session.post("/sandbox/foreign", json={"kind": "nonsense"})

        assert (came.status, bad.status) == (201, 400)
        assert list(sandbox.service.jobs) == (await came.json())["job_ids"]
        assert sandbox.truth()["lanes"][0]["foreign_jobs"] == 2
