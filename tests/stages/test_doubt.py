"""A Start whose outcome cannot be told: looked up by its name before anything is sent again, then the same bytes."""

import json

import anyio
import pytest

from fleet.aws.session import Access, Timeouts, open_clients
from fleet.core.job import Event, Job, State
from fleet.core.request import job_name, request_token
from fleet.sandbox import read_fault
from tests.conftest import Rig, assemble, make_settings


def fault(rig: Rig, what: str, operation: str = "Start*", **more: object) -> None:
    rig.sandbox.faults.add(read_fault({"what": what, "operation": operation, "times": 1} | more))


def names_listed(rig: Rig) -> int:
    """Lookups by name that the service has answered."""
    return sum(entry.operation.startswith("List") for entry in rig.sandbox.service.log)


async def settle(rig: Rig) -> Job:
    """Let submit and rescue run for two minutes; the only job."""
    until = rig.clock.monotonic() + 120
    while rig.clock.monotonic() < until:
        await rig.tick("submit")
        await rig.tick("rescue")
        rig.clock.advance(2)
    return await rig.job()


ACCEPTED = [
    pytest.param({"what": "lose_answer"}, id="reset after"),
    pytest.param({"what": "half_answer"}, id="cut"),
    pytest.param({"what": "html_200", "accept": True}, id="html"),
    pytest.param({"what": "empty_200", "accept": True}, id="empty"),
    pytest.param({"what": "replace_member", "member": "JobId", "value": "x" * 10_240}, id="long id"),
    pytest.param({"what": "replace_member", "member": "JobId", "value": "a\nb"}, id="odd id"),
    pytest.param({"what": "missing_member", "value": "JobId"}, id="no id"),
    pytest.param({"what": "deliver_twice"}, id="twice"),
]
REFUSED = [
    pytest.param({"what": "reset_before"}, id="reset before"),
    pytest.param({"what": "unavailable", "status": 503}, id="503"),
    pytest.param({"what": "error", "status": 500}, id="500"),
    pytest.param({"what": "error", "code": "Nonsense", "status": 302}, id="302"),
    pytest.param({"what": "error", "code": "ResourceInUseException", "status": 400}, id="in use"),
    pytest.param({"what": "error", "code": "JobNotFoundException", "status": 400}, id="lost"),
    pytest.param({"what": "error", "code": "ThrottlingException", "status": 503}, id="throttled by 503"),
    pytest.param({"what": "html_200"}, id="html"),
]


@pytest.mark.parametrize("what", ACCEPTED)
@pytest.mark.rig(token_window_s=0)
async def test_what_was_accepted_is_adopted(rig: Rig, what: dict[str, object]) -> None:
    """One job, found by its name, even if AWS forgets tokens at once; in its first attempt."""
    rig.sandbox.faults.add(read_fault(what | {"operation": "Start*", "times": 1}))
    await rig.plan("a/")

    await rig.tick("submit")
    await rig.tick("rescue")

    job = await rig.job()
    assert (job.state, job.attempt) == (State.RUNNING, 1)
    assert job.remote_id in {remote.job_id for remote in rig.remote}
    assert len(rig.remote) == 1


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.rig(token_window_s=0)
async def test_what_was_not_accepted_goes_again_after_two_lookups(rig: Rig, what: dict[str, object]) -> None:
    """In doubt, held by nobody; two empty Lists as far apart as List may lag; then the same attempt and bytes."""
    rig.sandbox.faults.add(read_fault(what | {"operation": "Start*", "times": 1}))
    await rig.plan("a/")

    await rig.tick("submit")
    doubtful = await rig.job()
    await rig.tick("rescue")
    await rig.tick("submit")
    early = len(rig.remote)
    job = await settle(rig)

    assert (doubtful.state, doubtful.holder) == (State.SUBMITTING, None)
    assert early == 0
    assert names_listed(rig) >= 2
    assert (job.state, job.attempt, job.intent) == (State.RUNNING, 1, doubtful.intent)
    assert len(rig.remote) == 1


async def test_a_start_that_is_cut_off_in_flight_is_adopted_by_the_next_process(rig: Rig) -> None:
    """The process leaves while AWS has the request: the next one finds the job under its name."""
    fault(rig, "hang", accept=True)
    await rig.plan("a/")
    async with anyio.create_task_group() as group:
        group.start_soon(rig.tick, "submit")
        while not rig.remote:
            await rig.breathe()
        group.cancel_scope.cancel()
    cut = await rig.job()

    rig.rescue._holder = "the next process"
    await rig.tick("rescue")

    job = await rig.job()
    assert (cut.state, cut.holder) == (State.SUBMITTING, rig.holder)
    assert (job.state, job.remote_id) == (State.RUNNING, rig.remote[0].job_id)
    assert len(rig.remote) == 1


@pytest.mark.rig(token_window_s=0)
async def test_a_lookup_that_fails_proves_nothing(rig: Rig) -> None:
    """List down, throttled or denied for ten minutes after a lost answer: nothing is sent again before it answered."""
    fault(rig, "lose_answer")
    await rig.plan("a/")
    await rig.rescue.reconcile()
    await rig.tick("submit")
    for code in ("InternalServerException", "ThrottlingException", "ExpiredTokenException", "AccessDeniedException"):
        fault(rig, "error", "List*", code=code, status=500 if code.startswith("Internal") else 400, times=5)

    for _ in range(60):
        await rig.tick("rescue")
        await rig.tick("submit")
        rig.clock.advance(20)

    assert (await rig.job()).state is State.RUNNING
    assert len(rig.remote) == 1


async def test_without_the_permission_to_list_the_token_must_do(rig: Rig) -> None:
    """A fleet that may not List at all is no reason to wait for ever: the same bytes go again, and AWS knows them."""
    fault(rig, "error", "List*", code="AccessDeniedException", message="not authorized", status=400, times=10_000)
    fault(rig, "lose_answer")
    await rig.plan("a/")

    job = await settle(rig)

    assert (job.state, job.remote_id) == (State.RUNNING, rig.remote[0].job_id)
    assert len(rig.remote) == 1


@pytest.mark.rig(job_name_unique=True)
async def test_a_name_in_use_by_nobody_ends_with_its_reason(rig: Rig) -> None:
    """AWS says so again and again while List shows no such job: given up, never started under another name."""
    fault(rig, "error", code="ResourceInUseException", message="already in use", status=400, times=99)
    await rig.plan("a/")

    job = await settle(rig)

    assert (job.state, job.attempt) == (State.DISCARDED, 1)
    assert "ResourceInUseException: already in use (List shows no job of the name" in (job.reason or "")
    assert len(rig.remote) == 0


async def test_the_bytes_outlive_a_change_of_the_configuration(rig: Rig) -> None:
    """Crash after the claim, language, role and output edited, restart: what goes again is what was written down."""
    await rig.plan("a/")
    (claimed,) = await rig.ledger.claim(rig.calls.lane, limit=1, holder="a process that died")
    settings = make_settings("entities")
    target = settings.targets["main"].model_copy(
        update={"data_access_role_arn": "arn:aws:iam::123456789012:role/other", "output": "s3://corpus-out/other/"}
    )
    defaults = settings.defaults.model_copy(update={"request": {"Tags": [{"Key": "k", "Value": "v"}]}})
    edited = settings.model_copy(update={"targets": {"main": target}, "defaults": defaults})
    clients = {"main": _Clients(rig)}
    after = assemble(rig.clock, rig.sandbox, rig.ledger, clients, edited, rig.stack, kind="entities", holder="next")
    await after.plan("a/")

    job = await settle(after)

    sent = dict(rig.remote[0].request)
    assert (job.state, job.intent) == (State.RUNNING, claimed.intent)
    assert json.loads(claimed.intent or "") == {name: sent[name] for name in json.loads(claimed.intent or "")}
    assert sent["DataAccessRoleArn"].endswith("role/comprehend")
    assert len(rig.remote) == 1


class _Clients:
    """The clients of the running rig, for a second process."""

    def __init__(self, rig: Rig) -> None:
        self.comprehend = rig.calls._any_client
        self.s3 = next(iter(rig.measure._buckets.values()))


async def test_an_adopted_failure_that_cannot_pass_is_discarded(rig: Rig) -> None:
    """The answer was lost, the job failed before anybody looked: adopted, seen to fail, judged by its Message."""
    fault(rig, "lose_answer")
    await rig.plan("nothing-there/", documents=None)
    await rig.tick("submit")
    await rig.complete()

    await rig.tick("rescue")
    adopted = await rig.job()
    rig.clock.advance(30)
    await rig.tick("track")

    job = await rig.job()
    assert (adopted.state, adopted.remote_id) == (State.RUNNING, rig.remote[0].job_id)
    assert job.state is State.DISCARDED
    assert (job.reason or "").startswith("NO_INPUT_FILES")


@pytest.mark.rig(messages={"no_files": "INTERNAL_ERROR: try again"})
async def test_an_adopted_failure_that_may_pass_gets_a_new_name_and_token(rig: Rig) -> None:
    """Handled like any failure: the second attempt has its own token; the first would bring the failed job again."""
    fault(rig, "lose_answer")
    await rig.plan("nothing-there/", documents=None)
    await rig.tick("submit")
    await rig.complete()
    await rig.tick("rescue")
    rig.clock.advance(30)
    await rig.tick("track")
    retried = await rig.job()
    rig.clock.advance(60)
    await rig.tick("submit")

    job = await rig.job()
    assert (retried.state, retried.attempt) == (State.PENDING, 2)
    assert job.state is State.RUNNING
    assert [remote.request["JobName"] for remote in rig.remote] == [job_name(job.key, 1), job_name(job.key, 2)]
    assert rig.remote[1].request["ClientRequestToken"] == request_token(job.key, 2)


async def test_each_doubt_is_looked_up_twice_anew(rig: Rig) -> None:
    """A job that falls into doubt again is not rescued on what an earlier lookup did not see."""
    fault(rig, "reset_before", times=2)
    await rig.plan("a/")
    await rig.tick("submit")
    for _ in range(2):
        await rig.tick("rescue")
        rig.clock.advance(6)
    assert (await rig.job()).state is State.PENDING
    rig.clock.advance(60)
    await rig.tick("submit")

    listed = names_listed(rig)
    await rig.tick("rescue")

    assert (await rig.job()).state is State.SUBMITTING
    assert names_listed(rig) == listed + 1


async def test_a_start_that_waits_long_for_the_limiter_is_not_taken_away(rig: Rig) -> None:
    """In our own hands for longer than any call lasts, but its Start still waits: rescue leaves it alone."""
    await rig.plan("a/")
    (job,) = await rig.ledger.claim(rig.calls.lane, limit=1, holder=rig.holder)
    rig.calls.starting.add(job.id)

    for _ in range(4):
        await rig.tick("rescue")
        rig.clock.advance(100)

    assert (await rig.job()).state is State.SUBMITTING
    assert [recorded.event for recorded in await rig.ledger.history(job.id)] == [Event.CLAIMED]


async def test_a_connection_that_never_was_needs_no_lookup(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connection refused: surely not accepted, so the same bytes go again at once, without a List."""
    await rig.plan("a/")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_COMPREHEND", "http://127.0.0.1:1")
        clients = await rig.stack.enter_async_context(open_clients({"main": Access(region="us-east-1")}, Timeouts()))
    alive, rig.calls._clients = rig.calls._clients, {"main": clients["main"].comprehend}

    await rig.tick("submit")
    snoozed = await rig.job()
    rig.calls._clients = alive
    await rig.tick("submit")

    job = await rig.job()
    assert (snoozed.state, snoozed.attempt) == (State.PENDING, 1)
    assert "Could not connect" in (snoozed.reason or "")
    assert (job.state, job.intent) == (State.RUNNING, snoozed.intent)
    assert names_listed(rig) == 0
