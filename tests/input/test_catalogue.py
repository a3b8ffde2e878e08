"""Every bad input gets its one clear message, and the good lines beside it are done."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from fleet.app.planning import planner
from fleet.ledger import Ledger
from fleet.settings import load
from fleet.stages.ingest import Ingest
from fleet.stages.loop import SystemClock
from tests.input import catalogue
from tests.input.command import Said
from tests.input.rows import Config, Elsewhere, File, Line, Output
from tests.input.rows_config import CONFIGS
from tests.input.rows_config import WHOLE as CONFIGURATION
from tests.input.rows_files import FILES
from tests.input.rows_outputs import OUTPUTS

WHOLE, ROWS = catalogue.whole_manifest()


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Said, dict[int, tuple[str, ...]]]:
    """What `fleet plan` says of the one manifest that has every bad line."""
    return catalogue.feed_lines(tmp_path_factory.mktemp("lines"))


def test_all_sixty_entries_are_in_the_table() -> None:
    """No entry is forgotten, and the tests that show what one input cannot show are there."""
    tests = {
        node.name
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {row.number for row in catalogue.TABLE} == set(catalogue.NUMBERS)
    assert {row.test for row in catalogue.TABLE if isinstance(row, Elsewhere)} <= tests


@pytest.mark.parametrize(
    ("line", "row"), [pytest.param(line, row, id=f"{row.number}: {row.what}") for line, row in ROWS.items()]
)
def test_a_bad_line_is_named_in_full(planned: tuple[Said, dict[int, tuple[str, ...]]], line: int, row: Line) -> None:
    """Line, field, value and reason, word for word; and of a good line nothing."""
    said, found = planned

    assert said.code == 1
    assert found.get(line, ()) == row.says
    assert all(told.isprintable() for told in row.says)


async def test_every_good_line_of_the_worst_manifest_is_in_the_ledger(tmp_path: Path) -> None:
    """The real ingest, a real ledger: good lines have their jobs, bad ones their rejections, and no line is lost."""
    (tmp_path / "fleet.toml").write_text(CONFIGURATION)
    (tmp_path / "manifest.jsonl").write_bytes(WHOLE)
    plan = planner(load(tmp_path / "fleet.toml", environment={}))
    async with await Ledger.open(f"sqlite:///{tmp_path}/fleet.db") as ledger:
        ingest = Ingest(ledger, plan, None, configuration="", clock=SystemClock())  # type: ignore[arg-type]

        reading = await ingest.read(str(tmp_path / "manifest.jsonl"))

        jobs = Counter([line async for line, _ in ledger.report(reading.manifest_id)])
        told = Counter([bad.line async for bad in ledger.rejected(reading.manifest_id, "")])
    assert reading.lines == 2 * len(ROWS)
    for line in range(1, 2 * len(ROWS) + 1):
        row = ROWS.get(line)
        wanted = 1 if row is None else int(not row.says) if row.jobs is None else row.jobs
        assert jobs[line] == wanted, row
        assert told[line] == (0 if row is None else len(row.says)), row


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.number}: {row.what}") for row in FILES])
def test_a_bad_file_is_told_of(row: File, tmp_path: Path) -> None:
    """Exit code, message, and how many of its lines are planned all the same."""
    code, new, told = catalogue.feed_file(row, tmp_path)

    assert told == row.says
    assert (code, new) == (row.code, row.good)
    assert all(line.isprintable() for line in told)


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.number}: {row.what}") for row in CONFIGS])
def test_a_bad_configuration_is_told_of(row: Config, tmp_path: Path) -> None:
    """File, key, value and what would be right; no secret, no escape sequence, exit code 78."""
    said = catalogue.feed_config(row, tmp_path)

    assert tuple(said.err.splitlines()) == row.says
    assert said.code == row.code
    assert all(line.isprintable() for line in said.err.split("\n"))
    assert "hunter22" not in said.err


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.number}: {row.what}") for row in OUTPUTS])
def test_a_bad_output_gets_its_verdict(row: Output) -> None:
    """The verdict with its reason; never an exception."""
    finding = catalogue.feed_output(row)

    assert (finding.verdict, finding.reason) == (row.verdict, row.says)
