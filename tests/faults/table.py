"""The table of faults and promises: read from faults.toml, written as Markdown by `python -m tests.faults.table`."""

import ast
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

__all__ = ["FAULTS", "README", "Row", "exists", "faults", "markdown", "promises"]

README: Final = Path(__file__).with_name("README.md")
FAULTS: Final = 66
_ROOT: Final = Path(__file__).resolve().parents[2]
_TABLE: Final = Path(__file__).with_name("faults.toml")
_HEAD: Final = """\
# Faults and promises

What fleet promises, what it must survive, and the tests that show it. Made from `faults.toml`: change that, then
`python -m tests.faults.table`. Tests in `test_*.py` are part of `make test`; those in `campaign_*.py` are part of
`make faults`, and those in `tests/deploy/systemd.py` of `make systemd`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault or promise. `tests` are `path::name`; `reason`: why there is no test, or none for a part of it."""

    name: str
    group: str
    text: str
    expected: str
    tests: Sequence[str]
    reason: str | None


def faults() -> list[Row]:
    """The faults in the order of the file, named by their numbers."""
    return [
        _row(table, name=str(table["number"]), group=table["group"], text=table["fault"], expected=table["expected"])
        for table in _read()["fault"]
    ]


def promises() -> list[Row]:
    """The promises in the order of the file."""
    return [
        _row(table, name=table["name"], group="promises", text=table["text"], expected="")
        for table in _read()["promise"]
    ]


def exists(test: str) -> bool:
    """Whether the file of this `path::name` has a function of that name."""
    path, _, name = test.partition("::")
    return name in _functions(path)


def markdown() -> str:
    """README.md as it should be."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    yield "\n## Promises\n\n| # | promise | shown by |\n| --- | --- | --- |\n"
    for row in promises():
        yield f"| {row.name} | {row.text} | {_shown(row)} |\n"
    group = ""
    for row in faults():
        if row.group != group:
            group = row.group
            yield f"\n## Faults: {group}\n\n| # | fault | what must happen | shown by |\n| --- | --- | --- | --- |\n"
        yield f"| {row.name} | {row.text} | {row.expected} | {_shown(row)} |\n"


def _shown(row: Row) -> str:
    tests = [f"[{name}](../../{path})" for path, _, name in (test.partition("::") for test in row.tests)]
    return "<br>".join([*tests, *([f"*{row.reason}*"] if row.reason else [])])


def _row(table: dict[str, Any], **more: Any) -> Row:
    return Row(tests=table.get("tests", ()), reason=table.get("reason"), **more)


@cache
def _read() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(_TABLE.read_text())


@cache
def _functions(path: str) -> frozenset[str]:
    file = _ROOT / path
    if not file.is_file():
        return frozenset()
    return frozenset(
        node.name
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


if __name__ == "__main__":
    README.write_text(markdown())
