"""The service model's shapes refuse what botocore lets through, and say it in one short safe line."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.aws.model import start_shapes
from fleet.core.kinds import KINDS
from fleet.core.shapes import Problem, Shape, Shapes, compiled, place, problems
from fleet.core.text import SHOWN_CHARACTERS, nearest, shown, suggestion, unsafe

SHAPES = start_shapes()
NUMBERS = Shapes(
    inputs={},
    shapes={
        "Whole": Shape(type="integer", min=1, max=500),
        "Real": Shape(type="double", min=0, max=1),
        "Flag": Shape(type="boolean"),
        "Word": Shape(type="string", min=1, max=3),
        "Map": Shape(type="map", key="Word", value="Whole", min=1, max=2),
    },
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def reasons(value: object, shape: str, shapes: Shapes = SHAPES) -> dict[str, str]:
    return {place(problem.path): problem.reason for problem in problems(value, shape, shapes)}


def request(**members: Any) -> dict[str, Any]:
    """A Start request of kind entities with everything it needs."""
    return {
        "InputDataConfig": {"S3Uri": "s3://corpus-in/a/"},
        "OutputDataConfig": {"S3Uri": "s3://corpus-out/"},
        "DataAccessRoleArn": "arn:aws:iam::123456789012:role/comprehend",
        "LanguageCode": "en",
        **members,
    }


def test_the_model_is_whole() -> None:
    """All five Start operations and every shape they reach are there, and every type is known to the checker."""
    assert set(SHAPES.inputs) == {kind.start for kind in KINDS.values()}
    for shape in SHAPES.shapes.values():
        reached = [*(shape.members or {}).values(), shape.member, shape.key, shape.value]
        assert all(name in SHAPES.shapes for name in reached if name)
        assert shape.type in {"structure", "list", "string"}
        assert set(shape.required) <= set(shape.members or {})


def test_the_model_is_read_once() -> None:
    """Asking again costs nothing."""
    assert start_shapes() is start_shapes()


def test_a_good_request_has_no_problems() -> None:
    """What the service takes, the checker takes."""
    good = request(
        Tags=[{"Key": "project", "Value": ""}, {"Key": "Größe"}],
        VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        OutputDataConfig={"S3Uri": "s3://corpus-out", "KmsKeyId": "alias/mine"},
        JobName="an été 2024: 1/2 = ½ %@",
        ClientRequestToken="a" * 64,
    )

    assert reasons(good, "StartEntitiesDetectionJobRequest") == {}


@pytest.mark.parametrize(
    ("members", "where", "says"),
    [
        ({"LanguageCode": "xx"}, "LanguageCode", "'xx' is not allowed"),
        ({"LanguageCode": "EN"}, "LanguageCode", "did you mean 'en'?"),
        ({"LanguageCode": None}, "LanguageCode", "is null"),
        ({"LanguageCode": 5}, "LanguageCode", "must be a string, not 5"),
        ({"LanguageCode": True}, "LanguageCode", "must be a string, not True"),
        ({"VolumeKmsKeyID": "k"}, "VolumeKmsKeyID", "did you mean 'VolumeKmsKeyId'?"),
        ({"volume_kms_key_id": "k"}, "volume_kms_key_id", "did you mean 'VolumeKmsKeyId'?"),
        ({"VolumeKmsKeyId": "k" * 2049}, "VolumeKmsKeyId", "at most 2048 characters, has 2,049"),
        ({"VolumeKmsKeyId": "schlüssel"}, "VolumeKmsKeyId", "does not match"),
        ({"DataAccessRoleArn": "arn:aws:iam::1:role/x"}, "DataAccessRoleArn", "does not match"),
        ({"DataAccessRoleArn": "short"}, "DataAccessRoleArn", "at least 20 characters, has 5"),
        ({"InputDataConfig": {}}, "InputDataConfig.S3Uri", "is required"),
        ({"InputDataConfig": "s3://in/"}, "InputDataConfig", "must be an object, not 's3://in/'"),
        ({"InputDataConfig": {"S3Uri": "http://169.254.169.254/"}}, "InputDataConfig.S3Uri", "does not match s3://"),
        ({"VpcConfig": {"SecurityGroupIds": [], "Subnets": ["s"]}}, "VpcConfig.SecurityGroupIds", "at least 1"),
        ({"VpcConfig": {"SecurityGroupIds": ["s"], "Subnets": ["s"] * 17}}, "VpcConfig.Subnets", "at most 16"),
        ({"VpcConfig": {"SecurityGroupIds": ["s"], "Subnets": "s"}}, "VpcConfig.Subnets", "must be a list"),
        ({"VpcConfig": {"SecurityGroupIds": ["sg_1"], "Subnets": ["s"]}}, "VpcConfig.SecurityGroupIds[0]", "match"),
        ({"Tags": [{"Key": "a"}, {"Value": "b"}]}, "Tags[1].Key", "is required"),
        ({"Tags": [{"Key": ""}]}, "Tags[0].Key", "at least 1"),
        ({"Tags": [{"Key": "a", "Value": "b" * 257}]}, "Tags[0].Value", "at most 256 characters, has 257"),
        ({"Tags": [{"Key": "a", "Value": "\x1b[31m"}]}, "Tags[0].Value", "a control character (U+001B)"),
        ({"JobName": "an\nother"}, "JobName", "a control character"),
        ({"JobName": "emoji 🙂"}, "JobName", "does not match"),
        ({"JobName": "n" * 257}, "JobName", "at most 256"),
        ({"ClientRequestToken": "with space"}, "ClientRequestToken", "does not match"),
        ({"ClientRequestToken": "t\n"}, "ClientRequestToken", "a control character"),
        ({"EntityRecognizerArn": "arn:aws:comprehend:x:1:entity-recognizer/a"}, "EntityRecognizerArn", "not match"),
    ],
)
def test_what_the_service_would_refuse_is_named(members: dict[str, Any], where: str, says: str) -> None:
    """Each broken rule of the model is one problem at its place."""
    found = reasons(request(**members), "StartEntitiesDetectionJobRequest")

    assert list(found) == [where]
    assert says in found[where]


def test_all_problems_are_found_at_once() -> None:
    """A person mends a line once, not once per problem."""
    found = problems({"LanguageCode": "xx", "Tags": [{}, {"Key": 1}]}, "StartSentimentDetectionJobRequest", SHAPES)

    assert {place(problem.path) for problem in found} == {
        "InputDataConfig",
        "OutputDataConfig",
        "DataAccessRoleArn",
        "LanguageCode",
        "Tags[0].Key",
        "Tags[1].Key",
    }


@pytest.mark.parametrize(
    ("value", "shape", "says"),
    [
        (0, "Whole", "at least 1, not 0"),
        (501, "Whole", "at most 500, not 501"),
        (True, "Whole", "must be a whole number, not True"),
        (1.0, "Whole", "must be a whole number, not 1.0"),
        ("7", "Whole", "must be a whole number, not '7'"),
        (float("nan"), "Real", "finite"),
        (float("inf"), "Real", "finite"),
        (2, "Real", "at most 1"),
        ("false", "Flag", "must be true or false, not 'false'"),
        (0, "Flag", "must be true or false, not 0"),
        ({}, "Map", "at least 1 elements"),
        ({"a": 1, "b": 2, "c": 3}, "Map", "at most 2 elements"),
        ({"long": 1}, "Map", "at most 3 characters"),
        ({"a": "1"}, "Map", "must be a whole number"),
    ],
)
def test_numbers_flags_and_maps_are_checked_too(value: object, shape: str, says: str) -> None:
    """The checker knows the types that the five requests do not use yet; a bool is not a number."""
    assert says in "".join(problem.reason for problem in problems(value, shape, NUMBERS))


def test_every_pattern_of_the_model_is_translated() -> None:
    """No pattern is left unchecked because Python reads it differently."""
    for shape in SHAPES.shapes.values():
        if shape.pattern:
            assert compiled(shape.pattern)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"^\p{ASCII}+$", "a ~", "é"),
        (r"^([\p{L}\p{Z}\p{N}_.:/=+\-%@]*)$", "Ωж漢 ٣½Ⅷ\u3000_", "a🙂"),
        (r"\p{N}\p{L}", "5a", "a5"),
        (r"[\]\p{N}]+", "]7", "a"),
    ],
)
def test_unicode_classes_are_spelled_out(pattern: str, good: str, bad: str) -> None:
    """Letters, separators and numbers of every script match; nothing else does."""
    assert compiled(pattern).fullmatch(good)
    assert not compiled(pattern).fullmatch(bad)


def test_a_pattern_must_match_to_the_very_end() -> None:
    """`$` lets no line break through."""
    assert compiled("^[a-z]+$").fullmatch("abc")
    assert not compiled("^[a-z]+$").fullmatch("abc\n")


@given(value=json_values, kind=st.sampled_from(list(KINDS.values())))
def test_any_value_is_answered_with_safe_lines(value: object, kind: Any) -> None:
    """No value makes the checker raise, and no reason carries anything that a terminal obeys."""
    for problem in problems(value, SHAPES.inputs[kind.start], SHAPES):
        assert isinstance(problem, Problem)
        assert problem.reason.isprintable()
        assert place(problem.path).isprintable()


@given(value=json_values)
def test_shown_values_are_short_and_printable(value: object) -> None:
    """A value from a stranger is at most 60 printable characters on one line."""
    assert len(shown(value)) <= SHOWN_CHARACTERS
    assert shown(value).isprintable()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain", None),
        ("été 漢字 🙂 a\u200db", None),
        ("a\0b", "a NUL character"),
        ("a\nb", "a control character (U+000A)"),
        ("\x1b[31m", "a control character (U+001B)"),
        ("a\u2028b", "a line separator (U+2028)"),
        ("a\u202eb", "a text direction override (U+202E)"),
        ("\ud800", "half of a surrogate pair (U+D800)"),
    ],
)
def test_dangerous_characters_are_named(text: str, found: str | None) -> None:
    """What must never reach a ledger, a log or AWS is named by its kind and code point."""
    assert unsafe(text) == found


def test_the_word_that_was_meant_is_found() -> None:
    """Case, dashes and underscores do not hide it; a word like none of them gets the list."""
    assert nearest("Key-Phrases", KINDS) == "key_phrases"
    assert nearest("pii", KINDS) == "pii_entities"
    assert nearest("", KINDS) is None
    assert nearest("sentimnet", KINDS) == "sentiment"
    assert suggestion("xyz", ["a", "b"]) == "known: a, b"
    assert suggestion("xyz", [str(number) for number in range(20)]).endswith("14 and 5 more")
    assert suggestion("Entity", KINDS) == "did you mean 'entities'?"
