"""`fleet report`: what became of every manifest line, as text, JSON lines, CSV or Markdown, as it is read."""

import csv
import io
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import anyio

from fleet.app.ledger import open_ledger
from fleet.app.summary import Line, Rejected, every_line
from fleet.core.report import printable
from fleet.settings import load

__all__ = ["cell", "report_command"]

_FIELDS: Final = (
    *("manifest", "line", "outcome", "prefix", "kind", "label", "documents", "failed_documents"),
    *("attempt", "output", "remote_id", "key", "reason"),
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_MARKDOWN: Final = (
    "manifest",
    "line",
    "outcome",
    "prefix",
    "kind",
    "documents",
    "failed_documents",
    "output",
    "reason",
)


def report_command(manifests: Sequence[str], config: Path | None, *, form: str, quiet: bool) -> int:
    """Print a line for every job and every rejection of the manifests; 0."""
    write = {"text": _as_text, "json": _as_json, "csv": _as_csv, "markdown": _as_markdown}[form]
    heading = {"csv": _csv(_FIELDS), "markdown": _markdown_head()}.get(form, "")
    lines = anyio.run(_report, config, manifests, write, heading)
    if not lines and not quiet:
        sys.stderr.write("fleet: the ledger has no manifest lines; fleet run reads them\n")
    return 0


async def _report(
    config: Path | None, manifests: Sequence[str], write: Callable[[dict[str, Any]], str], heading: str
) -> int:
    lines = 0
    async with open_ledger(load(config), read_only=True) as ledger:
        found: AsyncIterator[Line | Rejected] = every_line(ledger, manifests)
        async for line in found:
            sys.stdout.write(("" if lines else heading) + write(_fields(line)))
            lines += 1
    return lines


def _fields(line: Line | Rejected) -> dict[str, Any]:
    """The line as plain data, the same members for all of them."""
    fields: dict[str, Any] = dict.fromkeys(_FIELDS)
    fields |= {"manifest": line.source, "line": line.line}
    if isinstance(line, Rejected):
        where = f"{line.field}: " if line.field else ""
        return fields | {"outcome": "rejected", "reason": f"{where}{line.reason}", "state": None, "verdict": None}
    job = line.job
    return fields | {
        "outcome": job.verdict or job.state,
        "prefix": job.prefix,
        "kind": job.lane.kind,
        "label": job.label,
        "documents": job.documents,
        "failed_documents": job.failed_documents,
        "attempt": job.attempt,
        "output": job.output_uri,
        "remote_id": job.remote_id,
        "key": job.key,
        "reason": job.reason,
        "state": job.state,
        "verdict": job.verdict,
    }


def _as_json(fields: dict[str, Any]) -> str:
    return json.dumps(fields) + "\n"


def _as_text(fields: dict[str, Any]) -> str:
    counted = f"{fields['documents']:,} documents" if fields["documents"] is not None else ""
    failed = f"{fields['failed_documents']:,} failed" if fields["failed_documents"] else ""
    parts = [fields["prefix"], fields["kind"], fields["outcome"], counted, failed, fields["output"], fields["reason"]]
    told = "  ".join(str(part) for part in parts if part)
    return printable(f"{fields['manifest']}:{fields['line']}  {told}") + "\n"


def _as_csv(fields: dict[str, Any]) -> str:
    return _csv([cell(fields[name]) for name in _FIELDS])


def cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula, and that breaks no line (OWASP: CSV injection)."""
    text = "" if value is None else str(value)
    guarded = f"'{text}" if text.startswith(_FORMULA) and not isinstance(value, int) else text
    return printable(guarded)


def _csv(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _markdown_head() -> str:
    names = [name.replace("_", " ") for name in _MARKDOWN]
    return f"| {' | '.join(names)} |\n|{' --- |' * len(names)}\n"


def _as_markdown(fields: dict[str, Any]) -> str:
    return f"| {' | '.join(_markdown(fields[name]) for name in _MARKDOWN)} |\n"


def _markdown(value: object) -> str:
    """The text as Markdown shows it to the letter."""
    text = printable("" if value is None else str(value)).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{char}" if char in "\\`*_[]|~" else char for char in text)
