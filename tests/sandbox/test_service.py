"""The emulated service: what Start and Describe say, and who owns what."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from fleet.sandbox.errors import ServiceError
from fleet.sandbox.kinds import KINDS, OPERATIONS, Verb

Ask = Callable[..., Any]
KIND_NAMES = sorted(KINDS)
CODES = {
    "entities": "NER",
    "key_phrases": "KP",
    "pii_entities": "PII",
    "sentiment": "SENTIMENT",
    "targeted_sentiment": "TS",
}


def test_every_operation_of_the_five_kinds_is_known() -> None:
    """Five kinds times Start, Describe, List and Stop, by the names of the API."""
    assert len(OPERATIONS) == 20
    assert OPERATIONS["ListTargetedSentimentDetectionJobs"].kind.name == "targeted_sentiment"
    assert OPERATIONS["StopPiiEntitiesDetectionJob"].verb is Verb.STOP


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_a_start_answers_with_a_new_job(ask: Ask, request_for: Ask, kind: str) -> None:
    """JobId is 32 lowercase hex digits, the ARN names Region, account, kind and id, the job is SUBMITTED."""
    answer = ask().call(Verb.START, kind, request_for(kind), region="eu-west-1")

    part = kind.replace("_", "-")
    assert re.fullmatch(r"[0-9a-f]{32}", answer["JobId"])
    assert answer["JobArn"] == f"arn:aws:comprehend:eu-west-1:123456789012:{part}-detection-job/{answer['JobId']}"
    assert answer["JobStatus"] == "SUBMITTED"
    assert set(answer) == {"JobId", "JobArn", "JobStatus"}


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_describe_rewrites_the_output_path(ask: Ask, kind: str) -> None:
    """The output URI is the given prefix, then account, the kind's code and the JobId, and the kind's tail."""
    service = ask()
    job_id = service.start(kind)

    uri = service.describe(job_id, kind)["OutputDataConfig"]["S3Uri"]

    tail = "output/" if kind == "pii_entities" else "output/output.tar.gz"
    assert uri == f"s3://corpus-out/results/123456789012-{CODES[kind]}-{job_id}/{tail}"


@pytest.mark.parametrize("prefix", ["s3://corpus-out", "s3://corpus-out/", "s3://corpus-out/a", "s3://corpus-out/a/"])
def test_an_output_prefix_is_joined_with_one_slash(ask: Ask, prefix: str) -> None:
    """With or without a slash at its end, the prefix and the service's folder are one slash apart."""
    service = ask()
    job_id = service.start(OutputDataConfig={"S3Uri": prefix})

    uri = service.describe(job_id)["OutputDataConfig"]["S3Uri"]

    assert uri == f"{prefix.rstrip('/')}/123456789012-NER-{job_id}/output/output.tar.gz"


def test_describe_shows_what_was_asked_and_nothing_of_the_token(ask: Ask) -> None:
    """Request members that Describe has come back as they were; token and tags do not (facts 3.2)."""
    service = ask()
    job_id = service.start(
        JobName="january",
        ClientRequestToken="t-1",
        Tags=[{"Key": "a", "Value": "b"}],
        VolumeKmsKeyId="key-1",
        VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        now=1_700_000_000.1234,
    )

    shown = service.describe(job_id, now=1_700_000_001.0)

    assert shown["JobName"] == "january"
    assert shown["SubmitTime"] == 1_700_000_000.123
    assert shown["VolumeKmsKeyId"] == "key-1"
    assert shown["VpcConfig"]["Subnets"] == ["subnet-1"]
    assert shown["InputDataConfig"] == {"S3Uri": "s3://corpus-in/a/", "InputFormat": "ONE_DOC_PER_LINE"}
    assert not {"ClientRequestToken", "Tags", "EndTime", "Message"} & set(shown)


def test_pii_shows_its_mode_and_redaction(ask: Ask) -> None:
    """PII has Mode and RedactionConfig, and its request knows no volume key and no VPC (facts 3.2)."""
    service = ask()
    redaction = {"PiiEntityTypes": ["ALL"], "MaskMode": "MASK", "MaskCharacter": "*"}
    job_id = service.start("pii_entities", Mode="ONLY_REDACTION", RedactionConfig=redaction)

    shown = service.describe(job_id, "pii_entities")

    assert (shown["Mode"], shown["RedactionConfig"]) == ("ONLY_REDACTION", redaction)
    with pytest.raises(ServiceError, match="VolumeKmsKeyId"):
        service.start("pii_entities", VolumeKmsKeyId="key-1")


def test_a_kms_key_of_the_output_is_shown_only_if_given(ask: Ask) -> None:
    """KmsKeyId stands in OutputDataConfig if it stood in the request."""
    service = ask()
    with_key = service.start(OutputDataConfig={"S3Uri": "s3://corpus-out/", "KmsKeyId": "key-2"})
    without = service.start()

    assert service.describe(with_key)["OutputDataConfig"]["KmsKeyId"] == "key-2"
    assert "KmsKeyId" not in service.describe(without)["OutputDataConfig"]


def test_a_custom_recognizer_is_named_in_the_answer(ask: Ask, request_for: Ask) -> None:
    """Start of entities gives EntityRecognizerArn back; LanguageCode does not matter then."""
    recognizer = "arn:aws:comprehend:us-east-1:123456789012:entity-recognizer/clauses"

    answer = ask().call(Verb.START, "entities", request_for(EntityRecognizerArn=recognizer, LanguageCode="ja"))

    assert answer["EntityRecognizerArn"] == recognizer


def test_a_job_without_a_name_gets_one(ask: Ask) -> None:
    """The service makes a JobName where none is given."""
    service = ask()

    assert service.describe(service.start())["JobName"]


def test_a_job_of_another_kind_region_or_account_is_not_found(ask: Ask) -> None:
    """A JobId means something only where it was made: else JobNotFoundException, for Describe and for Stop."""
    service = ask()
    job_id = service.start("entities")

    for verb in (Verb.DESCRIBE, Verb.STOP):
        for kind, caller in (
            ("sentiment", {}),
            ("entities", {"region": "eu-west-1"}),
            ("entities", {"account": "111122223333"}),
        ):
            with pytest.raises(ServiceError) as refused:
                service.call(verb, kind, {"JobId": job_id}, **caller)
            assert (refused.value.code, refused.value.status) == ("JobNotFoundException", 400)


def test_an_unknown_operation_is_refused(ask: Ask) -> None:
    """What is not emulated is an UnknownOperationException, never a silent success."""
    with pytest.raises(ServiceError) as refused:
        ask().service.call("StartTopicsDetectionJob", {}, 0.0, account="123456789012", region="us-east-1")
    assert refused.value.code == "UnknownOperationException"


def test_the_same_seed_makes_the_same_jobs(ask: Ask) -> None:
    """With a seed, ids and durations repeat from run to run."""
    first, second = ask(seed=3, spread=0.5), ask(seed=3, spread=0.5)

    ids = [first.start() for _ in range(3)], [second.start() for _ in range(3)]

    assert ids[0] == ids[1]
    assert [first.job(i).luck for i in ids[0]] == [second.job(i).luck for i in ids[1]]


def test_a_describe_delay_shows_the_past(ask: Ask) -> None:
    """Describe may lag: first the job is not there, then it is SUBMITTED when it is already IN_PROGRESS."""
    service = ask(describe_delay_s=3.0, submitted_s=5.0)
    job_id = service.start(now=0.0)
    service.run(6.0)

    with pytest.raises(ServiceError, match="JobNotFound"):
        service.describe(job_id, now=2.9)
    assert service.status(job_id, now=6.0) == "SUBMITTED"
    assert service.status(job_id, now=8.1) == "IN_PROGRESS"


def test_an_ended_job_is_forgotten_after_the_retention(ask: Ask) -> None:
    """With a retention, a job that ended long ago is not found any more; an active one always is."""
    service = ask(retention_s=100.0, submitted_s=0.0, overhead_s=10.0)
    job_id = service.start(now=0.0)
    service.run(20.0)
    active = service.start(now=20.0)

    assert service.status(job_id, now=119.0) == "COMPLETED"
    with pytest.raises(ServiceError, match="JobNotFound"):
        service.describe(job_id, now=121.0)
    assert service.status(active, now=9_999.0) == "SUBMITTED"
