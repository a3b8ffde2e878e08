"""Reasons of many jobs, put together."""

import pytest

from fleet.core.job import State
from fleet.core.reasons import grouped, word_of


def test_reasons_that_differ_in_names_and_numbers_are_one_group() -> None:
    """Their jobs are added up, and one reason alone keeps its words."""
    groups = grouped(
        [
            (State.DISCARDED, "INTERNAL_ERROR: try again (attempt 3 of 3)", 2),
            (State.DISCARDED, "INTERNAL_ERROR: try again (attempt 3 of 3, 3 earlier not counted)", 3),
            (State.VERIFIED, "INTERNAL_ERROR: try again (attempt 3 of 3)", 1),
            (State.PENDING, "no such bucket: s3://one/x", 1),
        ]
    )

    assert [(group.state, group.jobs, group.reasons) for group in groups] == [
        (State.DISCARDED, 5, 2),
        (State.PENDING, 1, 1),
        (State.VERIFIED, 1, 1),
    ]
    assert groups[0].reason == "INTERNAL_ERROR: try again"
    assert groups[1].reason == "no such bucket: s3://one/x"


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("NO_READ_ACCESS_TO_INPUT: The provided role ...", "NO_READ_ACCESS_TO_INPUT"),
        ("2 x DOCUMENT_SIZE_EXCEEDED", "DOCUMENT_SIZE_EXCEEDED"),
        ("ThrottlingException: Rate exceeded", "ThrottlingException"),
        ("stopped by somebody else than fleet", "stopped by somebody else than fleet"),
        ("", ""),
    ],
)
def test_a_word_finds_the_group_again(reason: str, word: str) -> None:
    """It is part of the reason, so a search for it finds the job."""
    assert word_of(reason) == word
    assert word in reason
