"""How running jobs are followed: what a sweep costs, what it proves, and what happens without it."""

import json

import pytest
from structlog.testing import capture_logs

from fleet.core.job import State
from fleet.sandbox import read_fault
from tests.conftest import ACCOUNT, REGION, ROLE, TEXT, Rig


async def running(rig: Rig, jobs: int) -> None:
    """So many jobs of ours, running in AWS."""
    await rig.plan(*(f"{number:03}/" for number in range(jobs)))
    while await rig.jobs(State.PENDING):
        await rig.tick("submit")


def requests(rig: Rig, operation: str) -> int:
    """How many requests of this family the service has seen."""
    return sum(entry.operation.startswith(operation) for entry in rig.sandbox.service.log)


async def follow(rig: Rig, ticks: int = 8, every_s: float = 20.0) -> None:
    """Some passes of track, with time in between."""
    for _ in range(ticks):
        rig.clock.advance(every_s)
        await rig.tick("track")


async def start_as_somebody_else(rig: Rig) -> str:
    """An active job of another program in the same account; its JobId."""
    await rig.sandbox.store.write("corpus-in", "foreign/part-0.txt", TEXT)
    request = {
        "InputDataConfig": {"S3Uri": "s3://corpus-in/foreign/"},
        "OutputDataConfig": {"S3Uri": "s3://corpus-out/theirs/"},
        "DataAccessRoleArn": ROLE,
        "LanguageCode": "en",
        "JobName": "their nightly job",
    }
    answer = rig.sandbox.service.call(
        "StartEntitiesDetectionJob", request, rig.clock.now(), account=ACCOUNT, region=REGION
    )
    return str(answer["JobId"])


@pytest.mark.rig(overhead_s=3600)
async def test_one_sweep_watches_all_jobs(rig: Rig) -> None:
    """Ten running jobs cost three List calls a sweep and no Describe at all while none has ended."""
    await running(rig, 10)
    lists, describes = requests(rig, "List"), requests(rig, "Describe")

    await rig.tick("track")
    await rig.tick("track")

    assert requests(rig, "List") - lists == 3
    assert requests(rig, "Describe") - describes == 0


async def test_an_end_is_confirmed_by_describe(rig: Rig) -> None:
    """What a sweep no longer shows is described once each, and only that moves the jobs on."""
    await running(rig, 10)
    await rig.complete()
    describes = requests(rig, "Describe")

    await follow(rig, ticks=3)

    assert len(await rig.jobs(State.FINISHED)) == 10
    assert requests(rig, "Describe") - describes == 10


@pytest.mark.rig(sweep=False)
async def test_describe_alone_does_the_whole_job(rig: Rig) -> None:
    """Switched off: no List at all, and every end is seen."""
    await running(rig, 10)
    await rig.complete()
    lists = requests(rig, "List")

    await follow(rig)

    assert len(await rig.jobs(State.FINISHED)) == 10
    assert requests(rig, "List") == lists


@pytest.mark.parametrize(
    "fault",
    [
        {"what": "error", "code": "AccessDeniedException", "message": "no List for you", "status": 400},
        {"what": "error", "code": "InternalServerException", "message": "oops", "status": 500},
        {"what": "reset_before"},
    ],
    ids=["denied", "broken", "reset"],
)
async def test_without_list_describe_takes_over(rig: Rig, fault: dict[str, object]) -> None:
    """List is denied, broken or cut off for good: the jobs are followed all the same."""
    rig.sandbox.faults.add(read_fault(fault | {"operation": "List*", "times": 10_000}))
    await running(rig, 10)
    await rig.complete()

    await follow(rig, ticks=16)

    assert len(await rig.jobs(State.FINISHED)) == 10


@pytest.mark.rig(list_delay_s=45, overhead_s=3600)
async def test_a_list_that_lags_moves_nothing(rig: Rig) -> None:
    """List does not show what was just started: Describe says it runs, so it stays running, and the lag is learned."""
    await running(rig, 5)

    await rig.tick("track")
    first = requests(rig, "Describe")
    rig.clock.advance(10)
    await rig.tick("track")

    assert {job.state for job in await rig.jobs()} == {State.RUNNING}
    assert first == 5
    assert requests(rig, "Describe") - first <= 5


@pytest.mark.rig(overhead_s=3600)
async def test_foreign_jobs_take_slots_and_give_them_back(rig: Rig) -> None:
    """Jobs of other programs are counted; the lane leaves them their slots and takes these back when they end."""
    theirs = [await start_as_somebody_else(rig) for _ in range(1)]
    for _ in range(3):
        rig.clock.advance(2)
        theirs.append(await start_as_somebody_else(rig))
    await rig.plan(*(f"{number:03}/" for number in range(12)))
    await rig.tick("track")
    assert rig.calls.foreign == 4

    rig.clock.advance(2)
    for _ in range(12):
        await rig.tick("submit")
    assert len(await rig.jobs(State.RUNNING)) == 6
    for job_id in theirs:
        rig.clock.advance(2)
        rig.sandbox.service.call(
            "StopEntitiesDetectionJob", {"JobId": job_id}, rig.clock.now(), account=ACCOUNT, region=REGION
        )
    rig.sandbox.wake()
    while any(remote.status == "STOP_REQUESTED" for remote in rig.remote):
        rig.clock.advance(30)
        await rig.breathe()
    await follow(rig, ticks=2, every_s=60)
    for _ in range(8):
        await rig.tick("submit")

    assert rig.calls.foreign == 0
    assert len(await rig.jobs(State.RUNNING)) == 10
    assert rig.sandbox.truth()["throttled"] in ({}, 0)


async def test_a_slot_held_by_nobody_known_turns_the_slots_down(rig: Rig) -> None:
    """AWS refuses the seventh job although our count says six of ten: the lane stops pushing, and probes later."""
    rig.sandbox.faults.add(read_fault({"what": "throttle", "operation": "Start*", "after": 6, "times": 3}))
    await rig.plan(*(f"{number:03}/" for number in range(9)))
    for _ in range(6):
        await rig.tick("submit")
        rig.clock.advance(10)

    wait_s = await rig.tick("submit")
    refused = rig.submit.allowance

    assert (refused.slots, refused.rate_per_s) == (6, 1.0)
    assert wait_s >= 0
    assert await rig.tick("submit") > 0.5
    for _ in range(6):
        rig.clock.advance(130)
        await rig.tick("submit")
    assert len(await rig.jobs(State.RUNNING)) + len(await rig.jobs(State.FINISHED)) >= 8


async def test_durations_are_learned_and_survive_a_restart(rig: Rig) -> None:
    """The model comes from the ledger, so that a new process knows at once what the old one learned."""
    await running(rig, 8)
    await rig.complete()
    await follow(rig, ticks=3)

    samples = await rig.ledger.durations(rig.calls.lane, limit=100)

    assert len(samples) == 8
    assert all(sample.duration_s >= 60 for sample in samples)
    assert rig.track.model.known


async def test_the_largest_input_goes_first(rig: Rig) -> None:
    """Longest first: once inputs are measured, the largest pending one is claimed next."""
    await rig.plan("small/", documents=b"A small document about Berlin.\n" * 20)
    await rig.plan("large/", documents=b"A large document about Berlin.\n" * 900)
    await rig.plan("middle/", documents=b"A middling document about Paris.\n" * 100)
    await rig.tick("measure")

    order = [(await rig.ledger.claim(rig.calls.lane, limit=1, holder="me"))[0] for _ in range(3)]

    assert [json.loads(job.intent or "")["InputDataConfig"]["S3Uri"].split("/")[3] for job in order] == [
        "large",
        "middle",
        "small",
    ]
    assert order[0].size_bytes == 900 * 31


async def test_manifests_share_a_lane_fairly(rig: Rig) -> None:
    """A manifest that comes second is not kept waiting by the length of the first."""
    await rig.plan(*(f"first/{number}/" for number in range(20)), manifest="first")
    claimed = await rig.ledger.claim(rig.calls.lane, limit=4, holder="me")
    await rig.plan(*(f"second/{number}/" for number in range(20)), manifest="second")

    claimed += await rig.ledger.claim(rig.calls.lane, limit=8, holder="me")

    names = [job.prefix.split("/")[3] for job in claimed]
    assert (names.count("first"), names.count("second")) == (6, 6)


async def test_a_job_that_never_ends_is_told_of_once(rig: Rig) -> None:
    """Beyond a day: one warning, a count that goes down again, and neither a Stop nor a second job."""
    rig.sandbox.faults.add(read_fault({"what": "stick_job", "operation": "Start*", "times": 1}))
    await running(rig, 1)

    with capture_logs() as logs:
        await rig.tick("track")
        fresh = rig.track.stuck
        for _ in range(3):
            rig.clock.advance(90_000)
            await rig.tick("track")

    warnings = [entry for entry in logs if entry["event"] == "job.stuck"]
    assert (fresh, rig.track.stuck, len(warnings)) == (0, 1, 1)
    assert (await rig.job()).state is State.RUNNING
    assert requests(rig, "Stop") == 0
    assert len(rig.remote) == 1


async def test_an_unknown_status_is_counted_and_told_of_once(rig: Rig) -> None:
    """No end, however often it is said; a counter for whoever watches."""
    rig.sandbox.faults.add(
        read_fault({"what": "unknown_status", "operation": "Describe*", "value": "PAUSED", "times": 3})
    )
    await running(rig, 1)
    await rig.complete()

    with capture_logs() as logs:
        await follow(rig, ticks=3, every_s=40)
    unknown = await rig.job()
    await follow(rig, ticks=3, every_s=40)

    count = rig.telemetry.registry.get_sample_value("fleet_unknown_statuses_total", {"kind": "entities"})
    assert unknown.state is State.RUNNING
    assert count == 3
    assert len([entry for entry in logs if entry["event"] == "job.unknown_status"]) == 1
    assert (await rig.job()).state is State.FINISHED


async def test_a_job_without_times_is_finished_all_the_same(rig: Rig) -> None:
    """SubmitTime may be missing from an answer: nothing is learned of durations, and nothing else is different."""
    rig.sandbox.faults.add(read_fault({"what": "missing_member", "operation": "Describe*", "value": "SubmitTime"}))
    await running(rig, 1)
    await rig.complete()

    await follow(rig, ticks=3)

    assert (await rig.job()).state is State.FINISHED
    assert not rig.track.model.known
