"""`fleet serve`: the daemon that stays, watches its manifests and answers over HTTP."""

import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from fleet.app import serve, set_up_logs
from fleet.cli.signals import drained_by_signals
from fleet.settings import Settings, load

__all__ = ["serve_command"]


def serve_command(manifests: Sequence[str], config: Path | None, *, strict: bool, log_level: str | None) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a drain in time."""
    settings = load(config, flags={"manifest": {"strict": True}} if strict else None)
    set_up_logs(level=log_level or "info")
    anyio.run(_serve, settings, config, list(manifests), backend_options={"use_uvloop": True})
    return 0


async def _serve(settings: Settings, config: Path | None, manifests: list[str]) -> None:
    @asynccontextmanager
    async def started(daemon: Any) -> AsyncIterator[None]:
        async with (
            drained_by_signals(daemon.drain, deadline_s=settings.drain.deadline_s),
            anyio.create_task_group() as group,
        ):
            group.start_soon(_reload_on_hangup, daemon)
            yield
            group.cancel_scope.cancel()

    await serve(settings, config, manifests, started=started)


async def _reload_on_hangup(daemon: Any) -> None:
    with anyio.open_signal_receiver(signal.SIGHUP) as hangups:
        async for _ in hangups:
            daemon.reload()
