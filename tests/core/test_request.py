"""An entry and the defaults become a Start request: who wins, and what arrives."""

from typing import Any

import pytest

from fleet.aws.model import start_shapes
from fleet.core.errors import InvalidInput
from fleet.core.kinds import KINDS
from fleet.core.manifest import Entry
from fleet.core.request import Defaults, Target, build

SHAPES = start_shapes()
ROLE = "arn:aws:iam::123456789012:role/comprehend"
MAIN = Target(name="main", region="us-east-1", data_access_role_arn=ROLE, output="s3://corpus-out/results/")
ENGLISH = Defaults(language="en")
RECOGNIZER = "arn:aws:comprehend:us-east-1:123456789012:entity-recognizer/clauses/version/v-1"
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def built(
    kind: str = "entities", *, defaults: Defaults = ENGLISH, target: Target = MAIN, **fields: Any
) -> dict[str, Any]:
    """The template of a request that must be good."""
    entry = Entry(line=1, prefix="s3://corpus-in/a/", **fields)
    template = build(entry, KINDS[kind], defaults=defaults, target=target, shapes=SHAPES)
    assert isinstance(template, dict), template
    return template


def under_sentiment(language: str | None) -> dict[str, Any]:
    return {"sentiment": {"LanguageCode": language}} if language else {}


def test_a_plain_entry_takes_everything_from_defaults_and_target() -> None:
    """A line with a prefix alone is a whole request, without what fleet adds for each attempt."""
    defaults = Defaults(language="en", input_format="ONE_DOC_PER_LINE", request={"Tags": [{"Key": "a"}]})

    assert built("sentiment", defaults=defaults) == {
        "DataAccessRoleArn": ROLE,
        "InputDataConfig": {"InputFormat": "ONE_DOC_PER_LINE"},
        "LanguageCode": "en",
        "OutputDataConfig": {"S3Uri": "s3://corpus-out/results/"},
        "Tags": [{"Key": "a"}],
    }


def test_nothing_is_sent_that_nobody_said() -> None:
    """Where no input settings are given, none are made up."""
    assert "InputDataConfig" not in built("sentiment")


def test_pii_looks_for_offsets_where_nothing_is_said() -> None:
    """Mode is ONLY_OFFSETS by default, and both defaults and line can say otherwise."""
    redaction = {"Mode": "ONLY_REDACTION", "RedactionConfig": {"PiiEntityTypes": ["ALL"]}}

    assert built("pii_entities")["Mode"] == "ONLY_OFFSETS"
    assert built("pii_entities", request={"pii_entities": redaction})["Mode"] == "ONLY_REDACTION"
    assert "Mode" not in built("entities")


@pytest.mark.parametrize("depth", range(1, 5))
def test_the_nearer_setting_wins(depth: int) -> None:
    """From [defaults] over its kind to the line and the line's kind: the last one that speaks is heard."""
    default, default_kind, line, line_kind = (*["de", "fr", "it", "pt"][:depth], None, None, None)[:4]
    defaults = Defaults(language=default, request=under_sentiment(default_kind))

    by_field = built("sentiment", defaults=defaults, language=line, request=under_sentiment(line_kind))
    by_request = built(
        "sentiment",
        defaults=Defaults(request=({"LanguageCode": default} if default else {}) | under_sentiment(default_kind)),
        request=({"LanguageCode": line} if line else {}) | under_sentiment(line_kind),
    )

    assert by_field["LanguageCode"] == by_request["LanguageCode"] == ["de", "fr", "it", "pt"][depth - 1]


def test_objects_merge_and_lists_replace() -> None:
    """A line adds to an object of the defaults, and replaces a list whole."""
    defaults = Defaults(
        language="en",
        request={"OutputDataConfig": {"KmsKeyId": KEY_ARN}, "Tags": [{"Key": "a"}, {"Key": "b"}]},
    )

    template = built(defaults=defaults, output="s3://corpus-out/other/", request={"Tags": [{"Key": "c"}]})

    assert template["OutputDataConfig"] == {"KmsKeyId": KEY_ARN, "S3Uri": "s3://corpus-out/other/"}
    assert template["Tags"] == [{"Key": "c"}]


def test_building_changes_neither_entry_nor_defaults() -> None:
    """Templates share nothing that a later merge could change."""
    defaults = Defaults(language="en", request={"VpcConfig": {"Subnets": ["s"], "SecurityGroupIds": ["g"]}})
    request = {"VpcConfig": {"Subnets": ["t"]}, "entities": {"InputDataConfig": {"InputFormat": "ONE_DOC_PER_FILE"}}}

    template = built(defaults=defaults, request=request)

    assert template["VpcConfig"] == {"Subnets": ["t"], "SecurityGroupIds": ["g"]}
    assert defaults.request == {"VpcConfig": {"Subnets": ["s"], "SecurityGroupIds": ["g"]}}
    assert request["entities"] == {"InputDataConfig": {"InputFormat": "ONE_DOC_PER_FILE"}}


def test_settings_of_another_kind_do_not_matter() -> None:
    """What stands under a kind's name is for that kind alone."""
    assert "EntityRecognizerArn" not in built("sentiment", request={"entities": {"EntityRecognizerArn": RECOGNIZER}})


def test_a_role_of_the_regions_partition_is_fine() -> None:
    """GovCloud roles work in GovCloud."""
    role = "arn:aws-us-gov:iam::123456789012:role/comprehend"
    target = Target(name="gov", region="us-gov-west-1", data_access_role_arn=role, output="s3://corpus-out/")

    assert built(target=target)["DataAccessRoleArn"] == role
    assert target.account == "123456789012"


def test_an_account_is_read_from_a_role_only() -> None:
    """No account is made up from something that is no role."""
    target = Target(name="main", region="us-east-1", data_access_role_arn="nonsense", output="s3://corpus-out/")

    with pytest.raises(InvalidInput, match=r"targets\.main\.data_access_role_arn"):
        _ = target.account


INPUT = {"InputDataConfig": {"InputFormat": "ONE_DOC_PER_FILE"}, "LanguageCode": "en"}
VPC = {"SecurityGroupIds": ["sg-03b388029b0a285ea"], "Subnets": ["subnet-04ccf456919e69055"]}
OUTPUT = {"KmsKeyId": KEY_ARN, "S3Uri": "s3://corpus-out/seed/"}


@pytest.mark.parametrize(
    ("kind", "seed"),
    [
        ("targeted_sentiment", {**INPUT, "OutputDataConfig": {"S3Uri": "s3://output-bucket/output path"}}),
        ("sentiment", {**INPUT, "OutputDataConfig": OUTPUT, "VolumeKmsKeyId": KEY_ARN, "VpcConfig": VPC}),
        ("key_phrases", {**INPUT, "OutputDataConfig": {"S3Uri": "s3://corpus-out/seed/"}}),
        (
            "pii_entities",
            {
                "InputDataConfig": {"InputFormat": "ONE_DOC_PER_LINE"},
                "OutputDataConfig": {"S3Uri": "s3://output-bucket/output path"},
                "LanguageCode": "en",
                "Mode": "ONLY_OFFSETS",
            },
        ),
        (
            "entities",
            {
                **INPUT,
                "EntityRecognizerArn": RECOGNIZER,
                "OutputDataConfig": OUTPUT,
                "VolumeKmsKeyId": KEY_ARN,
                "VpcConfig": VPC,
            },
        ),
    ],
)
def test_the_request_syntax_of_the_api_pages_is_taken(kind: str, seed: dict[str, Any]) -> None:
    """Everything in the API pages' request syntax but fleet's own members can be given, and arrives unchanged."""
    assert built(kind, defaults=Defaults(), request={kind: seed}) == {**seed, "DataAccessRoleArn": ROLE}
