"""Every ledger can be checked, copied while it is used, read as a whole, and says how it fares."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from fleet.core.errors import InvalidInput
from fleet.core.job import Event, State
from fleet.ledger import Ledger, Recorded
from fleet.ledger.questions import contradiction
from tests.contract.conftest import Case


async def test_a_ledger_in_use_is_sound(case: Case) -> None:
    """With jobs in every state and several attempts nothing is found."""
    for number, state in enumerate(reversed(State)):
        (job,) = await case.plan(start=number)
        await case.bring(job, state)

    assert await case.ledger.check() == []


async def test_everything_is_read_in_order(case: Case) -> None:
    """`histories` yields every job once, by id, with the events that `history` gives."""
    jobs = [await case.bring(job, State.SUBMITTING) for job in await case.plan(3)]

    found = [(job, history) async for job, history in case.ledger.histories()]

    assert [job for job, _ in found] == jobs
    assert [history for _, history in found] == [await case.ledger.history(job.id) for job in jobs]


@pytest.mark.parametrize(
    ("happened", "says"),
    [
        ([(Event.ACCEPTED, 1)], "its history says accepted of a pending job"),
        ([(Event.CLAIMED, 1)], "it is running in attempt 2, and its history ends submitting in attempt 1"),
        ([(Event.CLAIMED, 2), (Event.ACCEPTED, 1)], "accepted in attempt 1 after attempt 2 began"),
        ([(Event.CLAIMED, 2), (Event.ACCEPTED, 2)], None),
    ],
)
async def test_a_job_is_where_its_history_leads(
    case: Case, happened: list[tuple[Event, int]], says: str | None
) -> None:
    """A row that disagrees with its events is a finding that names the job and the disagreement."""
    (job,) = await case.plan()
    job = replace(await case.bring(job, State.RUNNING), attempt=2)

    found = contradiction(job, [Recorded(0.0, event, attempt, {}) for event, attempt in happened])

    assert found is None if says is None else f"job {job.key}" in (found or "") and says in (found or "")


@pytest.mark.parametrize("new_url", ["sqlite"], indirect=True)
async def test_a_backup_is_a_ledger_of_that_moment(case: Case, tmp_path: Path) -> None:
    """Made while jobs move on, it has all that was durable before, is sound, and is for its owner alone."""
    jobs = await case.plan(20)
    copy = tmp_path / "copy.db"

    await asyncio.gather(
        case.ledger.back_up(str(copy)), *(case.bring(job, State.RUNNING) for job in jobs[:1]), case.plan(5, start=50)
    )

    assert copy.stat().st_mode & 0o777 == 0o600
    async with await Ledger.open(f"sqlite:///{copy}") as ledger:
        assert {job.key for job in jobs} <= {job.key for job in await ledger.jobs()}
        assert await ledger.check() == []


@pytest.mark.parametrize("new_url", ["sqlite"], indirect=True)
async def test_a_backup_overwrites_nothing(case: Case, tmp_path: Path) -> None:
    """`InvalidInput` for a name that is taken or that cannot be made, and nothing half made stays."""
    taken = tmp_path / "taken"
    taken.write_text("precious")

    with pytest.raises(InvalidInput, match="exists already"):
        await case.ledger.back_up(str(taken))
    with pytest.raises(InvalidInput, match="No such file or directory"):
        await case.ledger.back_up(str(tmp_path / "missing" / "copy.db"))

    assert taken.read_text() == "precious"
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


@pytest.mark.parametrize("new_url", ["postgresql"], indirect=True)
async def test_a_server_is_backed_up_by_its_own_tools(case: Case, tmp_path: Path) -> None:
    """`InvalidInput` says by which, and nothing is written."""
    with pytest.raises(InvalidInput, match="pg_dump"):
        await case.ledger.back_up(str(tmp_path / "copy.db"))

    assert not os.listdir(tmp_path)


async def test_a_ledger_says_how_it_fares(case: Case) -> None:
    """While all is well there is no trouble and no failed commit."""
    await case.plan()

    health = case.ledger.health()

    assert (health.trouble, health.failed_commits) == (None, 0)
    assert case.ledger.upgraded_from() is None
