"""The rarer faults: pages that lead nowhere, requests that come twice, jobs that stick or write nonsense."""

from collections.abc import Callable
from typing import Any, get_args

import aiohttp
import pytest
from botocore.exceptions import ClientError

from fleet.sandbox.configure import read_fault, read_switches
from fleet.sandbox.faults import Fault, Faults, JobFault, What
from fleet.sandbox.kinds import KINDS

Open = Callable[..., Any]
LIST = "EntitiesDetectionJobPropertiesList"


@pytest.mark.parametrize("what", get_args(What))
async def test_every_fault_comes_from_a_file_and_over_the_control_endpoint(opened: Open, what: What) -> None:
    """The same table in TOML and in JSON."""
    from_file = read_switches(f'[[faults]]\nwhat = "{what}"\noperation = "Start*"\n')
    async with opened() as sandbox, aiohttp.ClientSession(sandbox.comprehend_url) as session:
        response = await session.post("/sandbox/faults", json={"what": what, "operation": "Start*"})
        rules = [fault for fault, _, _ in sandbox.faults.rules()]

    assert response.status == 201
    assert rules == list(from_file.faults) == [read_fault({"what": what, "operation": "Start*"})]


@pytest.mark.parametrize("order", ["ascending", "descending"])
async def test_pages_may_never_end(opened: Open, client_of: Open, request_for: Open, order: str) -> None:
    """The NextToken of each page leads to the same page; after the fault it is an honest token again."""
    async with opened(list_order=order, active_jobs=100) as sandbox, client_of(sandbox) as client:
        ids = [(await client.start_entities_detection_job(**request_for()))["JobId"] for _ in range(5)]
        sandbox.faults.add(Fault(what="endless_pages", times=6))
        seen, token = [], {}
        for _ in range(6):
            page = await client.list_entities_detection_jobs(MaxResults=2, **token)
            seen.append([job["JobId"] for job in page[LIST]])
            token = {"NextToken": page["NextToken"]}
        after = await client.list_entities_detection_jobs(MaxResults=2, **token)

    first = ids[:2] if order == "ascending" else ids[:-3:-1]
    assert seen == [first] * 6
    assert [job["JobId"] for job in after[LIST]] == first
    assert after["NextToken"] not in token.values()


@pytest.mark.parametrize("order", ["ascending", "descending"])
async def test_an_empty_page_hides_nothing(opened: Open, client_of: Open, request_for: Open, order: str) -> None:
    """No jobs but a NextToken, here and there: whoever follows it sees every job once."""
    async with opened(list_order=order, active_jobs=100) as sandbox, client_of(sandbox) as client:
        ids = [(await client.start_entities_detection_job(**request_for()))["JobId"] for _ in range(5)]
        sandbox.faults.add(Fault(what="empty_page", every=2))
        found, token = [], {}
        for _ in range(20):
            page = await client.list_entities_detection_jobs(MaxResults=2, **token)
            found += [job["JobId"] for job in page[LIST]]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}

    assert sorted(found) == sorted(ids)


async def test_a_request_that_comes_twice_makes_one_job_with_a_token(
    opened: Open, client_of: Open, request_for: Open
) -> None:
    """The second delivery is a replay; without a token it is a second job. The client hears the first answer."""
    async with opened() as sandbox, client_of(sandbox) as client:
        sandbox.faults.add(Fault(what="deliver_twice"))
        answer = await client.start_entities_detection_job(**request_for(ClientRequestToken="t"))

    assert [entry.outcome for entry in sandbox.service.log] == ["accepted", "replayed"]
    assert list(sandbox.service.jobs) == [answer["JobId"]]


async def test_a_member_may_be_anything(opened: Open, client_of: Open, request_for: Open) -> None:
    """A JobId of 10,000 characters, for example."""
    async with opened() as sandbox, client_of(sandbox) as client:
        sandbox.faults.add(Fault(what="replace_member", member="JobId", value="x" * 10_000))
        answer = await client.start_entities_detection_job(**request_for())

    assert answer["JobId"] == "x" * 10_000
    assert len(sandbox.service.jobs) == 1


@pytest.mark.parametrize("stuck_in", ["SUBMITTED", "IN_PROGRESS"])
def test_a_job_may_stick_in_either_status(ask: Open, stuck_in: Any) -> None:
    """For ever, until it is stopped."""
    service = ask(submitted_s=1.0, overhead_s=10.0, stop_s=5.0)
    job_id = service.start()
    service.job(job_id).fault = Fault(what="stick_job", stuck_in=stuck_in)

    service.run(1e6)

    assert service.status(job_id, now=1e6) == stuck_in
    assert service.stop(job_id, now=1e6) == "STOP_REQUESTED"
    service.run(1e6 + 5)
    assert service.status(job_id, now=1e6 + 5) == "STOPPED"


async def test_a_spoiled_output_is_of_a_completed_job(
    opened: Open, client_of: Open, request_for: Open, clock: Any
) -> None:
    """The job ends well, and its objects are not what they should be: each fault leaves other bytes."""
    whats = [what for what in get_args(JobFault) if what not in ("fail_job", "stick_job", "lose_output")]
    async with opened(clock=clock, submitted_s=1.0) as sandbox, client_of(sandbox) as client:
        for what in whats:
            sandbox.faults.add(Fault(what=what, times=1, size_bytes=10_000))
        ids = [(await client.start_sentiment_detection_job(**request_for("sentiment")))["JobId"] for _ in range(6)]
        jobs = [sandbox.service.jobs[job_id] for job_id in ids]
        while any(job.ended_at is None for job in jobs):
            await clock.advance(1.0)
        bodies = {await sandbox.store.read("corpus-out", job.output_uri[len("s3://corpus-out/") :]) for job in jobs}

    assert {job.status for job in jobs} == {"COMPLETED"}
    assert len(bodies) == 6


async def test_a_throttle_may_say_when_to_come_back(opened: Open, client_of: Open) -> None:
    """retry_after_s is a header on a throttled answer, and on no other."""
    async with opened(retry_after_s=2.5, list_per_s=1.0) as sandbox, client_of(sandbox) as client:
        listed = await client.list_entities_detection_jobs()
        with pytest.raises(ClientError) as refused:
            await client.list_entities_detection_jobs()

    assert refused.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "3"
    assert "retry-after" not in listed["ResponseMetadata"]["HTTPHeaders"]


def test_page_faults_are_for_lists_alone() -> None:
    """And those of jobs for Starts, whatever the rule's operation."""
    faults = Faults((Fault(what="empty_page"), Fault(what="bomb_output")))

    picked = {name: faults.pick(KINDS["entities"].operation(name)) for name in ("Start", "Describe", "List", "Stop")}  # type: ignore[arg-type]

    assert {name: fault and fault.what for name, fault in picked.items()} == {
        "Start": "bomb_output",
        "Describe": None,
        "List": "empty_page",
        "Stop": None,
    }
