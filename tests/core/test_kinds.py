"""The catalogue of kinds, held against the service model: a row that is wrong would be wrong everywhere."""

import pytest
from botocore import xform_name
from botocore.loaders import create_loader

from fleet.core.kinds import KINDS, Kind, method

MODEL = create_loader().load_service_model("comprehend", "service-2")

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def output_members(operation: str) -> dict[str, dict[str, str]]:
    members: dict[str, dict[str, str]] = MODEL["shapes"][MODEL["operations"][operation]["output"]["shape"]]["members"]
    return members


def test_there_are_five_kinds() -> None:
    """The names of the five kinds are a contract with users."""
    assert list(KINDS) == ["entities", "key_phrases", "pii_entities", "sentiment", "targeted_sentiment"]
    assert all(name == kind.name for name, kind in KINDS.items())


@kinds
def test_its_operations_exist(kind: Kind) -> None:
    """Each operation is in the service model, under the client method that `method` names."""
    for operation in (kind.start, kind.describe, kind.list, kind.stop):
        assert operation in MODEL["operations"]
        assert method(operation) == xform_name(operation)


@kinds
def test_its_answers_have_the_members_that_it_names(kind: Kind) -> None:
    """Describe and List answer in the members that the row names."""
    assert kind.properties in output_members(kind.describe)
    assert kind.properties_list in output_members(kind.list)


@kinds
def test_its_languages_are_languages(kind: Kind) -> None:
    """No kind claims a language that the service does not have."""
    assert kind.languages
    assert kind.languages <= set(MODEL["shapes"]["LanguageCode"]["enum"])


def test_the_languages_are_those_of_the_documentation() -> None:
    """PII knows English and Spanish, targeted sentiment English, the others all twelve (facts sheet, 1.9)."""
    assert KINDS["pii_entities"].languages == {"en", "es"}
    assert KINDS["targeted_sentiment"].languages == {"en"}
    for name in ("entities", "key_phrases", "sentiment"):
        assert KINDS[name].languages == set(MODEL["shapes"]["LanguageCode"]["enum"])


def test_output_codes_are_distinct() -> None:
    """Two kinds never write results under the same name."""
    assert len({kind.output_code for kind in KINDS.values()}) == len(KINDS)
