"""A brown-out: AWS answers everything, but so late that half of the calls are given up. Nothing piles up meanwhile."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fleet.app.fleet import App
from fleet.aws.session import Access, Timeouts, open_clients
from fleet.core.job import State
from fleet.ledger.ledger import Ledger
from fleet.sandbox.faults import Fault
from fleet.sandbox.simulation import Simulation, simulate
from fleet.sandbox.switches import Switches
from fleet.sandbox.truth import duplicates
from tests.conftest import REGION, make_settings

JOBS = 16
BROWN_OUT_S = 900.0
SLOW = (
    Fault(what="slow", operation="*", seconds=29.0, every=2),
    Fault(what="slow", operation="*", seconds=35.0),
)


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that lead nowhere; the simulation answers in place of every endpoint."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "123456789012")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")


def test_a_quarter_of_an_hour_of_late_answers_costs_few_tasks_and_loses_nothing(tmp_path: Path) -> None:
    """Tasks and calls stay few while it lasts; afterwards every job is done, once each."""

    async def main(sandbox: Simulation) -> tuple[Simulation, list[int], Counter[State], int]:
        return sandbox, *await live(sandbox, tmp_path)

    with capture_logs():
        sandbox, tasks, states, asked = simulate(main, Switches(seed=3))

    half = len(tasks) // 2
    assert max(tasks[half:]) <= max(tasks[:half]) + 10
    assert max(tasks) < 200
    assert asked < BROWN_OUT_S  # less than one a second, of all operations together
    assert states == {State.VERIFIED: JOBS}
    assert duplicates(list(sandbox.service.log)) == {}


async def live(sandbox: Simulation, directory: Path) -> tuple[list[int], Counter[State], int]:
    """The tasks in each second of the brown-out, the jobs' states in the end, and the requests while it lasted."""
    for number in range(JOBS):
        await sandbox.store.write(
            "corpus-in", f"{number:03}/one.txt", b"Anna Smith of Paris loves her new phone.\n" * 20
        )
    manifest = directory / "manifest.jsonl"
    manifest.write_text("".join(f'{{"prefix": "s3://corpus-in/{number:03}/"}}\n' for number in range(JOBS)))
    tasks = []
    async with (
        await Ledger.open(f"sqlite:///{directory}/fleet.db", wall=sandbox.clock.now) as ledger,
        open_clients({"main": Access(region=REGION)}, Timeouts()) as clients,
    ):
        for target in clients.values():
            sandbox.attach(target.comprehend._client)
            sandbox.attach(target.s3._client)
        app = App(make_settings("entities"), ledger, clients, clock=sandbox.clock, rng=random.Random(1))
        running = asyncio.ensure_future(app.run_to_end([str(manifest)]))
        await sandbox.clock.sleep(60)
        for fault in SLOW:
            sandbox.faults.add(fault)
        before = len(sandbox.service.log)
        for _ in range(round(BROWN_OUT_S)):
            await sandbox.clock.sleep(1)
            tasks.append(len(asyncio.all_tasks()))
        asked = len(sandbox.service.log) - before
        sandbox.faults.clear()
        await running
        states = Counter(job.state for job in await ledger.jobs())
    return tasks, states, asked
