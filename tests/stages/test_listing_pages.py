"""List pages that lead nowhere, round in circles or very far: every walk ends, and an unfinished one proves nothing."""

import pytest

from fleet.core.identity import job_name
from fleet.core.job import State
from fleet.sandbox import read_fault
from tests.conftest import ACCOUNT, REGION, ROLE, Rig

OTHERS = 10_000
LIST = "ListEntitiesDetectionJobs"


def listed(rig: Rig) -> int:
    """How many List requests the service has seen."""
    return sum(entry.operation == LIST for entry in rig.sandbox.service.log)


async def running(rig: Rig, jobs: int) -> None:
    """So many jobs of ours, running in AWS."""
    await rig.plan(*(f"{number:03}/" for number in range(jobs)))
    while await rig.jobs(State.PENDING):
        await rig.tick("submit")


async def follow(rig: Rig) -> None:
    """Two minutes of track."""
    for _ in range(6):
        rig.clock.advance(20)
        await rig.tick("track")


PAGES = [
    pytest.param({"what": "endless_pages"}, id="the same page for ever"),
    pytest.param({"what": "replace_member", "member": "NextToken", "value": "again"}, id="a token of nothing"),
    pytest.param({"what": "error", "code": "InvalidRequestException", "status": 400, "every": 2}, id="expired token"),
    pytest.param({"what": "error", "code": "SomethingNewException", "status": 400}, id="a code that nobody knows"),
]


@pytest.mark.parametrize("fault", PAGES)
async def test_pages_that_never_end_hide_no_end_of_a_job(rig: Rig, fault: dict[str, object]) -> None:
    """The sweep is given up after few pages, Describe takes over, and every end is seen; the process lives on."""
    await running(rig, 4)
    rig.sandbox.faults.add(read_fault(fault | {"operation": LIST}))
    await rig.complete()
    before = listed(rig)

    await follow(rig)

    assert len(await rig.jobs(State.FINISHED)) == 4
    assert listed(rig) - before < 60


async def test_tokens_that_go_round_in_a_circle_are_noticed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page A leads to B, B to C and C to A: given up after one round, not after ten thousand pages."""
    await running(rig, 1)
    tokens = {None: "a", "a": "b", "b": "c", "c": "a"}
    asked: list[str | None] = []

    def circle(operation: str, request: dict[str, object], *more: object, **named: object) -> dict[str, object]:
        if operation != LIST:
            return real(operation, request, *more, **named)
        asked.append(request.get("NextToken"))  # type: ignore[arg-type]
        return {"EntitiesDetectionJobPropertiesList": [], "NextToken": tokens[asked[-1]]}

    real = rig.sandbox.service.call
    monkeypatch.setattr(rig.sandbox.service, "call", circle)

    rig.clock.advance(60)
    await rig.tick("track")

    assert asked == [None, "a", "b", "c"]
    assert {job.state for job in await rig.jobs()} == {State.RUNNING}


async def test_an_empty_page_with_a_token_is_not_the_last_one(rig: Rig) -> None:
    """The lookup of a Start in doubt goes on behind it, and finds the job: adopted, not started again."""
    rig.sandbox.faults.add(read_fault({"what": "lose_answer", "operation": "Start*", "times": 1}))
    rig.sandbox.faults.add(read_fault({"what": "empty_page", "operation": LIST, "times": 1}))
    await rig.plan("a/")
    await rig.tick("submit")

    await rig.tick("rescue")

    assert (await rig.job()).state is State.RUNNING
    assert len(rig.remote) == 1


@pytest.mark.parametrize("code", ["InvalidRequestException", "SomethingNewException"])
async def test_a_describe_that_is_refused_ends_neither_the_job_nor_the_process(rig: Rig, code: str) -> None:
    """A 4xx that says nothing of the job, for all ways to look: asked again later, until AWS answers."""
    await running(rig, 2)
    for operation in (LIST, "Describe*"):
        rig.sandbox.faults.add(read_fault({"what": "error", "operation": operation, "code": code, "status": 400}))
    await rig.complete()

    await follow(rig)
    meanwhile = {job.state for job in await rig.jobs()}
    rig.sandbox.faults.clear()
    await follow(rig)

    assert meanwhile == {State.RUNNING}
    assert {job.state for job in await rig.jobs()} == {State.FINISHED}


@pytest.mark.rig(active_jobs=OTHERS + 10, overhead_s=36_000)
async def test_a_job_behind_ten_thousand_others_is_found(rig: Rig) -> None:
    """An account with 10,000 newer jobs of somebody else: reconcile walks all of its pages, and adopts the one."""
    (job,) = await rig.plan("ours/")
    request = {
        "InputDataConfig": {"S3Uri": "s3://corpus-in/ours/"},
        "OutputDataConfig": {"S3Uri": "s3://corpus-out/results/"},
        "DataAccessRoleArn": ROLE,
        "LanguageCode": "en",
        "JobName": job_name(job.key, 1),
    }
    call = rig.sandbox.service.call
    call("StartEntitiesDetectionJob", request, rig.clock.now(), account=ACCOUNT, region=REGION)
    rig.clock.advance(5)
    others = {"what": "foreign_jobs", "operation": LIST, "times": 1, "jobs": OTHERS, "seconds": 36_000}
    rig.sandbox.faults.add(read_fault(others))
    before = listed(rig)

    adopted = await rig.rescue.reconcile()

    assert adopted == 1
    assert (await rig.job()).state is State.RUNNING
    assert listed(rig) - before == OTHERS // 500 + 1
