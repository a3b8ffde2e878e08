"""Commands that look: status, jobs, explain, report."""

import csv
import io
import json

import pytest

from fleet.core.job import Job
from tests.cli.conftest import Fleet, key

pytestmark = pytest.mark.usefixtures("ledger")


def printable(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def test_status_tells_progress_slots_and_grouped_reasons(fleet: Fleet) -> None:
    """Counts, the lanes' slots, why jobs failed with the command that does them again; as JSON the same."""
    told = fleet("status")
    data = fleet("status", "--json").json

    assert told.code == 0
    assert "Nothing is running. 6 of 8 jobs done (75 %)." in told.out
    assert "0/10" in told.out
    assert "fleet retry --reason NO_READ_ACCESS_TO_INPUT" in told.out
    assert "fleet run corpus.jsonl" in told.out
    assert (data["jobs"], data["states"]["discarded"], data["running"]) == (8, 2, None)
    assert [group["jobs"] for group in data["reason_groups"]] == [2, 2]


def test_nothing_that_a_stranger_wrote_reaches_the_screen(fleet: Fleet) -> None:
    """A reason with escapes, a carriage return and a direction override is shown as text by every command."""
    for words in (["status"], ["jobs"], ["explain", key(4)], ["report"], ["report", "--csv"], ["report", "--markdown"]):
        said = fleet(*words)

        assert said.code == 0
        assert printable(said.out), words
        assert "\\x1b[31mred" in said.out or "\\\\x1b" in said.out or words == ["jobs"] or "x1b" in said.out


def test_jobs_are_filtered_sorted_and_paged(fleet: Fleet) -> None:
    """All conditions hold together; a page ends with the command for the next one; JSON is one object a line."""
    discarded = fleet("jobs", "--state", "discarded", "--kind", "entities", "--json")
    like = fleet("jobs", "--failed-like", "size_exceeded", "--json")
    first = fleet("jobs", "--sort", "prefix", "--limit", "3", "--json")
    second = fleet("jobs", "--sort", "prefix", "--limit", "5", "--after", key(2)[:8], "--json")
    table = fleet("jobs", "--limit", "3", "--verdict", "partial", "--verdict", "complete")

    assert [json.loads(line)["key"] for line in discarded.out.splitlines()] == [key(4)]
    assert [json.loads(line)["key"] for line in like.out.splitlines()] == [key(2), key(3)]
    assert [json.loads(line)["key"] for line in first.out.splitlines()] == [key(0), key(1), key(2)]
    assert [json.loads(line)["key"] for line in second.out.splitlines()] == [key(n) for n in (3, 4, 5, 6, 7)]
    assert "--after 0202020202" in table.err


@pytest.mark.parametrize("name", [key(2), key(2)[:3], "2" * 32, "s3://corpus-in/2/", "s3://corpus-in/2"])
def test_a_job_is_found_by_each_of_its_names(fleet: Fleet, name: str) -> None:
    """Its key, the beginning of it, its AWS JobId, and its prefix with or without the slash."""
    said = fleet("explain", name, "--json")

    assert said.json["key"] == key(2)
    assert [event["event"] for event in said.json["events"]] == ["claimed", "accepted", "finished", "verified"]


def test_explain_tells_the_story_and_what_can_be_done(fleet: Fleet, ledger: list[Job]) -> None:
    """Timeline, AWS's name, the documents that failed, and commands to copy."""
    said = fleet("explain", key(2))

    assert "accepted   JobId 22222222222222222222222222222222" in said.out
    assert "1 x DOCUMENT_SIZE_EXCEEDED: a.txt line 3" in said.out
    assert f"fleet retry {key(2)[:12]}" in said.out
    assert f"aws comprehend describe-entities-detection-job --job-id {'2' * 32} --region us-east-1" in said.out


def test_an_ambiguous_or_unknown_job_says_what_to_do(fleet: Fleet) -> None:
    """The beginning of several keys names them; what is not there says how to find it. Exit code 65."""
    ambiguous, unknown = fleet("explain", "0"), fleet("explain", "ff")

    assert (ambiguous.code, unknown.code) == (65, 65)
    assert "8 keys begin so" in ambiguous.err
    assert "fleet jobs lists them" in unknown.err


def test_report_has_every_line_in_order_in_every_form(fleet: Fleet) -> None:
    """Jobs and rejections by line; CSV cells are no formulas; every form has as many rows."""
    lines = [json.loads(line) for line in fleet("report", "--json").out.splitlines()]
    rows = list(csv.DictReader(io.StringIO(fleet("report", "corpus.jsonl", "--csv").out)))
    markdown = fleet("report", "--markdown").out.splitlines()

    assert [line["line"] for line in lines] == [1, 2, 3, 4, 5, 5, 6, 7, 8]
    assert [line["outcome"] for line in lines].count("rejected") == 1
    assert [row["outcome"] for row in rows] == [line["outcome"] for line in lines]
    assert {row["label"] for row in rows} == {"'=cmd()", ""}
    assert len(markdown) == len(lines) + 2
    assert fleet("report", "other.jsonl").code == 65
    assert fleet("report", "--csv", "--json").code == 2
