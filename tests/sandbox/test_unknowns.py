"""Every UNKNOWN of the facts sheet's section 10 is a switch, and the switch does what it says."""

from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

from fleet.sandbox.documents import Document, Refusal
from fleet.sandbox.errors import ServiceError
from fleet.sandbox.kinds import Verb
from fleet.sandbox.messages import MESSAGES, Message
from fleet.sandbox.output import render
from fleet.sandbox.switches import About, Switches

Ask = Callable[..., Any]

# The topics of section 10 in its own words, and the switches that answer them.
TOPICS = {
    "active-cap behaviour": ("cap", "cap_code", "slot_statuses"),
    "throttle code": ("throttle_code", "throttle_message", "retry_after_s"),
    "bucket burst": ("burst_s", "rate_model", "throttled_count"),
    "token replay": ("replay", "replay_ended", "replay_failed", "replay_takes_rate", "replay_needs_slot"),
    "token mismatch": ("mismatch", "mismatch_code"),
    "token window": ("token_window_s", "replay_scope"),
    "SUBMITTED and IN_PROGRESS durations": (
        *("submitted_s", "overhead_s", "per_mb_s", "failure_s", "stop_s"),
        *("spread", "tail_probability", "tail_factor"),
    ),
    "failure Message set": ("messages", "empty_input", "over_limit"),
    "unfiltered List order": ("list_order",),
    "targeted tar layout": ("targeted_layout",),
    "redaction-mode errors": ("redaction_errors",),
    "JobName uniqueness": ("job_name_unique",),
    "retention": ("retention_s",),
}


@pytest.mark.parametrize("topic", TOPICS)
def test_every_unknown_topic_is_a_switch(topic: str) -> None:
    """Each of its switches exists, and says that AWS's behaviour is not known, or not documented."""
    hints = get_type_hints(Switches, include_extras=True)

    for name in TOPICS[topic]:
        known = next(extra.known for extra in hints[name].__metadata__ if isinstance(extra, About))
        assert any(word in known for word in ("UNKNOWN", "not documented", "seen", "disagree"))


def test_a_throttle_may_carry_its_own_text(ask: Ask) -> None:
    """throttle_message, where live texts are not known."""
    service = ask(start_per_s=1.0, throttle_message="Rate exceeded")
    service.start()

    with pytest.raises(ServiceError, match="Rate exceeded"):
        service.start()


def test_throttled_requests_may_count_too(ask: Ask) -> None:
    """A client that hammers stays out until it has rested for a second."""
    service = ask(start_per_s=1.0, throttled_count=True)
    service.start(now=0.0)

    for tenth in range(1, 30):
        with pytest.raises(ServiceError):
            service.start(now=tenth / 10)

    assert service.start(now=3.9)


def test_a_bucket_lets_more_into_one_second_than_a_window(ask: Ask) -> None:
    """A full bucket, and what flows in meanwhile: 19 in a second at a rate of 10, and 10 a second after it."""
    window, bucket = (ask(start_per_s=10.0, active_jobs=1000, rate_model=model) for model in ("window", "bucket"))

    def let_in(service: Any) -> int:
        done = 0
        for hundredth in range(100):
            try:
                service.start(now=hundredth / 100)
            except ServiceError:
                continue
            done += 1
        return done

    assert (let_in(window), let_in(bucket)) == (10, 19)


@pytest.mark.parametrize(("statuses", "let_in"), [(("SUBMITTED", "IN_PROGRESS"), False), (("IN_PROGRESS",), True)])
def test_a_third_partys_reading_of_active_is_a_switch(ask: Ask, statuses: tuple[str, ...], let_in: bool) -> None:
    """Where only running jobs count, one that is SUBMITTED takes no slot of a Start."""
    service = ask(active_jobs=1, slot_statuses=statuses)
    service.start()

    if let_in:
        assert service.start()
        return
    with pytest.raises(ServiceError):
        service.start()


@pytest.mark.parametrize(
    ("switch", "end", "same"),
    [
        ({}, "COMPLETED", True),
        ({"replay_ended": "new_job"}, "COMPLETED", False),
        ({"replay_ended": "new_job"}, "FAILED", True),
        ({"replay_failed": "new_job"}, "FAILED", False),
        ({"replay_failed": "new_job"}, "COMPLETED", True),
        ({"replay_failed": "new_job", "replay_ended": "new_job"}, "IN_PROGRESS", True),
    ],
)
def test_a_token_whose_job_has_ended_may_make_another(ask: Ask, switch: dict[str, str], end: str, same: bool) -> None:
    """The same job or a new one, by how it ended; while it runs it is always the same."""
    service = ask(submitted_s=0.0, overhead_s=10.0, failure_s=1.0, **switch)
    first = service.start(ClientRequestToken="t")
    service.run(5.0 if end == "IN_PROGRESS" else 50.0, fails="X: no" if end == "FAILED" else "")

    assert service.job(first).status == end
    assert (service.start(ClientRequestToken="t", now=60.0) == first) is same


def test_a_replay_may_be_free_of_the_rate(ask: Ask) -> None:
    """With replay_takes_rate off, a replay is answered at once and leaves the rate to others."""
    service = ask(start_per_s=1.0, replay_takes_rate=False)
    first = service.start(ClientRequestToken="t", now=0.0)

    assert [service.start(ClientRequestToken="t", now=0.1) for _ in range(3)] == [first] * 3
    assert service.start(ClientRequestToken="u", now=1.0) != first


def test_a_replay_may_need_a_slot(ask: Ask) -> None:
    """With replay_needs_slot, a full lane refuses it like any Start."""
    service = ask(active_jobs=1, replay_needs_slot=True)
    service.start(ClientRequestToken="t")

    with pytest.raises(ServiceError, match="TooManyRequests"):
        service.start(ClientRequestToken="t")


def test_a_token_may_be_known_to_the_whole_account(ask: Ask) -> None:
    """The same token for another kind is then a mismatch, with the code of the switch."""
    service = ask(replay_scope="account", mismatch_code="ResourceInUseException")
    service.start("entities", ClientRequestToken="t")

    with pytest.raises(ServiceError, match="ResourceInUse"):
        service.start("sentiment", ClientRequestToken="t")


def test_a_job_of_another_kind_has_the_code_of_the_switch(ask: Ask) -> None:
    """Of another account it is never anything but not found."""
    service = ask(cross_kind_code="InvalidRequestException")
    job_id = service.start("entities")

    with pytest.raises(ServiceError, match="InvalidRequest"):
        service.describe(job_id, "sentiment")
    with pytest.raises(ServiceError, match="JobNotFound"):
        service.call(Verb.DESCRIBE, "sentiment", {"JobId": job_id}, account="111122223333")


def test_a_language_has_the_code_of_the_switch(ask: Ask) -> None:
    """A language that the kind does not have."""
    service = ask(unsupported_language_code="UnsupportedLanguageException")

    with pytest.raises(ServiceError, match="UnsupportedLanguage"):
        service.start("targeted_sentiment", LanguageCode="de")


def test_a_next_token_may_expire(ask: Ask) -> None:
    """Good until its time is over; then an invalid request, as for any token that is not ours."""
    service = ask(next_token_s=60.0)
    for _ in range(3):
        service.start()
    _, token = service.page(MaxResults=1, now=10.0)

    assert service.page(MaxResults=1, NextToken=token, now=70.0)[0]
    with pytest.raises(ServiceError, match="expired"):
        service.page(MaxResults=1, NextToken=token, now=70.5)


@pytest.mark.parametrize(("join", "path"), [("slash", "s3://out/results/1"), ("plain", "s3://out/results1")])
def test_a_prefix_without_a_slash_is_joined_as_the_switch_says(ask: Ask, join: str, path: str) -> None:
    """Both forms end in account, code and JobId."""
    service = ask(output_join=join)
    job_id = service.start(OutputDataConfig={"S3Uri": "s3://out/results"})

    assert service.describe(job_id)["OutputDataConfig"]["S3Uri"].startswith(path)


def test_the_tail_is_as_heavy_as_the_switches_say(ask: Ask) -> None:
    """About one job in ten takes twenty times longer, and the others what the spread gives them."""
    service = ask(active_jobs=1000, tail_probability=0.1, tail_factor=20.0, seed=3)

    luck = [service.job(service.start()).luck for _ in range(1000)]

    assert set(luck) == {1.0, 20.0}
    assert 70 < luck.count(20.0) < 130


def test_a_scale_keeps_the_ratios_of_durations(ask: Ask) -> None:
    """A hundred times faster: every job's time, spread and tail included, is a hundredth."""

    def ends(scale: float) -> list[float]:
        service = ask(active_jobs=50, spread=0.5, tail_probability=0.2, time_scale=scale, per_mb_s=2.0)
        ids = [service.start() for _ in range(50)]
        service.run(1e6, size_bytes=3_000_000)
        return [service.job(job_id).begun_at + service.job(job_id).work_s for job_id in ids]

    assert ends(100.0) == pytest.approx([seconds / 100 for seconds in ends(1.0)])


def test_every_failure_text_may_be_replaced(ask: Ask) -> None:
    """By name, with the figures filled in."""
    service = ask(submitted_s=0.0, vpc_denied=True, failure_s=0.0, messages={Message.VPC: "NO_VPC: not here"})
    vpc = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    job_id = service.start(VpcConfig=vpc)

    service.run(1.0)

    assert service.describe(job_id, now=1.0)["Message"] == "NO_VPC: not here"
    assert set(MESSAGES) == set(Message)


@pytest.mark.parametrize(
    ("switch", "line"), [("empty", b"\n"), ("skip", b""), ("record", b'{"ErrorCode":"UNSUPPORTED_ENCODING"')]
)
def test_a_bad_document_of_a_redacted_text_is_as_the_switch_says(switch: str, line: bytes) -> None:
    """Never its text."""
    request = {"Mode": "ONLY_REDACTION", "RedactionConfig": {"PiiEntityTypes": ["ALL"]}}
    refused = Refusal(file="a.txt", line=2, code="UNSUPPORTED_ENCODING", message="Bad.", ending="\n")

    body = render("pii_entities", refused, request, redaction_errors=switch)

    assert body.startswith(line)
    assert len(body.splitlines()) == (0 if switch == "skip" else 1)


def test_offsets_may_count_utf16_units() -> None:
    """A smiley before a name counts one, or two."""
    document = Document(file="a.txt", line=0, text="😀 Anna Smith lives in Paris.", ending="\n")

    plain = render("entities", document, {})
    units = render("entities", document, {}, offset_unit="utf16")

    assert b'"BeginOffset":2,"EndOffset":12' in plain
    assert b'"BeginOffset":3,"EndOffset":13' in units
