"""The live display of `fleet run`: the same picture as `fleet status`, redrawn on standard error until all is done."""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

import anyio
from rich.console import Console
from rich.live import Live
from rich.text import Text

from fleet.app import App
from fleet.app.forecast import forecast
from fleet.app.overview import overview
from fleet.cli.frame import headline, lane_lines
from fleet.cli.screen import Screen
from fleet.core.columns import wrap
from fleet.core.eta import Eta
from fleet.core.overview import Overview
from fleet.core.report import duration

__all__ = ["Display"]

_REFRESH_S: Final = 1.0
_FORECAST_S: Final = 10.0  # it plays the rest of the run through, which costs more than a look


class Display:
    """A picture that redraws itself on standard error until it is done. Log lines appear above it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._stream = sys.stderr  # as it is now: Live puts a stand-in there, which knows no encoding
        self._began = time.monotonic()
        self._eta: Eta | None = None
        self._eta_at = float("-inf")

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Show the display while the context lasts; its last frame stays on the screen."""
        with Live(console=Console(stderr=True), auto_refresh=False, redirect_stdout=False) as live:
            async with anyio.create_task_group() as group:
                group.start_soon(self._refresh, live)
                yield
                group.cancel_scope.cancel()
            live.update(await self._frame(), refresh=True)

    async def _refresh(self, live: Live) -> None:
        while True:
            live.update(await self._frame(), refresh=True)
            await anyio.sleep(_REFRESH_S)

    async def _frame(self) -> Text:
        now = time.monotonic()
        if now - self._eta_at >= _FORECAST_S:
            self._eta, self._eta_at = await forecast(self._app.ledger, self._app.settings), now
        view = await overview(self._app.ledger, self._app.settings, verdicts=False, eta=False)
        return Text.from_ansi("\n".join(self.lines(replace(view, eta=self._eta), Screen(self._stream), now)))

    def lines(self, view: Overview, screen: Screen, now: float) -> list[str]:
        """One frame. `now` is monotonic seconds."""
        caption = wrap(self._caption(now), screen.columns)
        lanes = lane_lines(view, screen) if view.lanes else ["reading the manifest ..."]
        return [*headline(view, screen), *lanes, *(screen.paint(line, "dim") for line in caption)]

    def _caption(self, now: float) -> str:
        requests = throttled = 0
        for _, outcome, count in self._app.api_counts():
            requests += count
            throttled += count if outcome == "throttled" else 0
        elapsed = duration(now - self._began)
        return f"{elapsed} elapsed · {requests:,} calls to AWS, {throttled:,} throttled · Ctrl-C drains"
