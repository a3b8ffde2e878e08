"""`fleet run`: the fleet to its end, with a live display on a terminal and plain log lines elsewhere."""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio

from fleet.app import App, open_app, set_up_logs, summarise
from fleet.cli.display import Display
from fleet.core.report import as_json as summary_json
from fleet.core.report import as_text as summary_text
from fleet.settings import Settings, load

__all__ = ["run_command"]


def run_command(manifests: Sequence[str], config: Path | None, *, as_json: bool, log_level: str | None) -> int:
    """Run the manifests to the end and print the summary; the exit code."""
    settings = load(config)
    return anyio.run(_run, settings, list(manifests), as_json, log_level, backend_options={"use_uvloop": True})


async def _run(settings: Settings, manifests: list[str], as_json: bool, log_level: str | None) -> int:
    live = sys.stderr.isatty()
    began = time.monotonic()
    async with open_app(settings) as app:
        async with AsyncExitStack() as stack:
            if live:
                await stack.enter_async_context(Display(app).shown())
            set_up_logs(level=log_level or ("warning" if live else "info"))
            caught = await stack.enter_async_context(_signals(app))
            readings = await app.run_to_end(manifests)
        summary = await summarise(
            app.ledger,
            [reading.manifest_id for reading in readings],
            telemetry=app.telemetry,
            elapsed_s=time.monotonic() - began,
        )
    if as_json:
        sys.stdout.write(summary_json(summary) + "\n")
    else:
        sys.stdout.write(summary_text(summary) + "\n")
    if caught:
        sys.stderr.write(f"fleet: stopped; {summary.unfinished:,} jobs are not done: run the same command to go on\n")
        return 128 + caught[0]
    return summary.exit_code


@asynccontextmanager
async def _signals(app: App) -> AsyncIterator[list[int]]:
    """The first SIGINT or SIGTERM drains, a second leaves at once: both are safe. What was caught, in order."""
    caught: list[int] = []

    async def watch() -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                if caught:
                    os._exit(128 + number)
                caught.append(number)
                sys.stderr.write("fleet: finishing the calls in hand; once more leaves at once (safe too)\n")
                app.drain()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        yield caught
        group.cancel_scope.cancel()
