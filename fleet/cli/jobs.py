"""`fleet jobs`: jobs as a table that fits the terminal, or as JSON lines."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any, Final

import anyio

from fleet.app.choice import Choice, filter_of, named
from fleet.app.ledger import open_ledger
from fleet.cli.screen import Screen
from fleet.cli.streams import put
from fleet.core.columns import Column, cut
from fleet.core.errors import InvalidInput
from fleet.core.job import Job, State, Verdict
from fleet.core.report import duration
from fleet.settings import Settings, load

__all__ = ["as_dict", "job_table", "jobs_command", "outcome"]

_KEY_DIGITS: Final = 10
_COLUMNS: Final = (
    Column(name="job"),
    Column(name="kind", drop=3),
    Column(name="state"),
    Column(name="try", right=True, drop=6),
    Column(name="documents", right=True, drop=5),
    Column(name="since", right=True, drop=4),
    Column(name="prefix", least=14, end=True),
    Column(name="why", least=12, drop=1),
)
_STYLES: Final = {State.VERIFIED: "green", State.DISCARDED: "red", State.CANCELLED: "yellow", State.RUNNING: "cyan"}


def jobs_command(
    choice: Choice, config: Path | None, *, sort: str, limit: int, after: str | None, as_json: bool
) -> int:
    """Print the jobs of the choice, at most `limit` of them; 0, also if there is none."""
    jobs, now, more = anyio.run(_jobs, load(config), choice, sort, limit, after)
    if as_json:
        put("".join(json.dumps(as_dict(job)) + "\n" for job in jobs))
        return 0
    screen = Screen()
    if not jobs:
        sys.stderr.write("fleet: no such jobs in the ledger\n")
        return 0
    screen.say(*job_table(jobs, now, screen))
    if more:
        words = [word for word in sys.argv[1:] if not word.startswith("--after")]
        if after is not None and after in words:
            words.remove(after)
        command = shlex.join(["fleet", *words, "--after", jobs[-1].key[:_KEY_DIGITS]])
        sys.stderr.write(f"More: {cut(command, None)}\n")
    return 0


async def _jobs(
    settings: Settings, choice: Choice, sort: str, limit: int, after: str | None
) -> tuple[list[Job], float, bool]:
    async with open_ledger(settings, read_only=True) as ledger:
        which = await filter_of(ledger, choice)
        last = None
        if after is not None:
            (last, *others) = await named(ledger, after)
            if others:
                raise InvalidInput(f"--after {after}: names {len(others) + 1} jobs; give a key")
        found = await ledger.chosen(which, limit=limit + 1, after=last, sort=None if sort == "manifest" else sort)
        return found[:limit], ledger.seconds(), len(found) > limit


def job_table(jobs: list[Job], now: float, screen: Screen) -> list[str]:
    """The jobs as lines that fit the screen."""
    rows = [
        [
            job.key[:_KEY_DIGITS],
            job.lane.kind,
            outcome(job),
            str(job.attempt),
            _documents(job),
            duration(max(0.0, now - job.updated_at)),
            job.prefix,
            job.reason or "",
        ]
        for job in jobs
    ]
    told = [place for place in range(len(_COLUMNS)) if any(row[place] for row in rows)]
    styles = [["dim", "", _style(job)] for job in jobs]
    return screen.table(
        [_COLUMNS[place] for place in told], [[row[place] for place in told] for row in rows], styles=styles
    )


def outcome(job: Job) -> str:
    """The state, with what a person should know at a glance beside it."""
    if job.verdict is not None and job.verdict is not Verdict.COMPLETE:
        return str(job.verdict)
    return f"{job.state}, cancelling" if job.cancel_requested and job.state is not State.CANCELLED else str(job.state)


def as_dict(job: Job) -> dict[str, Any]:
    """A job as plain data. Times are Unix seconds."""
    return {
        "key": job.key,
        "kind": job.lane.kind,
        "account": job.lane.account,
        "region": job.lane.region,
        "target": job.target,
        "prefix": job.prefix,
        "label": job.label,
        "state": job.state,
        "verdict": job.verdict,
        "attempt": job.attempt,
        "snoozes": job.snoozes,
        "due_at": job.due_at or None,
        "cancel_requested": job.cancel_requested,
        "remote_id": job.remote_id,
        "output": job.output_uri,
        "submitted_at": job.submitted_at,
        "ended_at": job.ended_at,
        "documents": job.documents,
        "failed_documents": job.failed_documents,
        "size_bytes": job.size_bytes,
        "reason": job.reason,
        "updated_at": job.updated_at,
    }


def _documents(job: Job) -> str:
    if job.documents is None:
        return ""
    return f"{job.documents:,}" + (f" -{job.failed_documents:,}" if job.failed_documents else "")


def _style(job: Job) -> str:
    bad = job.verdict is not None and job.verdict is not Verdict.COMPLETE
    return "yellow" if bad else _STYLES.get(job.state, "")
