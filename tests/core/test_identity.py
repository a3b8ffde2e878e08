"""A job's names: the same work has the same name for ever, and every attempt its own token."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.aws.model import start_shapes
from fleet.core.identity import canonical, identity, intent, job_name, key, parse_job_name, request_token
from fleet.core.job import Job
from fleet.core.kinds import KINDS
from fleet.core.lane import Lane
from fleet.core.shapes import compiled, problems

SHAPES = start_shapes()
JOB_NAME = compiled(SHAPES["JobName"].pattern or "")
REQUEST: dict[str, Any] = {
    "LanguageCode": "en",
    "DataAccessRoleArn": "arn:aws:iam::123456789012:role/comprehend",
    "OutputDataConfig": {"S3Uri": "s3://corpus-out/", "KmsKeyId": "alias/mine"},
    "InputDataConfig": {"InputFormat": "ONE_DOC_PER_LINE"},
    "Mode": "ONLY_REDACTION",
    "RedactionConfig": {"PiiEntityTypes": ["NAME", "SSN"], "MaskMode": "MASK"},
    "Tags": [{"Key": "a"}],
}

keys = st.text("0123456789abcdef", min_size=32, max_size=32)
attempts = st.integers(min_value=1, max_value=999_999_999)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def key_of(
    prefix: str = "s3://corpus-in/a/", *, generation: str = "1", kind: str = "pii_entities", **changed: Any
) -> str:
    """The key of REQUEST with some members changed; None takes a member away."""
    request = {name: value for name, value in {**REQUEST, **changed}.items() if value is not None}
    return key(identity(generation=generation, kind=kind, request=request), prefix)


@pytest.mark.parametrize(
    "changed",
    [
        {"prefix": "s3://corpus-in/a"},
        {"generation": "2"},
        {"kind": "entities"},
        {"LanguageCode": "es"},
        {"InputDataConfig": {"InputFormat": "ONE_DOC_PER_FILE"}},
        {"InputDataConfig": None},
        {
            "InputDataConfig": {
                "InputFormat": "ONE_DOC_PER_LINE",
                "DocumentReaderConfig": {"DocumentReadAction": "TEXTRACT_DETECT_DOCUMENT_TEXT"},
            }
        },
        {"EntityRecognizerArn": "arn:aws:comprehend:us-east-1:123456789012:entity-recognizer/a"},
        {"FlywheelArn": "arn:aws:comprehend:us-east-1:123456789012:flywheel/a"},
        {"Mode": "ONLY_OFFSETS"},
        {"RedactionConfig": {"PiiEntityTypes": ["NAME"], "MaskMode": "MASK"}},
        {"RedactionConfig": {"PiiEntityTypes": ["NAME", "SSN"], "MaskMode": "REPLACE_WITH_PII_ENTITY_TYPE"}},
    ],
)
def test_what_changes_the_answer_changes_the_key(changed: dict[str, Any]) -> None:
    """Every member of the identity alone makes another job."""
    assert key_of(**changed) != key_of()


@given(value=json_values)
@pytest.mark.parametrize(
    "member",
    ["DataAccessRoleArn", "OutputDataConfig", "Tags", "VolumeKmsKeyId", "VpcConfig", "JobName", "ClientRequestToken"],
)
def test_nothing_else_changes_the_key(member: str, value: object) -> None:
    """Editing role, output, tags, encryption or VPC never runs a corpus twice."""
    changed: Any = {member: value}

    assert key_of(**changed) == key_of()


def test_the_order_of_a_set_does_not_change_the_key() -> None:
    """The types to redact are a set, whatever order they are written in."""
    assert key_of(RedactionConfig={"MaskMode": "MASK", "PiiEntityTypes": ["SSN", "NAME", "SSN"]}) == key_of()


def test_keys_stay_the_same_from_release_to_release() -> None:
    """A key of today must be the key of tomorrow: a change here runs every corpus of every user again."""
    assert key_of() == "a6668cd88093c78bf3ff89bd84077b56"
    assert request_token("0" * 32, 1) == "8efa5f553d2e2da44c5efba25924695232ab78455a966df52462a9c2ee00bc92"


@given(first=st.text(), second=st.text())
def test_a_key_is_32_hex_characters_and_one_per_prefix(first: str, second: str) -> None:
    """Whatever the prefix, its key can stand in a JobName, and two prefixes never share one."""
    assert parse_job_name(job_name(key_of(first), 1)) == (key_of(first), 1)
    assert (key_of(first) == key_of(second)) == (first == second)


@given(key=keys, attempt=attempts)
def test_a_token_fits_the_service_and_its_attempt(key: str, attempt: int) -> None:
    """64 characters of the allowed alphabet, the same again for the same attempt, another for the next."""
    token = request_token(key, attempt)

    assert len(token) == 64
    assert problems(token, "ClientRequestTokenString", SHAPES) == []
    assert token == request_token(key, attempt) != request_token(key, attempt + 1)


@given(key=keys, attempt=attempts)
def test_a_job_name_leads_back_to_its_job(key: str, attempt: int) -> None:
    """What List answers can be given to the job that it belongs to, and the service takes the name."""
    name = job_name(key, attempt)

    assert parse_job_name(name) == (key, attempt)
    assert problems(name, "JobName", SHAPES) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "fleet",
        f"fleet-{'a' * 32}",
        f"fleet-{'a' * 32}-0",
        f"fleet-{'a' * 32}-01",
        f"fleet-{'a' * 32}-1\n",
        f"fleet-{'a' * 32}-{'9' * 10}",
        f"fleet-{'A' * 32}-1",
        f"fleet-{'a' * 31}-1",
        f"my-fleet-{'a' * 32}-1",
        f"fleet-{'a' * 32}-٣",
    ],
)
def test_other_names_are_not_ours(name: str) -> None:
    """A job of another program is never taken for one of ours."""
    assert parse_job_name(name) is None


@given(value=json_values)
def test_canonical_json_has_one_form(value: object) -> None:
    """ASCII on one line, that reads back as the same value and is written the same again."""
    text = canonical(value)

    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text


@given(value=st.dictionaries(st.text(), json_values, max_size=5), order=st.randoms())
def test_canonical_json_does_not_know_the_order_of_members(value: dict[str, Any], order: Any) -> None:
    """Shuffling an object's members changes nothing."""
    members = list(value.items())
    order.shuffle(members)

    assert canonical(dict(members)) == canonical(value)


def test_canonical_json_has_no_nan() -> None:
    """What JSON does not have is an error, not a surprise for the service."""
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_intent_is_the_whole_request(kind: Any) -> None:
    """The template plus prefix, token and JobName is a request that the service's model takes, byte for byte stable."""
    template = {name: value for name, value in REQUEST.items() if name in SHAPES.members(kind.start)}
    job = Job(
        id=1,
        key=key_of(),
        lane=Lane("123456789012", "us-east-1", kind.name),
        target="main",
        prefix="s3://corpus-in/a/",
        attempt=3,
        request=canonical(template),
    )

    sent = json.loads(intent(job))

    assert problems(sent, SHAPES.inputs[kind.start], SHAPES) == []
    assert sent["InputDataConfig"] == {"InputFormat": "ONE_DOC_PER_LINE", "S3Uri": "s3://corpus-in/a/"}
    assert (sent["JobName"], sent["ClientRequestToken"]) == (job_name(job.key, 3), request_token(job.key, 3))
    assert intent(job) == canonical(sent)


def test_an_intent_needs_no_input_settings() -> None:
    """A template without InputDataConfig gets one that holds the prefix alone."""
    job = Job(
        id=1, key="a" * 32, lane=Lane("1", "r", "entities"), target="main", prefix="s3://corpus-in/a/", request="{}"
    )

    assert json.loads(intent(job))["InputDataConfig"] == {"S3Uri": "s3://corpus-in/a/"}


def test_the_job_name_pattern_is_the_models() -> None:
    """JobName takes at most 256 characters of this pattern; ours has at most 48."""
    assert JOB_NAME.fullmatch(job_name("f" * 32, 999_999_999))
    assert len(job_name("f" * 32, 999_999_999)) <= (SHAPES["JobName"].max or 0)
