"""A lane that AWS refuses: it pauses, says why once, probes, goes on by itself, and blames nobody wrongly."""

from collections import Counter

import pytest
from structlog.testing import capture_logs

from fleet.core.errors import Unwritable
from fleet.core.job import Event, State
from fleet.sandbox import read_fault
from tests.conftest import Rig


def refuse(rig: Rig, code: str, message: str = "words", **more: object) -> None:
    """AWS refuses every Start from here on with this error."""
    fault = {"what": "error", "operation": "Start*", "code": code, "message": message, "status": 400}
    rig.sandbox.faults.add(read_fault(fault | more))


async def submit_for(rig: Rig, seconds: float) -> int:
    """Let submit run for so long; the Starts that were sent."""
    before = starts(rig)
    until = rig.clock.monotonic() + seconds
    while rig.clock.monotonic() < until:
        wait_s = await rig.tick("submit")
        rig.clock.advance(max(0.01, min(wait_s, 5.0)))
    return starts(rig) - before


def starts(rig: Rig) -> int:
    return sum(count for operation, _, count in rig.telemetry.api_counts() if operation.startswith("Start"))


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        ("ExpiredTokenException", "The security token is expired", "ExpiredTokenException: The security token"),
        ("UnrecognizedClientException", "The security token is invalid", "UnrecognizedClientException"),
        ("InvalidSignatureException", "Signature expired: 1 is now earlier than 2", "clock skew: Invalid"),
        ("RequestTimeTooSkewed", "too large", "clock skew: RequestTimeTooSkewed: too large; set the machine's clock"),
        ("AccessDeniedException", "not authorized to perform: iam:PassRole", "AccessDeniedException: not authorized"),
    ],
)
async def test_the_environment_pauses_the_lane(rig: Rig, code: str, message: str, reason: str) -> None:
    """One refusal is enough; an hour costs about a call a minute, no attempt and no job; then all of it is made up."""
    await rig.plan(*(f"{number}/" for number in range(8)))
    refuse(rig, code, message)

    with capture_logs() as logs:
        sent = await submit_for(rig, 3600)
        paused = rig.submit.pause
        rig.sandbox.faults.clear()
        await submit_for(rig, 120)

    assert paused is not None
    assert paused.reason.startswith(reason)
    assert rig.clock.monotonic() - paused.since >= 3600
    assert sent <= 130
    assert {(job.state, job.attempt) for job in await rig.jobs()} == {(State.RUNNING, 1)}
    assert rig.submit.pause is None
    loud = Counter(entry["event"] for entry in logs if entry["log_level"] in ("info", "warning"))
    assert loud == {"lane.paused": 1, "lane.resumed": 1}


async def test_a_role_that_is_gone_takes_no_job_with_it(rig: Rig) -> None:
    """InvalidRequest for all: the fifth pauses the lane, and whatever was rejected before is started once it heals."""
    await rig.plan(*(f"{number}/" for number in range(10)))
    refuse(rig, "InvalidRequestException", "The role cannot be assumed")

    sent = await submit_for(rig, 1800)
    paused = rig.submit.pause
    rig.sandbox.faults.clear()
    await submit_for(rig, 120)

    assert paused is not None
    assert sent <= 80
    assert {(job.state, job.attempt) for job in await rig.jobs()} == {(State.RUNNING, 1)}


@pytest.mark.parametrize("rejected", [1, 2, 3, 4])
async def test_a_short_streak_loses_nothing(rig: Rig, rejected: int) -> None:
    """Fewer refusals than pause the lane, then all is well again: the refused jobs run too."""
    await rig.plan(*(f"{number}/" for number in range(9)))
    await submit_for(rig, 2)
    refuse(rig, "InvalidRequestException", "The role cannot be assumed", times=rejected)

    await submit_for(rig, 60)

    assert rig.submit.pause is None
    assert {job.state for job in await rig.jobs()} == {State.RUNNING}


async def test_a_bad_request_among_good_ones_is_discarded_with_its_reason(rig: Rig) -> None:
    """Rejected, others accepted, rejected again: it was the job. The lane never pauses, and no other job waits."""
    await rig.plan("bad/", "good/", "better/")
    refuse(rig, "KmsKeyValidationException", "The KMS key cannot be validated.", input_prefix="s3://corpus-in/bad/")

    await submit_for(rig, 30)

    states = {job.prefix.rsplit("/", 2)[1]: job.state for job in await rig.jobs()}
    (bad,) = await rig.jobs(State.DISCARDED)
    assert states == {"bad": State.DISCARDED, "good": State.RUNNING, "better": State.RUNNING}
    assert bad.reason == "KmsKeyValidationException: The KMS key cannot be validated."
    assert (bad.attempt, rig.submit.pause) == (1, None)
    assert [event.event for event in await rig.ledger.history(bad.id)] == [
        Event.CLAIMED,
        Event.SNOOZED,
        Event.CLAIMED,
        Event.DISCARDED,
    ]


async def test_a_lone_bad_request_ends_within_two_minutes(rig: Rig) -> None:
    """Nothing to compare with: five tries, and the run can end."""
    await rig.plan("bad/")
    refuse(rig, "TooManyTagsException")

    sent = await submit_for(rig, 120)

    assert (await rig.job()).state is State.DISCARDED
    assert sent == 5


async def test_a_resource_that_one_job_may_not_use_stops_no_other(rig: Rig) -> None:
    """AccessDenied for one recognizer only: the first job in the row, denied for ever, and the others run."""
    await rig.plan("secret/", *(f"{number}/" for number in range(6)))
    refuse(rig, "AccessDeniedException", "not for you", input_prefix="s3://corpus-in/secret/")

    await submit_for(rig, 200)

    states = Counter(job.state for job in await rig.jobs())
    assert states == {State.RUNNING: 6, State.DISCARDED: 1}
    assert rig.submit.pause is None


async def test_a_bad_job_does_not_speak_for_a_lane_that_has_healed(rig: Rig) -> None:
    """The job in front is bad itself, and the credentials expire: each probe is another job, so the end is seen."""
    await rig.plan("bad/", *(f"{number}/" for number in range(6)))
    refuse(rig, "ExpiredTokenException", times=6)
    refuse(rig, "InvalidRequestException", input_prefix="s3://corpus-in/bad/")

    await submit_for(rig, 300)

    assert Counter(job.state for job in await rig.jobs()) == {State.RUNNING: 6, State.DISCARDED: 1}


async def test_an_unknown_code_is_held_like_any_rejection(rig: Rig) -> None:
    """A 4xx that nobody has heard of: the same caution, so that a new kind of outage discards nothing."""
    await rig.plan(*(f"{number}/" for number in range(8)))
    refuse(rig, "SomethingNewException")

    await submit_for(rig, 600)
    paused = rig.submit.pause
    rig.sandbox.faults.clear()
    await submit_for(rig, 120)

    assert paused is not None
    assert {job.state for job in await rig.jobs()} == {State.RUNNING}


async def test_waking_a_paused_lane_early_sends_nothing(rig: Rig) -> None:
    """Whatever happens elsewhere in the lane, the next probe keeps its time."""
    await rig.plan("a/", "b/")
    refuse(rig, "ExpiredTokenException")
    await submit_for(rig, 300)
    sent = starts(rig)

    waits = [await rig.tick("submit") for _ in range(20)]

    assert starts(rig) - sent <= 1
    assert min(waits[1:]) > 0


async def test_a_ledger_that_cannot_write_pauses_before_any_start(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """No intent, no Start: the lane says why, once, and goes on when there is room again."""
    await rig.plan("a/")
    claim = rig.ledger.claim

    async def full(*_: object, **__: object) -> list[object]:
        raise Unwritable("the disk is full")

    with capture_logs() as logs:
        monkeypatch.setattr(rig.ledger, "claim", full)
        for _ in range(3):
            with pytest.raises(Unwritable):
                await rig.tick("submit")
        paused = rig.submit.pause
        monkeypatch.setattr(rig.ledger, "claim", claim)
        await rig.tick("submit")

    assert paused is not None
    assert paused.reason == "the disk is full"
    assert (rig.submit.pause, len(rig.remote)) == (None, 1)
    assert [entry["event"] for entry in logs if entry["event"].startswith("lane.")] == ["lane.paused", "lane.resumed"]
