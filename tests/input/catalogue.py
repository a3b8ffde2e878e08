"""The bad-input catalogue: sixty numbered entries in one table, each with the message that a user gets, in full.

The rows are in `rows_*.py`, by where the input comes in; here they are made into files, lines and objects, and fed to
the real commands and readers.
"""

import io
import json
import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Final
from unittest import mock

from fleet.core.output import Limits, read_archive, read_records
from fleet.core.verdict import Expected, Finding, judge
from fleet.core.verdict import Output as Counted
from fleet.stages import source
from tests.input.command import Said, run
from tests.input.rows import Config, Elsewhere, File, Line, Output
from tests.input.rows_config import CONFIGS, WHOLE
from tests.input.rows_elsewhere import ELSEWHERE
from tests.input.rows_files import FILES
from tests.input.rows_lines import LINES
from tests.input.rows_outputs import OUTPUTS

__all__ = ["NUMBERS", "TABLE", "feed_config", "feed_file", "feed_lines", "feed_output", "seeds_of", "whole_manifest"]

NUMBERS: Final = range(1, 61)
TABLE: Final[tuple[Line | File | Config | Output | Elsewhere, ...]] = (*FILES, *LINES, *CONFIGS, *OUTPUTS, *ELSEWHERE)
LIMITS: Final = Limits(total_bytes=4 << 20, line_bytes=100_000, files=50)


def whole_manifest() -> tuple[bytes, dict[int, Line]]:
    """One manifest with every bad line between good ones, and its rows by their line numbers."""
    lines: list[bytes] = []
    rows: dict[int, Line] = {}
    for row in LINES:
        lines.append(json.dumps({"prefix": f"s3://corpus-in/good/{len(lines)}/"}).encode())
        lines.append(row.line if isinstance(row.line, bytes) else json.dumps(row.line).encode())
        rows[len(lines)] = row
    return b"".join(line + b"\n" for line in lines), rows


def feed_lines(directory: Path) -> tuple[Said, dict[int, tuple[str, ...]]]:
    """The whole manifest through `fleet plan`: what it says of each line."""
    (directory / "fleet.toml").write_text(WHOLE)
    (directory / "manifest.jsonl").write_bytes(whole_manifest()[0])
    said = run(directory, "plan", "manifest.jsonl", "--json")
    found: dict[int, tuple[str, ...]] = defaultdict(tuple)
    for bad in said.json["rejected"]:
        found[bad["line"]] += (_told(bad),)
    return said, found


def feed_file(row: File, directory: Path) -> tuple[int, int, tuple[str, ...]]:
    """The row's file through `fleet plan`: exit code, jobs to start, and what it says."""
    (directory / "fleet.toml").write_text(row.config or WHOLE)
    (directory / "in").mkdir()
    name = row.name if "://" in row.name or row.name.startswith("/") else _make(row, directory / "in" / row.name)
    with mock.patch.object(source, "_BOMB_FLOOR_BYTES", 1 << 20):
        said = run(directory, "plan", name, "--json")
    if said.code > 1:
        return said.code, 0, tuple(run(directory, "plan", name).err.splitlines())
    told = [f"{bad['line']}: {_told(bad)}" for bad in said.json["rejected"]]
    told += [f"{name} has no entries" for name in said.json["empty"]]
    return said.code, said.json["new"], tuple(told)


def _make(row: File, path: Path) -> str:
    """The row's file as it should be; the name by which it is given."""
    match row.make:
        case None | "bomb":
            path.write_bytes(row.body)
        case "hole":
            path.write_bytes(_GOOD % b"a" + _GOOD % b"b")
            os.truncate(path, 64 << 20)
            with path.open("ab") as file:
                file.write(b"\n")
        case "fifo":
            return _fifo(path, row.body)
        case "directory":
            (path.parent / "a.jsonl").write_bytes(row.body)
            (path.parent / "notes.txt").write_text("no manifest")
            return "in"
        case "empty directory":
            path.mkdir()
        case "dangling link":
            path.symlink_to("gone.jsonl")
        case "link":
            (path.parent / "real").write_bytes(row.body)
            path.symlink_to("real")
    return f"in/{path.name}"


_GOOD: Final = b'{"prefix": "s3://corpus-in/%s/"}\n'


def _fifo(path: Path, body: bytes) -> str:
    """A pipe into which somebody writes the body as soon as it is opened."""
    os.mkfifo(path)
    threading.Thread(target=path.write_bytes, args=(body,), daemon=True).start()
    return f"in/{path.name}"


def feed_config(row: Config, directory: Path) -> Said:
    """The row's configuration through `fleet config check`."""
    text = row.text.encode() if isinstance(row.text, str) else row.text
    (directory / "fleet.toml").write_bytes(text)
    return run(directory, "config", "check", variables=row.variables)


def feed_output(row: Output) -> Finding:
    """The row's object through the output reader, held against an input of two documents."""
    output = Counted(objects=1)
    (read_archive if row.archived else read_records)(io.BytesIO(row.body), output, LIMITS)
    return judge(Expected(documents={"a.txt": 2}), output)


def seeds_of(target: str) -> Iterable[bytes]:
    """The catalogue's bytes that a fuzzer of this target begins with."""
    lines = [row.line if isinstance(row.line, bytes) else json.dumps(row.line).encode() for row in LINES]
    sources: Mapping[str, Iterable[bytes]] = {
        "manifest": chain((row.body for row in FILES if row.make != "bomb"), lines),
        "uri": (str(row.line.get("prefix", "")).encode() for row in LINES if not isinstance(row.line, bytes)),
        "config": (row.text.encode() if isinstance(row.text, str) else row.text for row in CONFIGS),
        "archive": (_unpacked(row.body) for row in OUTPUTS if row.archived),
        "packed": (row.body for row in OUTPUTS if row.archived),
        "records": (row.body for row in OUTPUTS if not row.archived),
    }
    return (seed for seed in sources[target] if len(seed) < 20_000)


def _unpacked(body: bytes) -> bytes:
    import zlib

    try:
        return zlib.decompressobj(31).decompress(body, 20_000)
    except zlib.error:
        return body


def _told(bad: Mapping[str, str | None]) -> str:
    return f"{bad['field']}: {bad['reason']}" if bad["field"] else str(bad["reason"])
