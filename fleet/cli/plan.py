"""`fleet plan`: what a run would start, for a person or as JSON."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import anyio

from fleet.app import Preview, preview
from fleet.core.job import State
from fleet.core.report import duration, rejected_lines, table
from fleet.settings import load

__all__ = ["plan_command"]

_JOB_S: Final = 480.0  # SubmitTime to EndTime of small inputs is 6 to 10 minutes (facts sheet, 3.3)


def plan_command(manifests: Sequence[str], config: Path | None, *, as_json: bool) -> int:
    """Print what a run would do; 1 where lines are rejected, else 0."""
    found: Preview = anyio.run(_preview, config, manifests)
    sys.stdout.write((json.dumps(_as_dict(found)) if as_json else _as_text(found)) + "\n")
    return int(bool(found.rejected))


async def _preview(config: Path | None, manifests: Sequence[str]) -> Preview:
    return await preview(load(config), manifests, job_s=_JOB_S)


def _as_dict(found: Preview) -> dict[str, Any]:
    return {
        "schema": 1,
        "lines": found.lines,
        "new": found.new,
        "estimate_s": round(found.estimate_s),
        "assumed_job_s": found.job_s,
        "lanes": [
            {"lane": str(lane.lane), "new": lane.new, "known": dict(lane.known), "changed": lane.changed}
            | {"estimate_s": round(lane.estimate_s)}
            for lane in found.lanes.values()
        ],
        "rejected": [asdict(line) for line in found.rejected],
    }


def _as_text(found: Preview) -> str:
    head = ("lane", "new", "pending", "under way", "verified", "given up", "other settings", "about")
    rows = [
        (
            str(lane.lane),
            f"{lane.new:,}",
            f"{lane.known[State.PENDING]:,}",
            f"{lane.known[State.SUBMITTING] + lane.known[State.RUNNING] + lane.known[State.FINISHED]:,}",
            f"{lane.known[State.VERIFIED]:,}",
            f"{lane.known[State.DISCARDED] + lane.known[State.CANCELLED]:,}",
            f"{lane.changed:,}",
            duration(lane.estimate_s),
        )
        for lane in sorted(found.lanes.values(), key=lambda lane: lane.lane)
    ]
    lines = table(head, rows) if rows else []
    lines += ["", f"{found.lines:,} manifest lines: {found.new:,} jobs to start, {len(found.rejected):,} rejections."]
    if found.estimate_s:
        lines.append(
            f"At the configured quotas and {found.job_s / 60:g} minutes a job, at least {duration(found.estimate_s)}."
        )
    return "\n".join(lines + rejected_lines(found.rejected))
