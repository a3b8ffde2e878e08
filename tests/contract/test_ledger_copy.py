"""A ledger is copied whole into an empty one, between databases of any two kinds."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from fleet.core.job import Event, State
from fleet.ledger import Ledger, Orphan
from fleet.ledger.copying import copy_ledger
from fleet.ledger.postgres.queries import PostgresTransaction
from fleet.ledger.tables import TABLES
from tests.contract.conftest import HOLDER, LANE, OTHER_LANE, Wall, planned
from tests.contract.copies import Bad, dump, fill
from tests.contract.test_ledger_histories import LedgerMachine

pytestmark = pytest.mark.usefixtures("small_pages")


class CopiedMachine(LedgerMachine):
    """Any history, and what becomes of it on the way to another database and back."""

    def __init__(self, url: str, other: str, back: str) -> None:
        super().__init__(url)
        self.other, self.back = other, back

    @rule(lane=st.sampled_from([LANE, OTHER_LANE]), at=st.floats(0, 4e9), attempt=st.integers(1, 3))
    def reconcile(self, lane: Any, at: float, attempt: int) -> None:
        key = planned(next(self.numbers)).key
        self.run(self.ledger.note_orphans(lane, [Orphan(key, attempt, "7" * 32, at)]))
        self.run(self.ledger.set_reconciled(lane, at))

    @rule(source=st.sampled_from(["test", "other", "ünïcode"]), digest=st.sampled_from([None, "d"]))
    def reject(self, source: str, digest: str | None) -> None:
        manifest = self.run(self.ledger.begin_manifest(source, digest))
        self.run(self.ledger.reject(manifest.id, [Bad()]))

    def teardown(self) -> None:
        self.run(self.ledger.close())
        self.run(copy_ledger(self.url, self.other, lease_s=15))
        self.run(copy_ledger(self.other, self.back, lease_s=15))
        self.ledger = self.run(Ledger.open(self.back))
        assert self.run(self.ledger.check()) == []
        super().teardown()
        assert dump(self.back) == dump(self.url)


def test_any_history_is_the_same_there_and_back(new_url: Callable[[], str], file_url: Callable[[], str]) -> None:
    """From a file to each database and back into a file: the schema, every row and every count, byte for byte."""
    run_state_machine_as_test(
        lambda: CopiedMachine(file_url(), new_url(), file_url()),
        settings=settings(
            max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )


async def test_a_copy_says_what_it_has(new_url: Callable[[], str], file_url: Callable[[], str]) -> None:
    """Every table's rows and digest are told, the same for a copy of the copy, and progress goes to the end."""
    source, target = file_url(), new_url()
    await fill(source)
    steps: list[tuple[int, int]] = []

    there = await copy_ledger(source, target, lease_s=15, progress=lambda done, total: steps.append((done, total)))
    back = await copy_ledger(target, file_url(), lease_s=15)

    assert there.contents == back.contents
    assert {name: found.rows for name, found in there.contents.items()} == {
        "lanes": 2,
        "requests": 1,
        "manifests": 2,
        "jobs": 20,
        "entries": 20,
        "rejections": 2,
        "events": 9,
        "orphans": 2,
    }
    rows = sum(found.rows for found in there.contents.values())
    assert steps == sorted(steps)
    assert steps[-1] == (2 * rows, 2 * rows)


async def test_a_copy_goes_on(new_url: Callable[[], str], file_url: Callable[[], str]) -> None:
    """What is added to a copy gets ids of its own, and known jobs are known there."""
    source, target = file_url(), new_url()
    await fill(source)
    await copy_ledger(source, target, lease_s=15)

    async with await Ledger.open(target, wall=Wall()) as ledger:
        manifest = await ledger.begin_manifest("another", None)
        await ledger.add(manifest.id, [(1, planned(1)), (2, planned(99, target="second", request="{}"))])
        await ledger.reject(manifest.id, [Bad()])
        jobs = await ledger.jobs()
        claimed = await ledger.claim(OTHER_LANE, limit=100, holder="another process")
        findings = await ledger.check()

    assert [job.id for job in jobs[:20]] == list(range(1, 21))
    assert jobs[20].id > 20
    assert len(claimed) == 9
    assert findings == []


async def test_an_empty_ledger_may_know_lanes(new_url: Callable[[], str], file_url: Callable[[], str]) -> None:
    """A fleet that found no manifest has reconciled its lanes all the same: what the copy knows of them counts."""
    source, target = file_url(), new_url()
    await fill(source)
    async with await Ledger.open(target) as ledger:
        await ledger.note_orphans(OTHER_LANE, [Orphan("ab" * 16, 1, "5" * 32, None)])
        await ledger.set_reconciled(OTHER_LANE, 5.0)

    await copy_ledger(source, target, lease_s=15)

    async with await Ledger.open(target, read_only=True) as ledger:
        assert await ledger.reconciled_at(OTHER_LANE) == 1_700_000_000.123
        assert await ledger.orphans() == 2
        assert await ledger.check() == []


async def test_text_that_postgresql_cannot_hold_is_replaced(new_url: Callable[[], str], tmp_path: Path) -> None:
    """U+0000 in a reason: U+FFFD on a server, itself in a file; the copy is whole in both."""
    source, target = f"sqlite:///{tmp_path}/nul.db", new_url()
    async with await Ledger.open(source, wall=Wall()) as ledger:
        manifest = await ledger.begin_manifest("test", None)
        await ledger.add(manifest.id, [(1, planned(1))])
        (job,) = await ledger.claim(LANE, limit=1, holder=HOLDER)
        await ledger.record(job, Event.DISCARDED, reason="a\0b")

    await copy_ledger(source, target, lease_s=15)

    async with await Ledger.open(target, read_only=True) as ledger:
        (job,) = await ledger.jobs(states={State.DISCARDED})
        assert job.reason == ("a\0b" if ledger.shared is False else "a\N{REPLACEMENT CHARACTER}b")


def test_a_copy_knows_every_column() -> None:
    """No table and no column of the schema is left out of a copy, but the tallies, which are counted anew."""
    from fleet.ledger.sqlite.file import SQLiteFile

    def columns() -> Iterator[tuple[str, tuple[str, ...]]]:
        with closing(SQLiteFile(":memory:").writer()) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in names:
                yield name, tuple(column for _, column, *_ in connection.execute(f"PRAGMA table_info({name})"))

    found = {name: set(named) for name, named in columns()}

    assert found.pop("tallies")
    assert found == {table.name: set(table.columns) for table in TABLES}


@pytest.mark.parametrize("new_url", ["postgresql"], indirect=True)
async def test_a_long_copy_is_not_cut_off(
    new_url: Callable[[], str], file_url: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a server neither end has the limits of short transactions, and never none at all."""
    limits: set[tuple[str, str]] = set()
    page = PostgresTransaction.page
    asked = "current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')"

    def noted(transaction: PostgresTransaction, *words: Any) -> list[tuple[Any, ...]]:
        limits.update(transaction._connection.execute(f"SELECT {asked}".encode()).fetchall())
        return page(transaction, *words)

    monkeypatch.setattr(PostgresTransaction, "page", noted)
    source, target = file_url(), new_url()
    await fill(source)

    await copy_ledger(source, target, lease_s=15)
    await copy_ledger(target, file_url(), lease_s=15)

    assert limits == {("10min", "10min")}
