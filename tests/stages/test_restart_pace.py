"""The Start rate across a restart: what left a moment ago counts, what left long ago does not."""

import random

from fleet.core.job import State
from fleet.stages.calls import LaneCalls
from fleet.stages.moves import Moves
from fleet.stages.submit import Submit
from tests.conftest import Rig


def next_process(rig: Rig) -> Submit:
    """The submit stage of a new process on the same ledger and the same AWS."""
    calls = LaneCalls(rig.calls.lane, rig.calls.quotas, rig.calls._clients, clock=rig.clock, telemetry=rig.telemetry)
    moves = Moves(rig.ledger, rig.telemetry)
    return Submit(rig.ledger, calls, moves, holder="the next one", clock=rig.clock, rng=random.Random(2))


async def starts_at(rig: Rig, submit: Submit, prefix: str) -> float:
    """How long after the tick began the only new job was accepted."""
    await rig.plan(prefix)
    began = rig.clock.monotonic()
    await submit.tick(began)
    assert not await rig.jobs(State.PENDING)
    return float(rig.sandbox.service.log[-1].time) - began


async def test_a_start_of_a_moment_ago_counts_after_a_restart(rig: Rig) -> None:
    """One Start a second: the next process waits for what is left of the second, and not less."""
    await starts_at(rig, rig.submit, "first/")
    rig.clock.advance(0.4)

    waited_s = await starts_at(rig, next_process(rig), "second/")

    assert 0.6 <= waited_s <= 0.7


async def test_a_start_of_long_ago_does_not_delay_a_restart(rig: Rig) -> None:
    """After a minute the next process starts at once: nothing was sent that the window could hold."""
    await starts_at(rig, rig.submit, "first/")
    rig.clock.advance(60)

    assert await starts_at(rig, next_process(rig), "second/") < 0.01


async def test_a_start_in_doubt_counts_as_sent_just_now(rig: Rig) -> None:
    """A process died with a job in hand: when its Start left, nobody knows, so a whole window is waited for."""
    await rig.plan("first/")
    await rig.ledger.claim(rig.calls.lane, limit=1, holder="a dead process")
    rig.clock.advance(60)

    assert await starts_at(rig, next_process(rig), "second/") >= 1.0
