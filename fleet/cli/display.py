"""The live display of `fleet run`: per kind pending, in flight, verified, discarded, rate and ETA."""

import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import anyio
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fleet.app import App
from fleet.core.job import ENDED, IN_FLIGHT, State
from fleet.core.kinds import KINDS
from fleet.core.lane import Lane
from fleet.core.report import duration

__all__ = ["Display", "Pace"]

_REFRESH_S: Final = 0.5
_WINDOW_S: Final = 60.0
_BAR_FROM_COLUMNS: Final = 96  # narrower terminals show the numbers alone

Counts = Mapping[Lane, Mapping[State, int]]


class Pace:
    """How fast jobs end, over the last minute. `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, now: float, ended: int) -> None:
        """Note how many jobs have ended by now."""
        self._seen.append((now, ended))
        while now - self._seen[0][0] > _WINDOW_S:
            self._seen.popleft()

    @property
    def per_s(self) -> float:
        """Jobs that ended a second, 0 while nothing has."""
        (began, before), (now, ended) = self._seen[0], self._seen[-1]
        return (ended - before) / (now - began) if now > began else 0.0

    def eta_s(self, left: int) -> float | None:
        """Seconds until the jobs that are left have ended at this pace; None while there is no pace."""
        return left / self.per_s if self.per_s > 0 else None


class Display:
    """A table that redraws itself on standard error until it is done. Log lines appear above it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._bars = True
        self._began = time.monotonic()
        self._paces = {kind: Pace() for kind in [*KINDS, "total"]}

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Show the display while the context lasts; its last frame stays on the screen."""
        console = Console(stderr=True)
        self._bars = console.width >= _BAR_FROM_COLUMNS
        with Live(console=console, auto_refresh=False, redirect_stdout=False) as live:
            async with anyio.create_task_group() as group:
                group.start_soon(self._refresh, live)
                yield
                group.cancel_scope.cancel()
            live.update(self.table(await self._app.counts(), time.monotonic()), refresh=True)

    async def _refresh(self, live: Live) -> None:
        while True:
            live.update(self.table(await self._app.counts(), time.monotonic()), refresh=True)
            await anyio.sleep(_REFRESH_S)

    def table(self, counts: Counts, now: float) -> Table:
        """One frame: a row per kind that has jobs, and their sum."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("kind", no_wrap=True)
        if self._bars:
            table.add_column("", width=18)
        for name in ("pending", "in flight", "verified", "discarded", "jobs/min", "ETA"):
            table.add_column(name, justify="right", no_wrap=True)
        kinds = _by_kind(counts)
        for kind in KINDS:
            if kind in kinds:
                table.add_row(*self._row(kind, kinds[kind], now))
        total = {state: sum(states.get(state, 0) for states in kinds.values()) for state in State}
        table.add_row(*self._row("total", total, now), style="bold")
        table.caption = self._caption(now)
        table.caption_justify = "left"
        return table

    def _row(self, kind: str, states: Mapping[State, int], now: float) -> list[Text | ProgressBar]:
        ended = sum(states.get(state, 0) for state in ENDED)
        jobs = sum(states.values())
        pace = self._paces[kind]
        pace.see(now, ended)
        in_flight = sum(states.get(state, 0) for state in (*IN_FLIGHT, State.FINISHED))
        given_up = states.get(State.DISCARDED, 0) + states.get(State.CANCELLED, 0)
        bar = [ProgressBar(total=max(1, jobs), completed=ended, width=18)] if self._bars else []
        return [
            Text(kind),
            *bar,
            Text(f"{states.get(State.PENDING, 0):,}"),
            Text(f"{in_flight:,}"),
            Text(f"{states.get(State.VERIFIED, 0):,}", style="green"),
            Text(f"{given_up:,}", style="red" if given_up else ""),
            Text(f"{pace.per_s * 60:,.0f}"),
            Text(duration(pace.eta_s(jobs - ended))),
        ]

    def _caption(self, now: float) -> Text:
        requests = throttled = 0
        for _, outcome, count in self._app.api_counts():
            requests += count
            throttled += count if outcome == "throttled" else 0
        elapsed = duration(now - self._began)
        return Text(f"{elapsed} elapsed · {requests:,} calls to AWS, {throttled:,} throttled · Ctrl-C drains")


def _by_kind(counts: Counts) -> dict[str, dict[State, int]]:
    kinds: dict[str, dict[State, int]] = {}
    for lane, states in counts.items():
        kind = kinds.setdefault(lane.kind, {})
        for state, jobs in states.items():
            kind[state] = kind.get(state, 0) + jobs
    return {kind: states for kind, states in kinds.items() if any(states.values())}
