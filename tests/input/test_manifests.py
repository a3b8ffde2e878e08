"""Manifests as they come: from several places at once, changing, strict, and what their lines say together."""

import asyncio
import contextlib
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fleet.core.manifest import Entry, Rejection
from fleet.ledger import Ledger
from fleet.stages.ingest import Ingest, warn
from fleet.stages.inputs import EXAMPLES_MAX, Inputs
from fleet.stages.loop import SystemClock
from fleet.stages.source import read
from fleet.telemetry import Telemetry
from tests.input.command import Said, run
from tests.input.endless import Endless
from tests.input.rows_config import WHOLE
from tests.input.targets import planner

Fleet = Callable[..., Said]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a configuration."""
    (tmp_path / "fleet.toml").write_text(WHOLE)
    return tmp_path


def lines(*prefixes: str, **more: Any) -> bytes:
    return b"".join(json.dumps({"prefix": prefix, **more}).encode() + b"\n" for prefix in prefixes)


def test_manifests_come_from_everywhere_at_once(place: Path) -> None:
    """Files, a directory, standard input, gzip and CSV under any name; each file once, however often it is named."""
    (place / "a.jsonl").write_bytes(lines("s3://corpus-in/a/"))
    (place / "b").write_bytes(b"prefix\ns3://corpus-in/b/\n")
    (place / "more").mkdir()
    (place / "more" / "c.csv.gz").write_bytes(gzip.compress(b"prefix\ns3://corpus-in/c/\n"))
    (place / "more" / "d.jsonl").write_bytes(gzip.compress(lines("s3://corpus-in/d/")))
    (place / "more" / ".e.jsonl").write_bytes(b"half of it")

    said = run(place, "plan", "a.jsonl", "b", "more", "-", "a.jsonl", "--json", stdin=lines("s3://corpus-in/e/"))

    assert (said.code, said.json["new"], said.json["duplicates"], said.json["rejected"]) == (0, 5, 0, [])


def test_what_lines_say_together_is_told_by_plan(place: Path) -> None:
    """Overlapping prefixes, doubles, loops through another line's output, twins in Unicode; shared outputs are fine."""
    (place / "m.jsonl").write_bytes(
        lines("s3://corpus-in/p1", "s3://corpus-in/p10/", "s3://corpus-in/p10/", "s3://corpus-in/caf\u00e9/")
        + lines("s3://corpus-in/cafe\u0301/", "s3://other/in/", output="s3://corpus-in/out/")
        + lines("s3://corpus-in/o", output="s3://other/results/")
    )

    data, text = run(place, "plan", "m.jsonl", "--json").json, run(place, "plan", "m.jsonl").out

    assert data["overlapping"] == [{"kind": "entities", "outer": "s3://corpus-in/p1", "inner": "s3://corpus-in/p10/"}]
    assert data["duplicates"] == 1
    assert data["feeding_back"] == [{"prefix": "s3://corpus-in/o", "output": "s3://corpus-in/out/"}]
    assert data["twins"] == [["s3://corpus-in/cafe\u0301/", "s3://corpus-in/caf\u00e9/"]]
    assert data["outputs"] == {"s3://corpus-out/results/": 3, "s3://corpus-in/out/": 2, "s3://other/results/": 1}
    assert "  ! entities: s3://corpus-in/p1 also reads s3://corpus-in/p10/" in text
    assert "  ! s3://corpus-in/o reads what is written below s3://corpus-in/out/" in text
    assert "1 pair of inputs look the same and are not" in text
    assert "Asked for more than once, and done once: 1 job." in text
    assert "each job writes a folder of its own there, so none collide" in text


async def test_the_same_is_in_the_log_of_a_run() -> None:
    """Each finding is one warning with its count and examples."""
    inputs = Inputs()
    for line, prefix in enumerate(
        ("s3://corpus-in/p1", "s3://corpus-in/p10/", "s3://corpus-in/p10/", "s3://corpus-out/r")
    ):
        inputs.add(planner().plan(Entry(line=line, prefix=prefix, output="s3://corpus-out/res/"))[0])
    inputs.add(planner().plan(Entry(line=9, prefix="s3://corpus-out/r", output="s3://elsewhere/"))[0])

    with capture_logs() as logs:
        await warn(inputs)
    inputs.close()

    assert {log["event"]: log.get("inputs", log.get("jobs")) for log in logs} == {
        "manifest.duplicates": 1,
        "manifest.overlapping": 1,
        "manifest.reads_results": 1,
    }
    assert logs[1]["examples"] == ["entities: s3://corpus-in/p1 also reads s3://corpus-in/p10/"]


def test_findings_are_counted_beyond_the_examples() -> None:
    """What is kept is bounded, what is counted is not."""
    inputs = Inputs()
    for line in range(EXAMPLES_MAX + 20):
        inputs.add(planner().plan(Entry(line=line, prefix=f"s3://corpus-in/{line:05}"))[0])
    inputs.add(planner().plan(Entry(line=0, prefix="s3://corpus-in/"))[0])

    found = inputs.findings()
    inputs.close()

    assert (len(found.overlapping), found.overlapping_count) == (EXAMPLES_MAX, EXAMPLES_MAX + 20)


def test_strict_refuses_the_whole_manifest(place: Path) -> None:
    """A plan says so with 65, and counts the other manifest alone; a run adds nothing of it to the ledger."""
    (place / "bad.jsonl").write_bytes(lines("s3://corpus-in/a/", "nonsense", "s3://corpus-in/b/"))
    (place / "good.jsonl").write_bytes(lines("s3://corpus-in/c/"))

    plan = run(place, "plan", "bad.jsonl", "good.jsonl", "--strict", "--json")
    text = run(place, "plan", "bad.jsonl", "--strict")
    ran = run(place, "run", "good.jsonl", "bad.jsonl", "--strict", variables={"AWS_EC2_METADATA_DISABLED": "true"})

    assert (plan.code, plan.json["new"], plan.json["refused"]) == (65, 1, ["bad.jsonl"])
    assert "Refused as a whole, as --strict asks: bad.jsonl. Mend the lines above, or leave --strict out." in text.out
    assert ran.code == 65
    assert ran.err.splitlines()[-3:] == [
        "fleet: manifest bad.jsonl: refused as a whole, because it has 1 rejection and --strict is given:",
        "fleet:   line 2: prefix: 'nonsense' is not an S3 URI: write s3://bucket/prefix, with s3 in small letters",
        "fleet: nothing of it was added: mend these lines, or leave --strict out",
    ]
    assert run(place, "status", "--json").json["jobs"] == 0


def test_strict_lets_a_good_manifest_through(place: Path) -> None:
    """Strict by the configuration, too; a manifest without a fault is planned as ever."""
    (place / "fleet.toml").write_text(WHOLE + "[manifest]\nstrict = true\n")
    (place / "good.jsonl").write_bytes(lines("s3://corpus-in/c/"))
    (place / "bad.jsonl").write_bytes(b"{}\n")

    good, bad = run(place, "plan", "good.jsonl", "--json"), run(place, "plan", "bad.jsonl", "--json")

    assert (good.code, good.json["new"], bad.code) == (0, 1, 65)


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path) -> None:
    """Lines that were there are planned, and a rejection says that there may be others."""
    path = tmp_path / "m.jsonl"
    path.write_bytes(lines("s3://corpus-in/a/", "s3://corpus-in/b/"))

    def plan(entry: Entry) -> Any:
        with path.open("ab") as other:
            other.write(b" ")
        return planner().plan(entry)

    with path.open("rb") as file:
        batches = list(read(file, plan))

    assert [line for batch in batches for line, _ in batch.planned] == [1, 2]
    assert [bad.reason for batch in batches for bad in batch.rejections] == [
        "the manifest was changed while it was read: run the command again when nobody writes to it"
    ]


def test_a_million_lines_are_read_in_batches() -> None:
    """A reader that never ends is never held: one batch at a time, whatever follows."""

    endless = Endless(b'{"prefix": "s3://corpus-in/a/"}\nnonsense\n')
    batches = read(io.BufferedReader(endless, 1 << 16), planner().plan)

    some = [next(batches) for _ in range(10)]

    assert all(len(batch.planned) + len(batch.rejections) <= 2_000 for batch in some)
    assert endless.given < 10 * (1 << 18)


def test_where_a_bucket_lies_is_not_asked_by_plan(place: Path) -> None:
    """Plan calls nobody: a bucket of another Region is planned like any other."""
    (place / "m.jsonl").write_bytes(lines("s3://somebody-elses-bucket-in-eu-west-1/a/"))

    assert run(place, "plan", "m.jsonl", "--json").json["new"] == 1


def test_no_text_of_a_stranger_becomes_a_label() -> None:
    """An ErrorCode that fleet does not know is counted as `other`."""
    telemetry = Telemetry()

    telemetry.documents_failed("entities", {'X"} evil{a="b': 3})

    (metric,) = telemetry.document_errors.collect()
    counted = {sample.labels["code"] for sample in metric.samples if sample.value == 3}
    assert counted == {"other"}


def test_a_rejection_is_for_people() -> None:
    """No reason is longer than a few lines of a terminal, however large the value."""
    _, rejections = planner().plan(
        Entry(line=1, prefix="x" * 1_000_000, kinds=("k" * 1_000_000,), language="l" * 99_999)
    )

    assert all(isinstance(bad, Rejection) and len(bad.reason) < 300 for bad in rejections)


def test_a_directory_is_a_manifest_to_every_command(place: Path) -> None:
    """What was read as a directory can be reported, listed and planned by the directory's name."""
    (place / "more").mkdir()
    (place / "more" / "a.jsonl").write_bytes(lines("s3://corpus-in/a/"))
    (place / "more" / "b.jsonl").write_bytes(lines("s3://corpus-in/b/") + b"nonsense\n")
    asyncio.run(ingest(place, "more/a.jsonl", "more/b.jsonl"))

    report = run(place, "report", "more/", "--json").out.splitlines()
    jobs = run(place, "jobs", "--manifest", "./more", "--json").out.splitlines()

    assert [json.loads(line)["outcome"] for line in report] == ["pending", "pending", "rejected"]
    assert len(jobs) == 2
    assert run(place, "report", "mor").code == 65


async def ingest(place: Path, *sources: str) -> None:
    """Read these manifests into the ledger of this place."""
    async with await Ledger.open(f"sqlite:///{place}/fleet.db") as ledger:
        with contextlib.chdir(place):
            for source in sources:
                reader = Ingest(ledger, planner().plan, None, configuration="", clock=SystemClock())  # type: ignore[arg-type]
                await reader.read(source)
