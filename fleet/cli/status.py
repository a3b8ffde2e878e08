"""`fleet status` and `fleet report`: what the ledger knows, beside a running fleet or without one."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio

from fleet.app import Line, forecast, lines, open_ledger, summarise
from fleet.core.report import Summary, printable
from fleet.core.report import as_json as summary_json
from fleet.core.report import as_text as summary_text
from fleet.settings import load

__all__ = ["report_command", "status_command"]


def status_command(config: Path | None, *, as_json: bool) -> int:
    """Print where all jobs of the ledger are; 0."""
    summary: Summary = anyio.run(_status, config)
    sys.stdout.write((summary_json(summary) if as_json else summary_text(summary)) + "\n")
    return 0


async def _status(config: Path | None) -> Summary:
    settings = load(config)
    async with open_ledger(settings, read_only=True) as ledger:
        return await summarise(ledger, eta=await forecast(ledger, settings))


def report_command(manifests: Sequence[str], config: Path | None, *, as_json: bool) -> int:
    """Print what became of every line of the manifests: one line each, or one JSON object each; 0."""
    anyio.run(_report, config, manifests, as_json)
    return 0


async def _report(config: Path | None, manifests: Sequence[str], as_json: bool) -> None:
    async with open_ledger(load(config), read_only=True) as ledger:
        async for line in lines(ledger, manifests):
            sys.stdout.write((json.dumps(_as_dict(line)) if as_json else _as_text(line)) + "\n")


def _as_dict(line: Line) -> dict[str, Any]:
    job = line.job
    return {
        "manifest": line.source,
        "line": line.line,
        "key": job.key,
        "prefix": job.prefix,
        "kind": job.lane.kind,
        "label": job.label,
        "state": job.state,
        "verdict": job.verdict,
        "attempt": job.attempt,
        "documents": job.documents,
        "failed_documents": job.failed_documents,
        "output": job.output_uri,
        "remote_id": job.remote_id,
        "reason": job.reason,
    }


def _as_text(line: Line) -> str:
    job = line.job
    outcome = f"{job.state}" + (f" {job.verdict}" if job.verdict else "")
    counted = f"{job.documents:,} documents" if job.documents is not None else ""
    failed = f"{job.failed_documents:,} failed" if job.failed_documents else ""
    parts = [outcome, counted, failed, job.reason or "", job.output_uri or ""]
    told = "  ".join(part for part in parts if part)
    return printable(f"{line.source}:{line.line}  {job.prefix}  {job.lane.kind}  {told}")
