"""`fleet cancel`: jobs are cancelled, after a look at which and a yes, with a view of how far it is."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anyio
import typer

from fleet.app.choice import Choice, chosen
from fleet.app.ledger import open_ledger
from fleet.app.wishes import request_cancel
from fleet.cli.asking import agreed, shown_groups
from fleet.cli.jobs import as_dict
from fleet.cli.screen import Screen
from fleet.cli.streams import put
from fleet.core.job import Job, State
from fleet.core.report import duration, plural
from fleet.settings import Settings, load

__all__ = ["cancel_command"]

_CANCELLABLE: Final = (State.PENDING, State.SUBMITTING, State.RUNNING)
_BAR_COLUMNS: Final = 24


def cancel_command(
    choice: Choice, config: Path | None, *, wait: bool, yes: bool, dry_run: bool, as_json: bool, quiet: bool
) -> int:
    """Cancel the jobs of the choice that have not ended; 0, or 1 where the person said no or some are left."""
    settings = load(config)
    jobs: list[Job] = anyio.run(_chosen, settings, _narrowed(choice))
    screen = Screen(sys.stderr)
    if not jobs:
        _tell(as_json, {"cancelled": 0, "jobs": []}, "No job of that description can be cancelled.", quiet)
        return 0
    if not quiet and not as_json:
        screen.say(*shown_groups(_groups(jobs), screen), "", *_cost(jobs, settings))
    if dry_run:
        told = f"{plural(len(jobs), 'job')} would be cancelled."
        _tell(as_json, {"cancelled": 0, "jobs": [as_dict(job) for job in jobs]}, told, quiet)
        return 0
    if not agreed(f"Cancel {plural(len(jobs), 'job')}?", yes=yes):
        sys.stderr.write("fleet: nothing was changed\n")
        return 1
    wished, held = anyio.run(_wish, settings, jobs)
    if not wait:
        who = "the running fleet cancels them" if held else "the next fleet run or fleet cancel does it"
        _tell(
            as_json, {"wished": wished, "running": held}, f"{plural(len(jobs), 'job')} to be cancelled: {who}.", quiet
        )
        return 0
    progress = _Progress(screen, shown=screen.live and not quiet)
    try:
        whole = anyio.run(_see_through, settings, held, progress)
    finally:
        progress.end()
    return _finish(settings, jobs, whole=whole, as_json=as_json, quiet=quiet)


class _Progress:
    """One line on the terminal that says how many are left."""

    def __init__(self, screen: Screen, *, shown: bool) -> None:
        self._screen = screen
        self._shown = shown
        self._most = 0
        self._drawn = False

    def __call__(self, left: int) -> None:
        self._most = max(self._most, left)
        if self._shown and self._most:
            done = self._most - left
            bar = self._screen.bar(done, self._most, _BAR_COLUMNS)
            sys.stderr.write(f"\r\x1b[K{bar} {done:,} of {self._most:,} ended")
            sys.stderr.flush()
            self._drawn = True

    def end(self) -> None:
        """What follows begins on a line of its own."""
        if self._drawn:
            sys.stderr.write("\n")


def _narrowed(choice: Choice) -> Choice:
    if choice.empty:
        raise typer.BadParameter("say which: a JOB, --state, --kind, --target, --manifest, or --all")
    wrong = [state for state in choice.states if state not in _CANCELLABLE]
    if wrong:
        raise typer.BadParameter(f"--state {wrong[0]}: only {', '.join(_CANCELLABLE)} jobs can be cancelled")
    return replace(choice, states=choice.states or _CANCELLABLE)


async def _chosen(settings: Settings, choice: Choice) -> list[Job]:
    async with open_ledger(settings, read_only=True) as ledger:
        return [job async for job in chosen(ledger, choice)]


async def _wish(settings: Settings, jobs: Sequence[Job]) -> tuple[int, bool]:
    return await request_cancel(settings, jobs)


async def _see_through(settings: Settings, held: bool, tell: Callable[[int], object]) -> bool:
    """Whether all that is wished to be cancelled has ended: by the running fleet, or else by this process."""
    from fleet.app.cancelling import cancel_here, watch_cancelling

    if held and await watch_cancelling(settings, tell):
        return True
    await cancel_here(settings, tell)
    return True


def _finish(settings: Settings, jobs: Sequence[Job], *, whole: bool, as_json: bool, quiet: bool) -> int:
    from fleet.app.cancelling import outcomes

    states: dict[State, int] = anyio.run(outcomes, settings, jobs)
    cancelled = states.get(State.CANCELLED, 0)
    others = [f"{count:,} {state}" for state, count in states.items() if state is not State.CANCELLED]
    told = f"{cancelled:,} cancelled" + (f"; {', '.join(others)} before AWS stopped them" if others else "") + "."
    _tell(
        as_json, {"cancelled": cancelled, "states": {str(state): count for state, count in states.items()}}, told, quiet
    )
    left = sum(states.get(state, 0) for state in _CANCELLABLE)
    return 0 if whole and not left else 1


def _cost(jobs: Sequence[Job], settings: Settings) -> list[str]:
    """How long it takes, where AWS has to be asked: Stop has a rate of its own."""
    running = Counter(job.lane for job in jobs if job.state is not State.PENDING)
    if not running:
        return []
    rates = {name: target.quotas.resolved().stop_per_s for name, target in settings.targets.items()}
    slowest = min(rates.values(), default=1.0)
    takes = duration(max(running.values()) / slowest)
    said = f"{sum(running.values()):,} of them run in AWS: asking it to stop them takes about {takes}"
    return [f"{said}, and what they have done so far is charged.", ""]


def _groups(jobs: Sequence[Job]) -> Counter[tuple[str, str, str]]:
    return Counter((job.lane.kind, str(job.state), "") for job in jobs)


def _tell(as_json: bool, data: dict[str, Any], text: str, quiet: bool) -> None:
    if as_json:
        put(json.dumps({"schema": 1} | data) + "\n")
    elif not quiet:
        put(text + "\n")
