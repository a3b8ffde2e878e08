"""What Start refuses: shapes of the model with their patterns, and the rules in prose."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.sandbox.errors import ServiceError
from fleet.sandbox.kinds import KINDS, Verb
from fleet.sandbox.model import Model

Ask = Callable[..., Any]

OUTPUT = {"S3Uri": "s3://corpus-out/"}
RECOGNIZER = "arn:aws:comprehend:us-east-1:123456789012:entity-recognizer/clauses"
VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
MODEL = Model()

BAD_MEMBERS = [
    ({"InputDataConfig": None}, "inputDataConfig"),
    ({"OutputDataConfig": None}, "outputDataConfig"),
    ({"DataAccessRoleArn": None}, "dataAccessRoleArn"),
    ({"LanguageCode": None}, "languageCode"),
    ({"InputDataConfig": {}}, "inputDataConfig.s3Uri"),
    ({"InputDataConfig": {"S3Uri": "http://169.254.169.254/"}}, "inputDataConfig.s3Uri"),
    ({"InputDataConfig": {"S3Uri": "s3://Upper/"}}, "inputDataConfig.s3Uri"),
    ({"InputDataConfig": {"S3Uri": "s3://ab"}}, "inputDataConfig.s3Uri"),
    ({"InputDataConfig": {"S3Uri": "s3://corpus/a\nb"}}, "inputDataConfig.s3Uri"),
    ({"InputDataConfig": {"S3Uri": "s3://corpus/" + "a" * 1024}}, "inputDataConfig.s3Uri"),
    ({"InputDataConfig": {"S3Uri": "s3://corpus/", "InputFormat": "CSV"}}, "inputDataConfig.inputFormat"),
    (
        {"InputDataConfig": {"S3Uri": "s3://corpus/", "DocumentReaderConfig": {}}},
        "inputDataConfig.documentReaderConfig.documentReadAction",
    ),
    ({"OutputDataConfig": {"S3Uri": "s3://"}}, "outputDataConfig.s3Uri"),
    ({"OutputDataConfig": {**OUTPUT, "KmsKeyId": "schlüssel"}}, "outputDataConfig.kmsKeyId"),
    ({"DataAccessRoleArn": "arn:aws:iam::123456789012:user/someone"}, "dataAccessRoleArn"),
    ({"DataAccessRoleArn": "arn:aws:iam::12345:role/short"}, "dataAccessRoleArn"),
    ({"DataAccessRoleArn": "arn:aws:iam::123456789012:role/" + "r" * 2048}, "dataAccessRoleArn"),
    ({"LanguageCode": "xx"}, "languageCode"),
    ({"JobName": ""}, "jobName"),
    ({"JobName": "n" * 257}, "jobName"),
    ({"JobName": "a;b"}, "jobName"),
    ({"JobName": "line\nbreak"}, "jobName"),
    ({"ClientRequestToken": ""}, "clientRequestToken"),
    ({"ClientRequestToken": "t" * 65}, "clientRequestToken"),
    ({"ClientRequestToken": "with space"}, "clientRequestToken"),
    ({"ClientRequestToken": "ends\n"}, "clientRequestToken"),
    ({"VpcConfig": {**VPC, "Subnets": []}}, "vpcConfig.subnets"),
    ({"VpcConfig": {**VPC, "SecurityGroupIds": ["sg"] * 6}}, "vpcConfig.securityGroupIds"),
    ({"VpcConfig": {**VPC, "Subnets": ["a b"]}}, "vpcConfig.subnets.1.member"),
    ({"VpcConfig": {"Subnets": ["subnet-1"]}}, "vpcConfig.securityGroupIds"),
    ({"EntityRecognizerArn": "arn:aws:comprehend:us-east-1:1:recognizer/x"}, "entityRecognizerArn"),
    ({"FlywheelArn": "flywheel"}, "flywheelArn"),
    ({"Tags": [{"Value": "v"}]}, "tags.1.member.key"),
    ({"Tags": [{"Key": "k" * 129}]}, "tags.1.member.key"),
    ({"Tags": [{"Key": "k", "Value": "v" * 257}]}, "tags.1.member.value"),
    ({"NumberOfTopics": 5}, "numberOfTopics"),
]


@pytest.mark.parametrize(
    ("change", "path"), BAD_MEMBERS, ids=[f"{path}-{n}" for n, (_, path) in enumerate(BAD_MEMBERS)]
)
def test_a_bad_member_is_refused_and_named(ask: Ask, change: dict[str, Any], path: str) -> None:
    """Each member that breaks its shape is a ValidationException with its path, and no job is made."""
    service = ask()

    with pytest.raises(ServiceError) as refused:
        service.start(**change)

    assert (refused.value.code, refused.value.status) == ("ValidationException", 400)
    assert f"at '{path}' failed to satisfy constraint" in refused.value.message
    assert service.service.jobs == {}
    assert service.service.log[-1].outcome == "refused"


def test_all_bad_members_are_named_at_once(ask: Ask) -> None:
    """Two mistakes, one answer that names both."""
    with pytest.raises(ServiceError, match=r"2 validation errors detected: .*languageCode.*; .*jobName"):
        ask().start(LanguageCode="xx", JobName="a;b")


def test_the_code_of_a_broken_constraint_is_a_switch(ask: Ask) -> None:
    """LIVE saw ValidationException or InvalidRequestException (facts 1.6)."""
    with pytest.raises(ServiceError) as refused:
        ask(constraint_code="InvalidRequestException").start(LanguageCode="xx")
    assert refused.value.code == "InvalidRequestException"


def test_unknown_members_may_be_ignored(ask: Ask) -> None:
    """unknown_members = ignore: the request passes."""
    assert ask(unknown_members="ignore").start(NumberOfTopics=5)


@pytest.mark.parametrize(
    "change",
    [
        {"LanguageCode": 5},
        {"InputDataConfig": "s3://corpus/"},
        {"Tags": {"Key": "a"}},
        {"JobName": True},
        {"VpcConfig": {"SecurityGroupIds": "sg", "Subnets": ["a"]}},
    ],
    ids=["number", "text for structure", "structure for list", "boolean", "text for list"],
)
def test_a_wrong_json_type_is_a_serialization_exception(ask: Ask, change: dict[str, Any]) -> None:
    """As everywhere in AWS's JSON protocol."""
    with pytest.raises(ServiceError) as refused:
        ask().start(**change)
    assert refused.value.code == "SerializationException"


def test_a_list_request_is_checked_too(ask: Ask) -> None:
    """MaxResults is 1 to 500, a status one of the six, a time a number."""
    service = ask()
    out_of_range: list[dict[str, Any]] = [{"MaxResults": 0}, {"MaxResults": 501}, {"Filter": {"JobStatus": "DONE"}}]
    mistyped: list[dict[str, Any]] = [{"MaxResults": "5"}, {"MaxResults": True}, {"Filter": {"SubmitTimeAfter": "now"}}]

    for params in out_of_range:
        with pytest.raises(ServiceError, match="ValidationException"):
            service.page(**params)
    for params in mistyped:
        with pytest.raises(ServiceError, match="SerializationException"):
            service.page(**params)


def test_null_means_absent(ask: Ask) -> None:
    """A member that is null is as good as none."""
    service = ask()
    request: dict[str, Any] = {"JobName": None, "Tags": None}

    answer = service.call(Verb.START, "entities", {**_good(), **request})

    assert service.describe(answer["JobId"])["JobName"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_request_with_every_member_is_accepted(ask: Ask, kind: str) -> None:
    """Each member of the API page's request syntax, filled, at once: nothing that AWS documents is refused."""
    full: dict[str, Any] = {
        "ClientRequestToken": "a-1" * 21,
        "DataAccessRoleArn": "arn:aws-us-gov:iam::123456789012:role/path/comprehend",
        "InputDataConfig": {
            "S3Uri": "s3://corpus.in-1/a b/ä/",
            "InputFormat": "ONE_DOC_PER_FILE",
            "DocumentReaderConfig": {
                "DocumentReadAction": "TEXTRACT_ANALYZE_DOCUMENT",
                "DocumentReadMode": "FORCE_DOCUMENT_READ_ACTION",
                "FeatureTypes": ["TABLES", "FORMS"],
            },
        },
        "JobName": "Januar 2024: Verträge/日本 @50%+",
        "OutputDataConfig": {"S3Uri": "s3://corpus-out", "KmsKeyId": "alias/results"},
        "Tags": [{"Key": "project", "Value": "migration"}],
        "VolumeKmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/1234abcd",
        "VpcConfig": VPC,
    }
    if kind == "entities":
        full |= {"EntityRecognizerArn": f"{RECOGNIZER}/version/v-1"}
        full |= {"FlywheelArn": "arn:aws:comprehend:us-east-1:123456789012:flywheel/wheel"}
    if kind == "pii_entities":
        full.pop("VolumeKmsKeyId")
        full.pop("VpcConfig")
        redaction = {"PiiEntityTypes": ["ALL"], "MaskMode": "REPLACE_WITH_PII_ENTITY_TYPE", "MaskCharacter": "#"}
        full |= {"Mode": "ONLY_REDACTION", "RedactionConfig": redaction}

    service = ask()
    shown = service.describe(service.start(kind, **full), kind)

    kept = {name: value for name, value in full.items() if name in shown and name != "OutputDataConfig"}
    assert kept == {name: value for name, value in full.items() if name in kept}
    assert shown["JobArn"].startswith("arn:aws-us-gov:comprehend:")


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("language", ["en", "es", "fr", "de", "it", "pt", "ar", "hi", "ja", "ko", "zh", "zh-TW"])
def test_languages_are_those_of_the_kind(ask: Ask, kind: str, language: str) -> None:
    """Facts 1.9: all 12 for entities, key phrases and sentiment; en and es for PII; en for targeted sentiment."""
    supported = {"pii_entities": {"en", "es"}, "targeted_sentiment": {"en"}}.get(kind)
    service = ask()

    if supported is None or language in supported:
        assert service.start(kind, LanguageCode=language)
    else:
        with pytest.raises(ServiceError, match=r"InvalidRequestException: .*not supported"):
            service.start(kind, LanguageCode=language)


@pytest.mark.parametrize("redaction", [None, {}, {"PiiEntityTypes": []}, {"MaskMode": "MASK"}])
def test_redaction_needs_the_types_to_redact(ask: Ask, redaction: dict[str, Any] | None) -> None:
    """ONLY_REDACTION without PiiEntityTypes is refused, though the model marks nothing as required (facts 4.3)."""
    with pytest.raises(ServiceError, match="InvalidRequestException: RedactionConfig"):
        ask().start("pii_entities", Mode="ONLY_REDACTION", RedactionConfig=redaction)


def test_pii_needs_a_mode(ask: Ask) -> None:
    """Mode is required, and one of two words."""
    for mode in (None, "BOTH"):
        with pytest.raises(ServiceError, match="'mode'"):
            ask().start("pii_entities", Mode=mode)


def test_fifty_tags_are_enough(ask: Ask) -> None:
    """50 pass, 51 are TooManyTagsException."""
    service = ask()
    tags = [{"Key": f"k{n}", "Value": ""} for n in range(51)]

    assert service.start(Tags=tags[:50])
    with pytest.raises(ServiceError) as refused:
        service.start(Tags=tags)
    assert (refused.value.code, refused.value.status) == ("TooManyTagsException", 400)


@pytest.mark.parametrize("tags", [[{"Key": "a"}, {"Key": "a"}], [{"Key": "aws:x"}], [{"Key": "AWS:x"}]])
def test_tags_keep_awss_general_rules(ask: Ask, tags: list[dict[str, str]]) -> None:
    """No key twice, none that begins with aws:."""
    with pytest.raises(ServiceError, match="InvalidRequestException"):
        ask().start(Tags=tags)


@pytest.mark.parametrize(
    ("switch", "member", "value", "code"),
    [
        ("unassumable_roles", "DataAccessRoleArn", "arn:aws:iam::123456789012:role/new", "InvalidRequestException"),
        ("unusable_kms_keys", "VolumeKmsKeyId", "key-9", "KmsKeyValidationException"),
        ("missing_recognizers", "EntityRecognizerArn", RECOGNIZER, "ResourceNotFoundException"),
        ("untrained_recognizers", "EntityRecognizerArn", RECOGNIZER, "ResourceUnavailableException"),
    ],
)
def test_what_aws_would_look_up_is_said_by_switches(ask: Ask, switch: str, member: str, value: str, code: str) -> None:
    """Roles, keys and recognizers that the sandbox shall treat as bad get the documented error (facts 1.6)."""
    with pytest.raises(ServiceError) as refused:
        ask(**{switch: (value,)}).start(**{member: value})
    assert (refused.value.code, refused.value.status) == (code, 400)
    assert ask().start(**{member: value})


def test_a_bad_output_key_is_found_too(ask: Ask) -> None:
    """Both keys of a request are looked at."""
    with pytest.raises(ServiceError, match="KmsKeyValidationException"):
        ask(unusable_kms_keys=("key-9",)).start(OutputDataConfig={**OUTPUT, "KmsKeyId": "key-9"})


@given(st.text(st.characters(categories=["L", "Z", "N"]), min_size=1, max_size=256))
def test_any_letter_number_or_space_may_stand_in_a_job_name(name: str) -> None:
    r"""`\p{L}`, `\p{Z}` and `\p{N}` of the model mean all of Unicode, not ASCII."""
    MODEL.check("StartEntitiesDetectionJob", {**_good(), "JobName": name})


@given(st.characters(categories=["C", "S", "P", "M"], exclude_characters="_.:/=+-%@"))
def test_no_other_character_may_stand_in_a_job_name(character: str) -> None:
    """Marks, symbols, controls and most punctuation are refused."""
    with pytest.raises(ServiceError):
        MODEL.check("StartEntitiesDetectionJob", {**_good(), "JobName": f"a{character}"})


def _good() -> dict[str, Any]:
    return {
        "InputDataConfig": {"S3Uri": "s3://corpus-in/"},
        "OutputDataConfig": OUTPUT,
        "DataAccessRoleArn": "arn:aws:iam::123456789012:role/comprehend",
        "LanguageCode": "en",
    }
