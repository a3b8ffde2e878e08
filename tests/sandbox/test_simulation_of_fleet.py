"""fleet itself in the simulation: its real clients, stages and ledger, hours of work in seconds, each time the same."""

import random
from pathlib import Path
from typing import Any

import pytest

from fleet.app.fleet import App
from fleet.aws.session import Access, Timeouts, open_clients
from fleet.core.job import State
from fleet.ledger.ledger import Ledger
from fleet.sandbox.faults import Fault
from fleet.sandbox.simulation import Simulation, simulate
from fleet.sandbox.switches import Switches
from fleet.sandbox.truth import Entry, duplicates, losses, steady, worst_window
from fleet.settings import Settings

ROLE = "arn:aws:iam::123456789012:role/comprehend"
LINES = b"Anna Smith of Paris loves her new phone.\n" * 20
PREFIXES = 25


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that lead nowhere; the simulation answers in place of every endpoint."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "123456789012")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")


async def run_fleet(sandbox: Simulation, directory: Path, kind: str = "entities") -> dict[State, int]:
    """One fleet from its manifest to its end; its jobs by state."""
    settings = Settings.model_validate(
        {
            "defaults": {"kinds": [kind], "language": "en", "input_format": "ONE_DOC_PER_LINE"},
            "targets": {
                "main": {"region": "us-east-1", "data_access_role_arn": ROLE, "output": "s3://corpus-out/results/"}
            },
        }
    )
    for number in range(PREFIXES):
        await sandbox.store.write("corpus-in", f"{number:03d}/one.txt", LINES)
    manifest = directory / "manifest.jsonl"
    manifest.write_text("".join(f'{{"prefix": "s3://corpus-in/{number:03d}/"}}\n' for number in range(PREFIXES)))
    ledger = await Ledger.open(f"sqlite:///{directory}/fleet.db", wall=sandbox.clock.now)
    try:
        async with open_clients({"main": Access(region="us-east-1")}, Timeouts()) as clients:
            for target in clients.values():
                sandbox.attach(target.comprehend._client)
                sandbox.attach(target.s3._client)
            app = App(settings, ledger, clients, clock=sandbox.clock, rng=random.Random(1))
            await app.run_to_end([str(manifest)])
        counts = await ledger.counts()
        return {state: sum(lane[state] for lane in counts.values()) for state in State}
    finally:
        await ledger.close()


def simulated(directory: Path, kind: str = "entities", **switches: Any) -> tuple[Simulation, dict[State, int]]:
    async def main(sandbox: Simulation) -> tuple[Simulation, dict[State, int]]:
        return sandbox, await run_fleet(sandbox, directory, kind)

    directory.mkdir()
    return simulate(main, Switches(**{"seed": 5, **switches}))


@pytest.mark.parametrize("kind", ["entities", "pii_entities"])
def test_fleet_runs_to_its_end_in_virtual_time(tmp_path: Path, kind: str) -> None:
    """Three waves of eight minutes; threads read every output, nothing is lost, doubled, too fast or too many."""
    sandbox, states = simulated(tmp_path / "run", kind)

    log, spans = list(sandbox.service.log), sandbox.service.spans()
    inputs = {(kind, f"s3://corpus-in/{number:03d}/") for number in range(PREFIXES)}
    assert states[State.VERIFIED] == PREFIXES
    assert duplicates(log) == {}
    assert losses(log, inputs) == set()
    assert max(worst_window(log, without=()).values()) <= 10
    assert spans[-1].start - spans[0].start > 600
    found = steady(spans, slots=10)
    assert found is not None
    assert found.utilisation > 0.98


def test_the_same_seed_is_the_same_run_of_fleet(tmp_path: Path) -> None:
    """Every request at the same instant with the same outcome, with lost answers and throttles on the way."""
    faults = (
        Fault(what="lose_answer", operation="Start*", every=4),
        Fault(what="throttle", operation="List*", probability=0.1),
    )
    logs: list[list[Entry]] = []
    for name in ("first", "second"):
        sandbox, states = simulated(tmp_path / name, faults=faults)
        logs.append(list(sandbox.service.log))
        assert states[State.VERIFIED] == PREFIXES

    assert logs[0] == logs[1]
    assert duplicates(logs[0]) == {}


def test_a_bomb_in_the_output_is_refused_in_the_simulation(tmp_path: Path) -> None:
    """What a reader in a thread finds comes back as it would in a process of its own."""
    bomb = Fault(what="bomb_output", operation="Start*", times=1, size_bytes=100 << 20)

    _, states = simulated(tmp_path / "run", faults=(bomb,))

    assert (states[State.VERIFIED], states[State.DISCARDED]) == (PREFIXES - 1, 1)


def test_a_start_that_hangs_holds_its_own_slot_and_not_the_lane(tmp_path: Path) -> None:
    """While the first Start is not answered the others leave at full rate, and nothing is lost or doubled."""
    hang = Fault(what="hang", operation="Start*", accept=True, times=1)

    sandbox, states = simulated(tmp_path / "run", faults=(hang,))

    starts = [entry.time for entry in sandbox.service.log if entry.operation.startswith("Start")]
    assert starts[9] - starts[0] < 12
    assert states[State.VERIFIED] == PREFIXES
    assert duplicates(list(sandbox.service.log)) == {}


def test_where_every_start_hangs_few_are_sent(tmp_path: Path) -> None:
    """An outage leaves few jobs to be looked up: no Start follows until those that hang were given up."""
    hang = Fault(what="hang", operation="Start*", accept=True, times=3)

    sandbox, states = simulated(tmp_path / "run", faults=(hang,))

    starts = [entry.time for entry in sandbox.service.log if entry.operation.startswith("Start")]
    assert starts[2] - starts[0] < 6
    assert starts[3] - starts[2] > 10
    assert states[State.VERIFIED] == PREFIXES
    assert duplicates(list(sandbox.service.log)) == {}
