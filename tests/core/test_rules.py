"""What cannot work is refused before anything is sent, and named where it was written."""

from typing import Any

import pytest

from fleet.aws.model import start_shapes
from fleet.core.kinds import KINDS
from fleet.core.manifest import Entry
from fleet.core.request import PROBLEMS_MAX, Defaults, Target, build
from fleet.core.shapes import place

SHAPES = start_shapes()
ROLE = "arn:aws:iam::123456789012:role/comprehend"
MAIN = Target(name="main", region="us-east-1", data_access_role_arn=ROLE, output="s3://corpus-out/results/")
ENGLISH = Defaults(language="en")
RECOGNIZER = "arn:aws:comprehend:us-east-1:123456789012:entity-recognizer/clauses/version/v-1"
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def wrong(
    kind: str = "entities", *, defaults: Defaults = ENGLISH, target: Target = MAIN, **fields: Any
) -> dict[str, str]:
    """The problems of a request that must be bad: place -> reason."""
    entry = Entry(line=1, prefix="s3://corpus-in/a/", **fields)
    problems = build(entry, KINDS[kind], defaults=defaults, target=target, shapes=SHAPES)
    assert isinstance(problems, list), problems
    assert all(problem.reason.isprintable() for problem in problems)
    return {place(problem.path): problem.reason for problem in problems}


@pytest.mark.parametrize(
    ("kind", "fields", "where", "says"),
    [
        # fleet's own members
        ("entities", {"request": {"JobName": "mine"}}, "request.JobName", "fleet's own"),
        ("entities", {"request": {"ClientRequestToken": "t"}}, "request.ClientRequestToken", "fleet's own"),
        (
            "entities",
            {"request": {"entities": {"DataAccessRoleArn": ROLE}}},
            "request.entities.DataAccessRoleArn",
            "the target's data_access_role_arn",
        ),
        (
            "entities",
            {"request": {"InputDataConfig": {"S3Uri": "s3://bbb/"}}},
            "request.InputDataConfig.S3Uri",
            "the line's prefix",
        ),
        # members of other kinds, and of none
        ("pii_entities", {"request": {"VolumeKmsKeyId": KEY_ARN}}, "request.VolumeKmsKeyId", "(request.entities, "),
        ("sentiment", {"request": {"EntityRecognizerArn": RECOGNIZER}}, "request.EntityRecognizerArn", "of sentiment"),
        (
            "sentiment",
            {"request": {"sentiment": {"FlywheelArn": "arn"}}},
            "request.sentiment.FlywheelArn",
            "is not a member of sentiment, only of entities",
        ),
        ("entities", {"request": {"Tag": []}}, "request.Tag", "did you mean 'Tags'?"),
        ("entities", {"request": {"Entities": {}}}, "request.Entities", "did you mean 'entities'?"),
        ("entities", {"request": {"entities": "all"}}, "request.entities", "must be an object"),
        ("entities", {"request": {"InputDataConfig": "x"}}, "request.InputDataConfig", "must be an object, not 'x'"),
        ("entities", {"request": {"\x1b[0m": 1}}, "request.'\\x1b[0m'", "is unknown"),
        # languages
        ("pii_entities", {"language": "fr"}, "language", "'fr' is not supported, only en, es"),
        ("targeted_sentiment", {"request": {"LanguageCode": "es"}}, "request.LanguageCode", "only en"),
        ("entities", {"language": "EN"}, "language", "'EN' is not supported"),
        # fields that contradict the request of the same line
        ("entities", {"language": "de", "request": {"LanguageCode": "fr"}}, "language", "contradicts request.Language"),
        (
            "entities",
            {"output": "s3://aaa/", "request": {"OutputDataConfig": {"S3Uri": "s3://bbb/"}}},
            "output",
            "contradicts request.OutputDataConfig.S3Uri 's3://bbb/'",
        ),
        # input and output
        ("entities", {"input_format": "ONE_DOC_PER_ROW"}, "input_format", "did you mean"),
        ("entities", {"output": "corpus-out"}, "output", "is not an S3 URI"),
        ("entities", {"output": "s3://corpus..out/"}, "output", "two dots"),
        (
            "entities",
            {
                "input_format": "ONE_DOC_PER_LINE",
                "request": {
                    "InputDataConfig": {"DocumentReaderConfig": {"DocumentReadAction": "TEXTRACT_DETECT_DOCUMENT_TEXT"}}
                },
            },
            "request.InputDataConfig.DocumentReaderConfig",
            "cannot be ONE_DOC_PER_LINE",
        ),
        (
            "entities",
            {
                "request": {
                    "InputDataConfig": {"DocumentReaderConfig": {"DocumentReadAction": "TEXTRACT_ANALYZE_DOCUMENT"}}
                }
            },
            "request.InputDataConfig.DocumentReaderConfig.FeatureTypes",
            "needs TABLES, FORMS or both",
        ),
        # redaction
        (
            "pii_entities",
            {"request": {"pii_entities": {"Mode": "ONLY_REDACTION"}}},
            "request.pii_entities.RedactionConfig",
            "needs a RedactionConfig with PiiEntityTypes",
        ),
        (
            "pii_entities",
            {"request": {"pii_entities": {"Mode": "ONLY_REDACTION", "RedactionConfig": {"MaskMode": "MASK"}}}},
            "request.pii_entities.RedactionConfig.PiiEntityTypes",
            "at least one type",
        ),
        (
            "pii_entities",
            {"request": {"pii_entities": {"RedactionConfig": {"PiiEntityTypes": ["SSM"]}}}},
            "request.pii_entities.RedactionConfig.PiiEntityTypes[0]",
            "did you mean 'SSN'?",
        ),
        # tags
        ("entities", {"request": {"Tags": [{"Key": str(i)} for i in range(51)]}}, "request.Tags", "at most 50 tags"),
        ("entities", {"request": {"Tags": [{"Key": "AWS:x"}]}}, "request.Tags[0].Key", "AWS's own"),
        ("entities", {"request": {"Tags": [{"Key": "a"}, {"Key": "a"}]}}, "request.Tags[1].Key", "given twice"),
        ("entities", {"request": {"Tags": [{"Value": "a"}]}}, "request.Tags[0].Key", "is required"),
        ("entities", {"request": {"Tags": None}}, "request.Tags", "is null"),
        # encryption and network
        ("entities", {"request": {"VolumeKmsKeyId": "alias/mine"}}, "request.VolumeKmsKeyId", "(no alias)"),
        (
            "entities",
            {"request": {"OutputDataConfig": {"KmsKeyId": "my key"}}},
            "request.OutputDataConfig.KmsKeyId",
            "is no KMS key",
        ),
        ("entities", {"request": {"VpcConfig": {"Subnets": ["s"]}}}, "request.VpcConfig.SecurityGroupIds", "required"),
    ],
)
def test_what_cannot_work_is_named_where_it_was_written(
    kind: str, fields: dict[str, Any], where: str, says: str
) -> None:
    """One mistake in a line is one problem, at the field or member that the person wrote."""
    found = wrong(kind, **fields)

    assert list(found) == [where]
    assert says in found[where]


@pytest.mark.parametrize(
    ("defaults", "where", "says"),
    [
        (Defaults(), "language", "no language: give one in the line or in [defaults]"),
        (Defaults(language="xx"), "defaults.language", "'xx' is not supported"),
        (Defaults(language="en", input_format="LINES"), "defaults.input_format", "'LINES' is not allowed"),
        (Defaults(language="en", request={"Tags": [{}]}), "defaults.request.Tags[0].Key", "is required"),
        (
            Defaults(language="en", request={"entities": {"VpcConfig": {"Subnet": ["s"]}}}),
            "defaults.request.entities.VpcConfig.Subnet",
            "did you mean 'Subnets'?",
        ),
        (Defaults(language="en", request={"LanguageCode": "de"}), "defaults.language", "contradicts defaults.request."),
    ],
)
def test_mistakes_of_the_defaults_are_named_there(defaults: Defaults, where: str, says: str) -> None:
    """A line is not blamed for what the configuration says."""
    assert says in wrong(defaults=defaults)[where]


@pytest.mark.parametrize(
    ("region", "role", "says"),
    [
        ("us-east-1", "arn:aws:iam::123456789012:user/comprehend", "is no role's ARN"),
        ("us-east-1", "arn:aws:iam::12345:role/comprehend", "is no role's ARN"),
        ("us-east-1", "arn:aws-cn:iam::123456789012:role/comprehend", "us-east-1 is in aws"),
        ("us-gov-west-1", ROLE, "us-gov-west-1 is in aws-us-gov"),
        ("us-east-1", ROLE + "x" * 2048, "at most 2048"),
    ],
)
def test_a_role_that_cannot_work_is_the_targets_problem(region: str, role: str, says: str) -> None:
    """A role of the wrong form or partition is named at the target that gives it."""
    target = Target(name="main", region=region, data_access_role_arn=role, output="s3://corpus-out/")

    assert says in wrong(target=target)["targets.main.data_access_role_arn"]


def test_a_bad_output_of_a_target_is_the_targets_problem() -> None:
    """The output that is wrong is named where it stands."""
    target = Target(name="main", region="us-east-1", data_access_role_arn=ROLE, output="out")

    assert list(wrong(target=target)) == ["targets.main.output"]


def test_all_problems_are_told_at_once_but_not_a_thousand() -> None:
    """Several mistakes are all named; a flood of the same one is cut."""
    several = wrong(language="xx", input_format="x", request={"Tags": [{"Key": "aws:a"}], "JobName": "n"})
    flood = wrong(request={"Tags": [{"Key": "a", "Value": None}] * 50})

    assert set(several) == {"language", "input_format", "request.Tags[0].Key", "request.JobName"}
    assert len(flood) == PROBLEMS_MAX
    assert flood["request"] == "and more"
