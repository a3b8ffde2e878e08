"""What the supervisor hears when the process hangs: nothing, so that it restarts it; and what the metrics say of it."""

import os
import random
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import pytest

from fleet.app.notify import Notify
from fleet.app.serving import Daemon
from fleet.aws.session import Access, Timeouts, open_clients
from fleet.ledger.database import Health
from fleet.ledger.ledger import Ledger
from tests.conftest import REGION, HandClock, make_settings

WATCHDOG_S = 10.0


@pytest.fixture
def supervisor() -> Iterator[socket.socket]:
    """Where a service manager listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0fleet-watchdog-{os.getpid()}")
        listening.setblocking(False)
        yield listening


@pytest.fixture
async def daemon(
    supervisor: socket.socket, clock: "PacedClock", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Daemon]:
    """A daemon whose time is the test's, and that has not begun to work."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "two")
    address = "@" + os.fsdecode(supervisor.getsockname()[1:])
    async with (
        open_clients({"main": Access(region=REGION)}, Timeouts()) as clients,
        await Ledger.open(f"sqlite:///{tmp_path}/fleet.db") as ledger,
    ):
        notify = Notify(address, watchdog_s=WATCHDOG_S)
        yield Daemon(
            make_settings("entities"),
            None,
            ledger,
            clients,
            view=ledger,
            notify=notify,
            clock=clock,
            rng=random.Random(1),
        )
        notify.close()


class PacedClock(HandClock):
    """Sleepers wake when the test has moved the time that far."""

    async def sleep(self, seconds: float) -> None:
        await self.reach(self.now() + seconds)


@pytest.fixture
def clock() -> PacedClock:
    return PacedClock()


def heard(supervisor: socket.socket) -> int:
    """How many signs of life came since this was last asked."""
    count = 0
    while True:
        try:
            count += b"WATCHDOG=1" in supervisor.recv(4096).splitlines()
        except BlockingIOError:
            return count


async def let_run(clock: HandClock, seconds: float, step_s: float = 0.5) -> None:
    """Time passes in small steps, and everybody has a turn in each."""
    for _ in range(round(seconds / step_s)):
        clock.advance(step_s)
        await anyio.wait_all_tasks_blocked()


async def test_a_loop_that_is_blocked_is_not_alive_and_shows_in_the_metric(
    daemon: Daemon, supervisor: socket.socket, clock: PacedClock
) -> None:
    """Something holds the loop for a minute: no sign of life for six watchdog times, and a lag over 30 s is counted."""
    async with anyio.create_task_group() as group:
        group.start_soon(daemon._beat)
        group.start_soon(daemon._measure_lag)
        await let_run(clock, 20)
        before = heard(supervisor)

        clock.advance(60)  # nobody has a turn meanwhile
        during = heard(supervisor)
        await let_run(clock, 20)
        after = heard(supervisor)
        group.cancel_scope.cancel()

    assert before >= 4
    assert during == 0
    assert after >= 4
    (lag,) = daemon.telemetry.event_loop_lag_seconds.collect()
    counted = {sample.labels["le"]: sample.value for sample in lag.samples if "le" in sample.labels}
    assert counted["+Inf"] - counted["30.0"] == 1


async def test_a_stage_that_hangs_is_no_sign_of_life_although_the_loop_turns(
    daemon: Daemon, supervisor: socket.socket, clock: PacedClock
) -> None:
    """While one tick lasts for too long nothing is heard and `/livez` names the stage; once it moves all is well."""
    async with anyio.create_task_group() as group:
        daemon._app.progress.began("track lane", clock.monotonic(), limit_s=30.0)
        group.start_soon(daemon._beat)
        await let_run(clock, 30)
        within = heard(supervisor)

        await let_run(clock, 60)
        beyond, stalled = heard(supervisor), daemon.stalled()
        daemon._app.progress.rested("track lane", clock.monotonic(), 600.0)
        await let_run(clock, 30)
        moved = heard(supervisor)
        group.cancel_scope.cancel()

    assert within >= 4
    assert beyond == 0
    assert stalled[0].startswith("track lane has been in one tick for 90 s")
    assert moved >= 4


async def test_a_ledger_that_hangs_is_no_reason_to_be_restarted(
    daemon: Daemon, supervisor: socket.socket, clock: PacedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database never answers: signs of life go on, and nothing is called stalled."""
    monkeypatch.setattr(daemon.ledger, "counts", anyio.sleep_forever)
    daemon._app.reconciled.set()
    async with anyio.create_task_group() as group:
        group.start_soon(daemon._beat)
        group.start_soon(daemon._say_how_far)
        await let_run(clock, 20)
        signs, stalled = heard(supervisor), daemon.stalled()
        group.cancel_scope.cancel()

    assert signs >= 4
    assert stalled == []


async def test_a_shared_ledger_out_of_reach_does_not_hold_up_the_metrics(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database would not answer the scrape in its time: it is not asked, and the metric of the alert is true."""
    monkeypatch.setattr(daemon.ledger, "counts", anyio.sleep_forever)
    monkeypatch.setattr(Ledger, "shared", True)
    monkeypatch.setattr(daemon.ledger, "health", lambda: Health("out of reach", 1, 0))

    await daemon.refresh()

    registry = daemon.telemetry.registry
    assert registry.get_sample_value("fleet_ledger_writable") == 0
    assert registry.get_sample_value("fleet_collector_errors_total") == 1
