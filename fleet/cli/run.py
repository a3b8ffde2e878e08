"""`fleet run`: the fleet to its end, with a live display on a terminal and plain log lines elsewhere."""

import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import anyio

from fleet.app import open_app, set_up_logs, summarise
from fleet.cli.display import Display
from fleet.cli.signals import drained_by_signals
from fleet.cli.streams import put
from fleet.core.job import State
from fleet.core.report import Summary, printable
from fleet.core.report import as_json as summary_json
from fleet.core.report import as_text as summary_text
from fleet.settings import Settings, load

__all__ = ["run_command"]


def run_command(
    manifests: Sequence[str],
    config: Path | None,
    *,
    rerun_changed: bool,
    strict: bool,
    as_json: bool,
    quiet: bool,
    log_level: str | None,
) -> int:
    """Run the manifests to the end and print the summary; the exit code."""
    settings = load(config, flags={"manifest": {"strict": True}} if strict else None)
    live = sys.stderr.isatty() and not quiet
    level = log_level or ("warning" if live else "info")
    summary, caught = anyio.run(
        _run, settings, list(manifests), rerun_changed, live, level, backend_options={"use_uvloop": True}
    )
    put((summary_json(summary) if as_json else summary_text(summary)) + "\n")
    if caught:
        sys.stderr.write(f"fleet: stopped; {summary.unfinished:,} jobs are not done: run the same command to go on\n")
        return 128 + caught[0]
    if not quiet and not as_json:
        sys.stderr.write(_next(summary, manifests))
    return summary.exit_code


async def _run(
    settings: Settings, manifests: list[str], rerun_changed: bool, live: bool, log_level: str
) -> tuple[Summary, list[int]]:
    began = time.monotonic()
    async with open_app(settings) as app:
        async with AsyncExitStack() as stack:
            if live:
                await stack.enter_async_context(Display(app).shown())
            set_up_logs(level=log_level)
            caught = await stack.enter_async_context(
                drained_by_signals(app.drain, deadline_s=settings.drain.deadline_s)
            )
            readings = await app.run_to_end(manifests, rerun_changed=rerun_changed)
        summary = await summarise(
            app.ledger,
            [reading.manifest_id for reading in readings],
            telemetry=app.telemetry,
            elapsed_s=time.monotonic() - began,
        )
    return summary, caught


def _next(summary: Summary, manifests: Sequence[str]) -> str:
    """What a person may want to do now, as a command."""
    if summary.total(State.DISCARDED):
        return "Next: fleet jobs --state discarded, then fleet retry\n"
    sources = " ".join(shlex.quote(source) for source in manifests[:3] if source != "-")
    return printable(f"Next: fleet report {sources}".rstrip()) + "\n" if summary.jobs else ""
