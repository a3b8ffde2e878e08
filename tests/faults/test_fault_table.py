"""The table of faults: whole, true to the tests that there are, and as README.md shows it."""

import re

import pytest

from tests.faults.table import FAULTS, README, Row, exists, faults, markdown, promises

ROWS = [*promises(), *faults()]
each = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def test_every_fault_and_promise_is_there_once_and_in_order() -> None:
    """1 to 66, and P1 to P12."""
    assert [row.name for row in faults()] == [str(number) for number in range(1, FAULTS + 1)]
    assert [row.name for row in promises()] == [f"P{number}" for number in range(1, 13)]


@each
def test_a_row_has_its_tests_or_says_why_not(row: Row) -> None:
    """A function of that name is in that file; without any test there is a reason."""
    assert row.tests or row.reason
    assert [test for test in row.tests if not exists(test)] == []
    assert len(set(row.tests)) == len(row.tests)


def test_a_test_that_is_gone_would_be_missed() -> None:
    """Another name, another file, or no name at all."""
    known = "tests/faults/test_fault_table.py::test_a_test_that_is_gone_would_be_missed"

    assert exists(known)
    assert not exists(f"{known}_too")
    assert not exists(known.replace("fault_table", "faults_table"))
    assert not exists(known.partition("::")[0])


def test_the_readme_is_up_to_date() -> None:
    """`python -m tests.faults.table` would change nothing."""
    assert README.read_text() == markdown()
    assert len(re.findall(r"^\| (?:P?\d+) \|", markdown(), re.MULTILINE)) == len(ROWS)
