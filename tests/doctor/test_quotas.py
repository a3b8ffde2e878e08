"""`fleet doctor --write-quotas`: the numbers of AWS in the configuration, and everything else as it was."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.core.toml_edit import with_numbers
from tests.doctor.conftest import CONFIG, Clinic

TABLE = ("targets", "main", "quotas")


def test_what_aws_grants_is_written_once(clinic: Clinic) -> None:
    """The difference is shown, the comments stay, and the next checkup finds nothing to write."""
    clinic.cloud.applied = {"L-2B8ECCAB": 25.0, "L-32ABBB12": 30.0, "L-8DD67684": 2.5, "L-7B91C94D": 2.5}
    path = clinic.directory / "fleet.toml"
    path.chmod(0o640)

    first = clinic.doctor("manifest.jsonl", "--write-quotas", "--yes")
    second = clinic.doctor("manifest.jsonl", "--write-quotas", "--yes")

    assert (first.code, second.code) == (0, 0)
    assert "+active_jobs = 25" in first.out
    assert "No quota needs to be written." in second.out
    assert tomllib.loads(path.read_text())["targets"]["main"]["quotas"] == {"active_jobs": 25, "start_per_s": 2.5}
    assert [line for line in CONFIG.splitlines() if line not in path.read_text().splitlines()] == []
    assert path.stat().st_mode & 0o777 == 0o640


def test_nothing_is_written_where_nobody_agrees(clinic: Clinic) -> None:
    """No terminal and no --yes: a usage error, and the file is as it was."""
    clinic.cloud.applied = {"L-2B8ECCAB": 5.0}

    said = clinic.doctor("--write-quotas")

    assert said.code == 2
    assert (clinic.directory / "fleet.toml").read_text() == CONFIG


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '[targets.main]\nregion = "x"\n\n[track]\n',
            '[targets.main]\nregion = "x"\n\n[targets.main.quotas]\nactive_jobs = 25\n\n[track]\n',
        ),
        (
            "[targets.main.quotas] # mine\nactive_jobs = 1_0 # ten\n# end\n",
            "[targets.main.quotas] # mine\nactive_jobs = 25 # ten\n# end\n",
        ),
        ("[targets.main]\nquotas.active_jobs=10", "[targets.main]\nquotas.active_jobs=25"),
        (
            '[ targets . "main" . quotas ]\r\nstop_per_s = 1\r\n',
            '[ targets . "main" . quotas ]\r\nstop_per_s = 1\r\nactive_jobs = 25\r\n',
        ),
        (
            'a = """\n[targets.main.quotas]\nactive_jobs = 1\n"""\n[targets.main.quotas]\n',
            'a = """\n[targets.main.quotas]\nactive_jobs = 1\n"""\n[targets.main.quotas]\nactive_jobs = 25\n',
        ),
        (
            "[targets.main]\nx = [\n 1, # one\n]",
            "[targets.main]\nx = [\n 1, # one\n]\n\n[targets.main.quotas]\nactive_jobs = 25\n",
        ),
    ],
)
def test_an_edit_changes_one_number_and_nothing_else(before: str, after: str) -> None:
    """Headers, comments, spaces, line ends, and text that only looks like a table."""
    assert with_numbers(before, TABLE, {"active_jobs": 25.0}) == after


@pytest.mark.parametrize(
    "text",
    ["[targets.main]\nquotas = { active_jobs = 10 }\n", "[targets]\nmain = 5\n", "targets = []\n", "[[targets]]\n"],
)
def test_what_cannot_be_edited_safely_is_refused(text: str) -> None:
    """Inline tables and other shapes: the person is told what to write, nothing is guessed."""
    with pytest.raises(ValueError, match=r"by hand|is no table"):
        with_numbers(text, TABLE, {"active_jobs": 25})


_VALUES = st.sampled_from(
    ["1", '"#[x]"', "[1, 2]", "{ a = 1 }", '"""\n[targets.main.quotas]\n"""', "[\n# no\n]", "true"]
)
_LINES = st.lists(st.tuples(st.sampled_from(["", "# active_jobs = 3\n", "\n"]), _VALUES), max_size=4)


@given(
    head=_LINES, quotas=st.dictionaries(st.sampled_from(["active_jobs", "stop_per_s"]), st.integers(1, 99)), tail=_LINES
)
def test_any_file_says_afterwards_what_it_said_and_the_number(
    head: list[tuple[str, str]], quotas: dict[str, int], tail: list[tuple[str, str]]
) -> None:
    """Whatever stands around the table: the new text parses to the old tree with this one number."""
    table = "".join(f"{name} = {value}\n" for name, value in quotas.items())
    text = f"{assignments(head)}[targets.main]\n" + (f"[targets.main.quotas]\n{table}" if quotas else "")
    text += f"[track]\n{assignments(tail)}"
    wanted: dict[str, Any] = tomllib.loads(text)
    wanted["targets"]["main"].setdefault("quotas", {})["active_jobs"] = 25

    edited = with_numbers(text, TABLE, {"active_jobs": 25})

    assert tomllib.loads(edited) == wanted


def assignments(lines: list[tuple[str, str]]) -> str:
    """Lines of TOML with a comment or a blank line before each."""
    return "".join(f"{before}k{place} = {value}\n" for place, (before, value) in enumerate(lines))
