"""`fleet retry`: ended jobs are pending again, after a look at which and a yes."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import typer

from fleet.app.choice import Choice, chosen
from fleet.app.ledger import open_ledger
from fleet.app.wishes import reopen
from fleet.cli.asking import agreed, shown_groups
from fleet.cli.jobs import as_dict
from fleet.cli.screen import Screen
from fleet.cli.streams import put
from fleet.core.errors import InvalidInput
from fleet.core.job import ENDED, Job, State, Verdict
from fleet.core.report import plural
from fleet.settings import Settings, load

__all__ = ["retry_command"]

_AGAIN = (State.DISCARDED, State.CANCELLED)


def retry_command(choice: Choice, config: Path | None, *, yes: bool, dry_run: bool, as_json: bool, quiet: bool) -> int:
    """Reopen the ended jobs of the choice; 0, or 1 where the person said no."""
    settings = load(config)
    narrowed = _narrowed(choice)
    jobs: list[Job] = anyio.run(_chosen, settings, narrowed)
    screen = Screen(sys.stderr)
    if not jobs:
        _tell(as_json, {"retried": 0, "jobs": []}, "No job of that description has ended without success.", quiet)
        return 0
    if not quiet and not as_json:
        screen.say(*shown_groups(_groups(jobs), screen), "")
    if dry_run:
        _tell(
            as_json,
            {"retried": 0, "jobs": [as_dict(job) for job in jobs]},
            f"{plural(len(jobs), 'job')} would be retried.",
            quiet,
        )
        return 0
    if not agreed(f"Retry {plural(len(jobs), 'job')}? AWS is paid for each again.", yes=yes):
        sys.stderr.write("fleet: nothing was changed\n")
        return 1
    retried, held = anyio.run(_reopen, settings, jobs)
    moved = len(jobs) - retried
    told = f"{plural(retried, 'job')} pending again" + (f"; {moved:,} had moved meanwhile" if moved else "") + "."
    told += " The running fleet starts them within seconds." if held else " Next: fleet run MANIFEST starts them."
    _tell(as_json, {"retried": retried, "moved_meanwhile": moved, "running": held}, told, quiet)
    return 0


def _narrowed(choice: Choice) -> Choice:
    """The choice with what retry means by it: ended without success, unless a verdict or a job is named."""
    if choice.empty:
        raise typer.BadParameter("say which: a JOB, --reason, --verdict, --state discarded, --kind, --manifest ...")
    wrong = [state for state in choice.states if state not in ENDED]
    if wrong:
        raise typer.BadParameter(f"--state {wrong[0]}: only ended jobs can be retried: discarded or cancelled")
    if Verdict.COMPLETE in choice.verdicts:
        raise typer.BadParameter("--verdict complete: there is nothing to mend; a new [manifest] generation asks again")
    if choice.verdicts:
        return replace(choice, states=(State.VERIFIED,))
    if choice.jobs or choice.states:
        return choice
    return replace(choice, states=_AGAIN)


async def _chosen(settings: Settings, choice: Choice) -> list[Job]:
    async with open_ledger(settings, read_only=True) as ledger:
        jobs = [job async for job in chosen(ledger, choice)]
    retriable = [job for job in jobs if job.state in ENDED and job.verdict is not Verdict.COMPLETE]
    if choice.jobs and jobs and not retriable:
        first = jobs[0]
        what = "is verified and complete" if first.state is State.VERIFIED else f"is {first.state}"
        raise InvalidInput(
            f"job {first.key[:12]} {what}: only discarded, cancelled and not complete jobs can be retried; "
            f"fleet explain {first.key[:12]} tells more"
        )
    return retriable


async def _reopen(settings: Settings, jobs: Sequence[Job]) -> tuple[int, bool]:
    return await reopen(settings, jobs, why="fleet retry")


def _groups(jobs: Sequence[Job]) -> Counter[tuple[str, str, str]]:
    return Counter((job.lane.kind, str(job.verdict or job.state), job.reason or "") for job in jobs)


def _tell(as_json: bool, data: dict[str, Any], text: str, quiet: bool) -> None:
    if as_json:
        put(json.dumps({"schema": 1} | data) + "\n")
    elif not quiet:
        put(text + "\n")
