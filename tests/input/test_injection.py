"""What strangers write never acts: no terminal, no spreadsheet, no page and no log obeys it."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from fleet.core.job import Event, Verdict
from fleet.core.manifest import Entry
from fleet.ledger import Ledger
from tests.input.command import Said, run
from tests.input.rows_config import WHOLE
from tests.input.targets import planner

EVIL = "\x1b[2J\x1b]0;owned\x07\r\u202e\u2028=1+1\x9b31m"
LABELS = ['=HYPERLINK("http://evil")', "+1", "-1", "@SUM(A1)", "\u200b=1", "a|b`<script>alert(1)</script>"]
COMMANDS = [
    ("plan", "m.jsonl"),
    ("plan", "m.jsonl", "--verbose"),
    ("plan", "m.jsonl", "--json"),
    ("plan", "m.jsonl", "--strict"),
    ("status",),
    ("status", "--json"),
    ("jobs",),
    ("jobs", "--json"),
    ("jobs", "--failed-like", EVIL),
    ("explain", "s3://corpus-in/0/"),
    ("explain", EVIL),
    ("report",),
    ("report", "--csv"),
    ("report", "--json"),
    ("report", "--markdown"),
    ("report", EVIL),
    ("plan", EVIL),
    ("jobs", "--kind", EVIL),
    ("jobs", "--manifest", EVIL),
    ("retry", EVIL),
    ("run", EVIL),
    (EVIL,),
    ("config", "check", "--config", EVIL),
]


@pytest.fixture
async def place(tmp_path: Path) -> Path:
    """A ledger in which reasons, labels, outputs and manifest names are hostile, and a hostile manifest beside it."""
    (tmp_path / "fleet.toml").write_text(WHOLE)
    hostile = [{"prefix": EVIL}, {EVIL: EVIL}, {"prefix": "s3://corpus-in/a/", "kinds": [EVIL], "language": EVIL}]
    hostile += [{"prefix": "s3://corpus-in/b/", "request": {EVIL: EVIL, "Tags": [{"Key": EVIL, EVIL: 1}]}}]
    (tmp_path / "m.jsonl").write_bytes(
        b"".join(json.dumps(line).encode() + b"\n" for line in hostile) + EVIL.encode() + b"\n"
    )
    async with await Ledger.open(f"sqlite:///{tmp_path}/fleet.db") as ledger:
        record = await ledger.begin_manifest(f"{EVIL}.jsonl", "digest")
        for number, label in enumerate(LABELS):
            jobs, _ = planner().plan(Entry(line=number + 1, prefix=f"s3://corpus-in/{number}/", label=label))
            await ledger.add(record.id, [(number + 1, job) for job in jobs])
            (job,) = await ledger.claim(jobs[0].lane, limit=1, holder="test")
            job = await ledger.record(job, Event.ACCEPTED, remote_id=f"{number}" * 32, submitted_at=1.0)
            if number % 2:
                await ledger.record(job, Event.DISCARDED, reason=EVIL)
                continue
            job = await ledger.record(job, Event.FINISHED, output_uri=f"s3://corpus-out/{EVIL}", ended_at=2.0)
            errors = [{"file": EVIL, "line": 1, "code": EVIL, "message": EVIL}]
            await ledger.record(
                job,
                Event.VERIFIED,
                verdict=Verdict.PARTIAL,
                documents=1,
                failed_documents=1,
                reason=EVIL,
                detail={"errors": errors},
            )
        await ledger.reject(record.id, planner().plan(Entry(line=9, prefix=EVIL))[1])
        await ledger.complete_manifest(record.id, 9)
    return tmp_path


@pytest.mark.parametrize(
    "words", COMMANDS, ids=lambda words: " ".join(words).encode("ascii", "backslashreplace").decode()
)
def test_no_command_prints_what_a_terminal_obeys(place: Path, words: tuple[str, ...]) -> None:
    """Both streams hold printable characters and line feeds alone, whatever the ledger, manifest or argument says."""
    said = run(place, *words)

    assert said.code in (0, 1, 2, 65, 78)
    assert all(line.isprintable() for line in said.out.split("\n")), ascii(said.out)
    assert all(line.isprintable() for line in said.err.split("\n")), ascii(said.err)
    assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", said.out + said.err)


def test_no_cell_of_the_csv_is_a_formula(place: Path) -> None:
    """Cells that begin as formulas do are quoted as text, every record stays on its line, and the text is all there."""
    said = run(place, "report", "--csv")

    records = list(csv.reader(io.StringIO(said.out)))
    label = records[0].index("label")
    assert [len(record) for record in records] == [len(records[0])] * (len(LABELS) + 2)
    for record in records:
        assert not any(re.match(r"[\s\u200b]*[=+\-@]", cell) for cell in record), record
    assert {record[label].lstrip("'") for record in records[1:]} >= {LABELS[0], "+1", "-1", "@SUM(A1)"}


def test_a_name_with_escapes_is_named_safely(place: Path) -> None:
    """A manifest whose name is hostile is planned, and its rejections name it without acting."""
    (place / f"{EVIL}.jsonl").write_bytes(b"nonsense\n{}\n")

    said: Said = run(place, "plan", f"{EVIL}.jsonl")

    assert said.code == 1
    assert "Rejected lines" in said.out
    assert all(line.isprintable() for line in said.out.split("\n"))
