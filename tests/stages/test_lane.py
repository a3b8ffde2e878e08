"""One lane, tick by tick, against the sandbox: what each stage promises, and what each answer of AWS leads to."""

import json

import pytest

from fleet.core.job import Event, Job, State, Verdict
from fleet.core.kinds import KINDS
from fleet.core.request import job_name, request_token
from fleet.sandbox import read_fault
from tests.conftest import Rig


def fault(rig: Rig, what: str, operation: str = "Start*", **more: object) -> None:
    """One fault from here on, once unless told otherwise."""
    rig.sandbox.faults.add(read_fault({"what": what, "operation": operation, "times": 1} | more))


async def started(rig: Rig, *prefixes: str, **more: object) -> None:
    """Jobs for these prefixes, running in AWS."""
    await rig.plan(*prefixes, **more)  # type: ignore[arg-type]
    while await rig.jobs(State.PENDING):
        await rig.tick("submit")


async def tracked(rig: Rig, state: State) -> Job:
    """The only job, after AWS has ended it and track has seen that."""
    await rig.complete()
    rig.clock.advance(60)
    await rig.tick("track")
    rig.clock.advance(60)
    await rig.tick("track")
    job = await rig.job()
    assert job.state is state
    return job


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.rig(kind=kind), id=kind) for kind in KINDS])
async def test_a_job_goes_from_the_manifest_to_its_verdict(rig: Rig, kind: str) -> None:
    """All five kinds: claimed, accepted, finished, verified, with every document counted in the real output."""
    await started(rig, "whole/")

    running = await rig.job()
    assert running.state is State.RUNNING
    assert json.loads(running.intent or "")["ClientRequestToken"] == request_token(running.key, 1)
    await tracked(rig, State.FINISHED)
    await rig.tick("verify")

    job = await rig.job()
    assert (job.state, job.verdict, job.documents, job.failed_documents) == (State.VERIFIED, Verdict.COMPLETE, 24, 0)
    assert KINDS[kind].output_code in (job.output_uri or "")
    events = [recorded.event for recorded in await rig.ledger.history(job.id)]
    assert events == [Event.CLAIMED, Event.ACCEPTED, Event.FINISHED, Event.VERIFIED]


async def test_one_document_per_file_is_counted_by_files(rig: Rig) -> None:
    """ONE_DOC_PER_FILE: as many documents as objects."""
    await rig.sandbox.store.write("corpus-in", "files/part-1.txt", TEXT_MORE)
    await started(rig, "files/", input_format="ONE_DOC_PER_FILE")

    await tracked(rig, State.FINISHED)
    await rig.tick("verify")

    assert (await rig.job()).documents == 2


TEXT_MORE = b"Berlin is the capital of Germany, and Angela lives there with her cat. " * 10


@pytest.mark.rig(kind="pii_entities")
async def test_a_redacted_copy_is_verified_too(rig: Rig) -> None:
    """PII ONLY_REDACTION writes plain text, one object per input object."""
    redaction = {"Mode": "ONLY_REDACTION", "RedactionConfig": {"PiiEntityTypes": ["ALL"], "MaskMode": "MASK"}}
    await started(rig, "redact/", request={"pii_entities": redaction})

    await tracked(rig, State.FINISHED)
    await rig.tick("verify")

    job = await rig.job()
    assert (job.verdict, job.documents) == (Verdict.COMPLETE, 24)


async def test_slots_and_rate_are_never_exceeded(rig: Rig) -> None:
    """More jobs than slots: exactly ten run, never an eleventh, and no second sees two Starts."""
    await rig.plan(*(f"many/{number}/" for number in range(14)))

    for _ in range(20):
        await rig.tick("submit")

    truth = rig.sandbox.truth()
    assert len(await rig.jobs(State.RUNNING)) == 10
    assert len(await rig.jobs(State.PENDING)) == 4
    assert truth["throttled"] in ({}, 0)
    assert truth["worst_second"]["StartEntitiesDetectionJob"] == 1


async def test_a_lost_answer_is_not_paid_twice(rig: Rig) -> None:
    """If AWS takes a job but its answer is lost, rescue adopts that job and starts no other."""
    fault(rig, "lose_answer")

    await started(rig, "lost/")
    in_doubt = await rig.job()
    await rig.tick("rescue")

    assert (in_doubt.state, in_doubt.holder) == (State.SUBMITTING, None)
    job = await rig.job()
    assert (job.state, job.attempt, job.remote_id) == (State.RUNNING, 1, rig.remote[0].job_id)
    assert len(rig.remote) == 1


@pytest.mark.parametrize("what", ["html_200", "empty_200", "half_answer"])
async def test_an_answer_without_a_job_id_proves_nothing(rig: Rig, what: str) -> None:
    """A 200 with a proxy's page, with nothing, or cut in half: in doubt, looked up, one job in the end."""
    fault(rig, what, **({} if what == "half_answer" else {"accept": True}))

    await started(rig, "odd/")
    await rig.tick("rescue")

    assert (await rig.job()).state is State.RUNNING
    assert len(rig.remote) == 1


@pytest.mark.rig(list_delay_s=3)
async def test_a_list_that_lags_is_asked_twice_before_a_start_goes_again(rig: Rig) -> None:
    """An empty List right after a lost answer is no proof; the second one shows the job."""
    fault(rig, "lose_answer")
    await started(rig, "lag/")

    await rig.tick("rescue")
    assert (await rig.job()).state is State.SUBMITTING
    rig.clock.advance(6)
    await rig.tick("rescue")

    assert (await rig.job()).state is State.RUNNING
    assert len(rig.remote) == 1


async def test_what_never_arrived_goes_again_with_the_same_bytes(rig: Rig) -> None:
    """A reset before the service saw the Start: after two empty Lists the same attempt, token and bytes go again."""
    fault(rig, "reset_before")
    await started(rig, "reset/")
    before = await rig.job()

    await rig.tick("rescue")
    rig.clock.advance(6)
    await rig.tick("rescue")
    assert (await rig.job()).state is State.PENDING
    rig.clock.advance(60)
    await rig.tick("submit")

    job = await rig.job()
    assert (job.state, job.attempt, job.intent) == (State.RUNNING, 1, before.intent)
    assert [remote.request["ClientRequestToken"] for remote in rig.remote] == [request_token(job.key, 1)]


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ThrottlingException"])
async def test_a_throttled_start_is_snoozed_and_counts_no_attempt(rig: Rig, code: str) -> None:
    """Both throttling codes mean later: back to pending, the same attempt, and it starts when its time has come."""
    fault(rig, "error", code=code, message="Rate exceeded", status=400)
    await rig.plan("slow/")

    await rig.tick("submit")
    snoozed = await rig.job()
    rig.clock.advance(5)
    await rig.tick("submit")

    assert (snoozed.state, snoozed.attempt, snoozed.snoozes) == (State.PENDING, 1, 1)
    assert code in (snoozed.reason or "")
    assert (await rig.job()).state is State.RUNNING


async def test_missing_permissions_pause_the_lane_and_cost_nothing(rig: Rig) -> None:
    """AccessDenied is the environment's fault: no job is discarded, one probe at a time, and it recovers by itself."""
    fault(rig, "error", code="AccessDeniedException", message="not authorized: iam:PassRole", status=400, times=3)
    await rig.plan("a/", "b/", "c/")

    for _ in range(3):
        assert await rig.tick("submit") > 0
        rig.clock.advance(120)
    assert {job.state for job in await rig.jobs()} == {State.PENDING}
    for _ in range(4):
        rig.clock.advance(120)
        await rig.tick("submit")

    assert {(job.state, job.attempt) for job in await rig.jobs()} == {(State.RUNNING, 1)}


@pytest.mark.rig(unreadable=["s3://corpus-in/secret/"])
async def test_a_job_without_access_ends_with_the_services_own_words(rig: Rig) -> None:
    """FAILED with a cause that cannot pass: discarded, not tried again, the Message kept."""
    await started(rig, "secret/")

    job = await tracked(rig, State.DISCARDED)

    assert (job.reason or "").startswith("NO_READ_ACCESS_TO_INPUT")
    assert len(rig.remote) == 1


async def test_a_failed_job_gets_a_new_attempt_with_a_new_token(rig: Rig) -> None:
    """The old token would only return the failed job again; name and token of the second attempt are new."""
    fault(rig, "fail_job", message="INTERNAL_ERROR: something broke")
    await started(rig, "again/")

    retried = await tracked(rig, State.PENDING)
    rig.clock.advance(600)
    await rig.tick("submit")

    job = await rig.job()
    assert (retried.attempt, retried.remote_id, retried.reason) == (2, None, "INTERNAL_ERROR: something broke")
    assert job.state is State.RUNNING
    assert [remote.request["JobName"] for remote in rig.remote] == [job_name(job.key, 1), job_name(job.key, 2)]
    assert len({remote.request["ClientRequestToken"] for remote in rig.remote}) == 2


async def test_an_unknown_status_is_no_end(rig: Rig) -> None:
    """A status that we do not know leaves the job running; the next answer counts."""
    fault(rig, "unknown_status", "Describe*", value="REBALANCING")
    await started(rig, "new/")

    rig.clock.advance(10)
    await rig.tick("track")

    assert (await rig.job()).state is State.RUNNING
    await tracked(rig, State.FINISHED)


async def test_a_job_that_aws_forgot_is_given_up_only_after_a_grace_period(rig: Rig) -> None:
    """JobNotFound once is lag, however old the job; after ten minutes of it, it is the truth. Nothing starts twice."""
    lost = {"code": "JobNotFoundException", "message": "The specified job was not found.", "status": 400}
    fault(rig, "error", "Describe*", times=99, **lost)
    await started(rig, "gone/")

    rig.clock.advance(30)
    await rig.tick("track")
    assert (await rig.job()).state is State.RUNNING
    await rig.complete()
    rig.clock.advance(700)
    await rig.tick("track")
    assert (await rig.job()).state is State.RUNNING
    rig.clock.advance(700)
    await rig.tick("track")

    job = await rig.job()
    assert job.state is State.DISCARDED
    assert "no longer knows" in (job.reason or "")
    assert len(rig.remote) == 1


async def test_an_output_that_is_not_there_is_read_again_and_then_said(rig: Rig) -> None:
    """COMPLETED without an output object: read three times, then discarded with the place; never started again."""
    fault(rig, "lose_output")
    await started(rig, "hollow/")
    await tracked(rig, State.FINISHED)

    for _ in range(3):
        assert (await rig.job()).state is State.FINISHED
        await rig.tick("verify")
        rig.clock.advance(120)

    job = await rig.job()
    assert job.state is State.DISCARDED
    assert (job.reason or "").startswith("output missing at s3://corpus-out/results/")
    assert len(rig.remote) == 1


async def test_bad_documents_make_a_job_partial_and_are_named(rig: Rig) -> None:
    """A line that is not UTF-8 drops the rest of its file: partial, with the number of documents that are not there."""
    await started(rig, "bytes/", documents=TEXT_MORE + b"\n" + b"caf\xe9 au lait\n" + b"one more line of text\n" * 40)
    await tracked(rig, State.FINISHED)

    await rig.tick("verify")

    job = await rig.job()
    assert (job.state, job.verdict, job.documents, job.failed_documents) == (State.VERIFIED, Verdict.PARTIAL, 1, 41)
    assert job.reason == "1 x UNSUPPORTED_ENCODING, 40 not in the output (most in part-0.txt)"
    detail = (await rig.ledger.history(job.id))[-1].detail
    assert detail["errors"][0]["line"] == 1


async def test_a_dead_process_leaves_nothing_behind(rig: Rig) -> None:
    """A claim of a process that died before its Start left: two empty Lists, then the same attempt goes again."""
    await rig.plan("dead/")
    await rig.ledger.claim(rig.calls.lane, limit=1, holder="a process that died")

    await rig.tick("rescue")
    rig.clock.advance(6)
    await rig.tick("rescue")
    rig.clock.advance(60)
    await rig.tick("submit")

    assert (await rig.job()).state is State.RUNNING
    assert len(rig.remote) == 1


async def test_a_ledger_that_failed_after_the_start_is_made_up_for(rig: Rig) -> None:
    """Started, but the ledger could not write it down: our own forgotten claim is looked up too, and adopted."""
    (job,) = await rig.plan("full-disk/")
    (claimed,) = await rig.ledger.claim(rig.calls.lane, limit=1, holder=rig.holder)
    await rig.calls.start(claimed, json.loads(claimed.intent or ""))

    await rig.tick("rescue")
    assert (await rig.job()).state is State.SUBMITTING
    rig.clock.advance(130)
    await rig.tick("rescue")

    assert (await rig.job()).state is State.RUNNING
    assert (len(rig.remote), job.attempt) == (1, 1)


@pytest.mark.rig(token_window_s=0)
async def test_reconcile_adopts_jobs_that_the_ledger_does_not_know(rig: Rig) -> None:
    """A job that AWS has under our name while the ledger says pending is adopted before anything is started."""
    (job,) = await rig.plan("known/")
    intent = {
        "JobName": job_name(job.key, 1),
        "ClientRequestToken": request_token(job.key, 1),
        **json.loads(job.request),
    }
    intent["InputDataConfig"]["S3Uri"] = job.prefix
    await rig.calls.start(job, intent)

    adopted = await rig.rescue.reconcile()
    again = await rig.rescue.reconcile()

    job = await rig.job()
    assert (adopted, again) == (1, 0)
    assert (job.state, job.remote_id) == (State.RUNNING, rig.remote[0].job_id)


async def test_a_job_stopped_by_somebody_else_is_not_called_done(rig: Rig) -> None:
    """STOPPED that fleet did not ask for: discarded, and the reason says who did not do it."""
    await started(rig, "stop/")
    client = rig.calls._any_client
    await client.stop("entities", str((await rig.job()).remote_id))

    job = await tracked(rig, State.DISCARDED)

    assert job.reason == "stopped by somebody else than fleet"


@pytest.mark.parametrize(
    "depth", [pytest.param(depth, marks=pytest.mark.rig(depth=depth)) for depth in ("head", "off")]
)
async def test_less_depth_reads_less_and_says_so(rig: Rig, depth: str) -> None:
    """`head` trusts the records it reads; `off` reads nothing, and the reason says that."""
    await started(rig, "shallow/")
    await tracked(rig, State.FINISHED)

    await rig.tick("verify")

    job = await rig.job()
    assert job.verdict is Verdict.COMPLETE
    assert (job.documents, job.reason) == (
        (24, None) if depth == "head" else (0, "output not read: [verify] depth is off")
    )
