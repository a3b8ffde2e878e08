"""Commands that change what becomes of jobs: retry and cancel, with and without a fleet that holds the ledger."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest

from fleet.core.job import Job, State
from fleet.ledger import Ledger
from tests.cli.conftest import Fleet, key

pytestmark = pytest.mark.usefixtures("ledger")


def states(directory: Path) -> dict[str, tuple[State, int, bool]]:
    async def read() -> dict[str, tuple[State, int, bool]]:
        async with await Ledger.open(f"sqlite:///{directory}/fleet.db", read_only=True) as ledger:
            return {job.key: (job.state, job.attempt, job.cancel_requested) for job in await ledger.jobs()}

    return asyncio.run(read())


@pytest.fixture
def held(tmp_path: Path, ledger: list[Job]) -> Iterator[None]:
    """A fleet that holds the ledger for writing, in another thread with a loop of its own."""
    ready, leave = Flag(), Flag()

    async def hold() -> None:
        async with await Ledger.open(f"sqlite:///{tmp_path}/fleet.db"):
            ready.set()
            await asyncio.to_thread(leave.wait)

    thread = Thread(target=lambda: asyncio.run(hold()))
    thread.start()
    assert ready.wait(10)
    yield
    leave.set()
    thread.join()


def test_retry_by_reason_shows_first_and_changes_nothing_on_a_dry_run(fleet: Fleet, tmp_path: Path) -> None:
    """The discarded jobs of that reason; with --dry-run nothing moves, and without a terminal --yes is demanded."""
    before = states(tmp_path)

    dry = fleet("retry", "--reason", "NO_READ_ACCESS", "--dry-run")
    asked = fleet("retry", "--reason", "NO_READ_ACCESS")

    assert (dry.code, asked.code) == (0, 2)
    assert "2 jobs would be retried." in dry.out
    assert "add --yes" in asked.err
    assert states(tmp_path) == before


def test_retry_gives_ended_jobs_a_new_attempt(fleet: Fleet, tmp_path: Path) -> None:
    """By reason the discarded ones, by verdict the verified ones that are not whole; nothing else moves."""
    by_reason = fleet("retry", "--reason", "NO_READ_ACCESS", "--yes", "--json")
    by_verdict = fleet("retry", "--verdict", "partial", "--yes", "--json")

    assert (by_reason.json["retried"], by_verdict.json["retried"]) == (2, 2)
    found = states(tmp_path)
    assert all(found[key(number)] == (State.PENDING, 2, False) for number in (2, 3, 4, 5))
    assert all(found[key(number)] == (State.VERIFIED, 1, False) for number in (0, 1))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("retry",), 2, "say which"),
        (("retry", "--state", "running"), 2, "only ended jobs"),
        (("retry", "--verdict", "complete"), 2, "generation"),
        (("retry", key(0), "--yes"), 65, "is verified and complete"),
        (("retry", "--kind", "sentimnt", "--yes"), 65, "did you mean 'sentiment'?"),
        (("retry", "--manifest", "corpus.json", "--yes"), 65, "did you mean 'corpus.jsonl'?"),
        (("cancel",), 2, "say which"),
        (("cancel", "--state", "verified"), 2, "can be cancelled"),
    ],
)
def test_a_wrong_choice_says_what_to_give_instead(fleet: Fleet, words: tuple[str, ...], code: int, says: str) -> None:
    """Nothing is chosen by accident: no condition, a wrong state, an unknown word."""
    said = fleet(*words)

    assert said.code == code
    assert says in said.err


@pytest.mark.usefixtures("held")
def test_retry_and_cancel_work_while_a_fleet_holds_the_ledger(fleet: Fleet, tmp_path: Path) -> None:
    """Wishes are short transactions between those of the holder, who is told of in the answer."""
    retried = fleet("retry", "--state", "discarded", "--yes", "--json")
    wished = fleet("cancel", "--kind", "entities", "--no-wait", "--yes", "--json")

    assert (retried.json["retried"], retried.json["running"]) == (2, True)
    assert wished.json["running"] is True
    found = states(tmp_path)
    assert found[key(4)] == (State.PENDING, 2, True)
    assert found[key(5)] == (State.PENDING, 2, False)
    assert found[key(6)] == (State.PENDING, 1, True)


@pytest.mark.usefixtures("held")
def test_status_names_the_process_that_holds_the_ledger(fleet: Fleet) -> None:
    """Seen without a touch of the lock."""
    assert fleet("status").out.startswith("Running (process ")


def test_a_wish_without_a_ledger_makes_none(fleet: Fleet, tmp_path: Path) -> None:
    """Exit code 65, and no file appears."""
    (tmp_path / "fleet.toml").write_text((tmp_path / "fleet.toml").read_text().replace("fleet.db", "other.db"))

    said = fleet("retry", "--state", "discarded", "--yes")

    assert said.code == 65
    assert not list(tmp_path.glob("other.db*"))
