"""`fleet status`: where all the work is now, once or redrawn, beside a running fleet or without one."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio

from fleet.app.ledger import open_ledger
from fleet.app.overview import overview
from fleet.app.summary import summarise
from fleet.cli.frame import clock, status_lines
from fleet.cli.screen import Screen
from fleet.cli.streams import put
from fleet.core.overview import Overview
from fleet.core.report import as_json as summary_json
from fleet.settings import Settings, load

__all__ = ["status_command"]


def status_command(config: Path | None, *, watch: bool, every_s: float, as_json: bool) -> int:
    """Print where all jobs of the ledger are, once or until Ctrl-C; 0."""
    settings = load(config)
    if as_json:
        put(anyio.run(_json, settings) + "\n")
    elif watch and Screen().live:
        try:
            anyio.run(_watch, settings, every_s)
        except KeyboardInterrupt:
            return 0
    elif watch:
        anyio.run(_follow, settings, every_s)
    else:
        Screen().say(*anyio.run(_lines, settings))
    return 0


async def _lines(settings: Settings) -> list[str]:
    async with open_ledger(settings, read_only=True) as ledger:
        return status_lines(await overview(ledger, settings), Screen())


async def _watch(settings: Settings, every_s: float) -> None:
    """Redraw in place; the last picture stays on the screen."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    stream = sys.stdout  # as it is now: Live puts a stand-in there, which knows no encoding
    async with open_ledger(settings, read_only=True) as ledger:
        with Live(console=Console(), auto_refresh=False, transient=False) as live:
            while True:
                screen = Screen(stream)
                view = await overview(ledger, settings, verdicts=False)
                foot = screen.paint(
                    f"{clock(view.at)} · every {every_s:g} s · Ctrl-C ends the view, not the work", "dim"
                )
                live.update(Text.from_ansi("\n".join([*status_lines(view, screen), "", foot])), refresh=True)
                await anyio.sleep(every_s)


async def _follow(settings: Settings, every_s: float) -> None:
    """One line a look, for a log or a pipe, until all jobs have ended."""
    async with open_ledger(settings, read_only=True) as ledger:
        while True:
            view = await overview(ledger, settings, verdicts=False)
            eta = f", about {view.eta.expected_s:.0f} s left" if view.eta else ""
            Screen().say(f"{clock(view.at)} {view.done:,} of {view.jobs:,} jobs done{eta}")
            if view.done == view.jobs:
                return
            await anyio.sleep(every_s)


async def _json(settings: Settings) -> str:
    async with open_ledger(settings, read_only=True) as ledger:
        view = await overview(ledger, settings, verdicts=False)
        summary: dict[str, Any] = json.loads(summary_json(await summarise(ledger, eta=view.eta)))
    return json.dumps(summary | _as_dict(view))


def _as_dict(view: Overview) -> dict[str, Any]:
    return {
        "at": view.at,
        "running": asdict(view.running) if view.running else None,
        "replicas": [asdict(replica) for replica in view.replicas],
        "cancelling": view.cancelling,
        "window_s": view.window_s,
        "lanes": [
            {
                "lane": str(lane.lane),
                "holder": lane.holder,
                "states": dict(lane.states),
                "slots": lane.slots,
                "in_flight": lane.in_flight,
                "start_per_s": lane.start_per_s,
                "started": lane.started,
                "throttled": lane.throttled,
                "ended": lane.ended,
            }
            for lane in view.lanes
        ],
        "reason_groups": [asdict(group) | {"retry_reason": group.word} for group in view.reasons],
        "manifests": list(view.manifests),
    }
