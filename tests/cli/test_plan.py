"""`fleet plan`: what would be done, and what may not be what was meant."""

import json
from pathlib import Path
from typing import Any

import pytest

from fleet.core.job import Job
from tests.cli.conftest import Fleet


def manifest(directory: Path, *lines: dict[str, Any]) -> str:
    (directory / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return "m.jsonl"


def test_inputs_within_inputs_doubles_and_loops_are_told(fleet: Fleet, tmp_path: Path) -> None:
    """`p1` also reads `p10/`; the same job twice is one; an input may read what another job writes."""
    name = manifest(
        tmp_path,
        {"prefix": "s3://corpus-in/p1"},
        {"prefix": "s3://corpus-in/p10/"},
        {"prefix": "s3://corpus-in/p10/"},
        {"prefix": "s3://corpus-out/res", "output": "s3://elsewhere/"},
    )

    data, text = fleet("plan", name, "--json").json, fleet("plan", name).out

    assert data["overlapping"] == [{"kind": "entities", "outer": "s3://corpus-in/p1", "inner": "s3://corpus-in/p10/"}]
    assert (data["new"], data["duplicates"]) == (3, 1)
    assert data["feeding_back"] == [{"prefix": "s3://corpus-out/res", "output": "s3://corpus-out/results/"}]
    assert "s3://corpus-in/p1 also reads s3://corpus-in/p10/" in text
    assert "fleet run m.jsonl" in text


def test_money_is_never_invented(fleet: Fleet, tmp_path: Path) -> None:
    """Without sizes there is no cost; every price has a source and a date, and kinds without one have none."""
    name = manifest(tmp_path, {"prefix": "s3://corpus-in/a/", "kinds": ["pii_entities"]})

    data, text = fleet("plan", name, "--json").json, fleet("plan", name).out

    assert (data["cost"]["units"], data["cost"]["unmeasured"]) == (0, 1)
    assert "sizes of the inputs are not known" in text
    assert data["prices"]["source"].startswith("https://")
    assert "pii_entities" not in data["prices"]["per_unit"]


@pytest.mark.usefixtures("ledger")
def test_the_plan_is_a_difference_to_the_ledger(fleet: Fleet, ledger: list[Job], tmp_path: Path) -> None:
    """Nothing of a plan is written: the ledger and its directory are as before."""
    before = sorted(path.name for path in tmp_path.iterdir())
    name = manifest(tmp_path, {"prefix": "s3://corpus-in/new/"})

    said = fleet("plan", name, "--quiet")

    assert said.out == "Plan: 1 job to start, 0 rejections, from 1 manifest line.\n"
    assert {path.name for path in tmp_path.iterdir()} - {"fleet.db-wal", "fleet.db-shm"} == {*before, "m.jsonl"}
