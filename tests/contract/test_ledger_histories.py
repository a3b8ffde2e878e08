"""Whatever happens in whatever order: the tallies are a real count, and each job is what its history says."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from fleet.core.errors import Conflict
from fleet.core.job import TRANSITIONS, Event, Job, State, next_state
from fleet.ledger import Ledger
from tests.contract.conftest import FACTS, HOLDER, LANE, OTHER_LANE, Wall, planned

T = TypeVar("T")

lanes = st.sampled_from([LANE, OTHER_LANE])
moves = st.sampled_from([event for event in Event if event is not Event.CLAIMED])


class LedgerMachine(RuleBasedStateMachine):
    """A ledger under random plans, claims, moves from fresh and stale copies, clock jumps and restarts."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.wall = Wall()
        self.runner = asyncio.Runner()
        self.ledger = self.run(Ledger.open(self.url, wall=self.wall))
        self.numbers = itertools.count()
        self.copies: list[Job] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.ledger.close())
        self.runner.close()

    @rule(count=st.integers(1, 4), lane=lanes)
    def plan(self, count: int, lane: Any) -> None:
        rows = [(1, planned(next(self.numbers), lane=lane)) for _ in range(count)]
        self.run(self._add(rows))

    @precondition(lambda self: self.copies)
    @rule(data=st.data(), lane=lanes, name=st.sampled_from(["main", "second"]))
    def plan_again(self, data: st.DataObject, lane: Any, name: str) -> None:
        number = data.draw(st.integers(0, len(self.copies)))
        self.run(self._add([(1, planned(number, lane=lane, target=name))]))

    async def _add(self, rows: list[Any]) -> None:
        manifest = await self.ledger.begin_manifest("test", None)
        await self.ledger.add(manifest.id, rows)

    @rule(limit=st.integers(1, 3), lane=lanes)
    def claim(self, limit: int, lane: Any) -> None:
        self.copies += self.run(self.ledger.claim(lane, limit=limit, holder=HOLDER))

    @precondition(lambda self: self.copies)
    @rule(data=st.data(), events=st.lists(moves, min_size=1, max_size=3))
    def move_at_once(self, data: st.DataObject, events: list[Event]) -> None:
        """Moves that share a commit, some of them impossible, some from copies that are old."""
        copies = [data.draw(st.sampled_from(self.copies)) for _ in events]
        self.copies += self.run(self._move(copies, events))

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def move_on(self, data: st.DataObject) -> None:
        """A possible move from the newest copy."""
        key = data.draw(st.sampled_from(self.copies)).key
        (job,) = self.run(self.ledger.jobs(keys=[key]))
        if events := sorted(set(TRANSITIONS[job.state]) - {Event.CLAIMED}):
            self.copies += self.run(self._move([job], [data.draw(st.sampled_from(events))]))

    async def _move(self, copies: list[Job], events: list[Event]) -> list[Job]:
        outcomes = await asyncio.gather(
            *(self.ledger.record(job, event, **FACTS[event]) for job, event in zip(copies, events, strict=True)),
            return_exceptions=True,
        )
        assert all(isinstance(outcome, Job | Conflict) for outcome in outcomes), outcomes
        return [outcome for outcome in outcomes if isinstance(outcome, Job)]

    @precondition(lambda self: self.copies)
    @rule(data=st.data(), attempt=st.integers(1, 3))
    def adopt(self, data: st.DataObject, attempt: int) -> None:
        job = data.draw(st.sampled_from(self.copies))
        with suppress(Conflict):
            self.copies.append(self.run(self.ledger.adopt(job, attempt=attempt, remote_id="9", submitted_at=None)))

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def release_and_wish(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.copies))
        self.run(self.ledger.release(job))
        self.run(self.ledger.request_cancel([job.key]))

    @rule(seconds=st.floats(-100_000, 100_000))
    def the_clock_jumps(self, seconds: float) -> None:
        self.wall.now_s = max(0.0, self.wall.now_s + seconds)

    @rule()
    def reopen(self) -> None:
        self.run(self.ledger.close())
        self.ledger = self.run(Ledger.open(self.url, wall=self.wall))

    @invariant()
    def tallies_are_a_real_count(self) -> None:
        jobs = self.run(self.ledger.jobs())
        real = Counter((job.lane, job.state) for job in jobs)
        tallied = self.run(self.ledger.counts())
        assert {(lane, state): count for lane, row in tallied.items() for state, count in row.items() if count} == real

    @invariant()
    def each_job_is_what_its_history_says(self) -> None:
        for job in self.run(self.ledger.jobs()):
            state, attempt = State.PENDING, 1
            for recorded in self.run(self.ledger.history(job.id)):
                state = next_state(state, recorded.event)
                attempt = recorded.attempt + (recorded.event in (Event.RETRIED, Event.REOPENED))
            assert (state, attempt) == (job.state, job.attempt)


def test_any_history_leaves_a_ledger_that_adds_up(new_url: Callable[[], str]) -> None:
    """After every step: tallies equal a count of the rows, and every state follows from the job's events."""
    examples = 30 if new_url().startswith("sqlite") else 10  # a server's answers travel
    run_state_machine_as_test(
        lambda: LedgerMachine(new_url()),
        settings=settings(
            max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
