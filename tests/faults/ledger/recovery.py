"""Whether a ledger that a fault interrupted opens again by itself, is sound, and has all that was acknowledged."""

from collections.abc import Iterable
from pathlib import Path

from fleet.core.errors import FleetError
from fleet.core.identity import intent
from fleet.core.job import Event, State
from fleet.ledger import Ledger
from tests.faults.ledger.writer import use

__all__ = ["problems"]

_LATER = 1_000_000


async def problems(path: Path, acknowledged: Iterable[tuple[str, str]]) -> list[str]:
    """What is wrong after the fault; empty if nobody has to do anything and nothing was lost."""
    try:
        async with await Ledger.open(f"sqlite:///{path}") as ledger:
            found = await ledger.check()
            found += await _lost(ledger, acknowledged)
            await use(ledger, 2, lambda word, key: None, first=_LATER)
            return found + await ledger.check()
    except FleetError as error:
        return [f"{type(error).__name__}: {error}"]


async def _lost(ledger: Ledger, acknowledged: Iterable[tuple[str, str]]) -> list[str]:
    jobs, events = {}, {}
    async for job, history in ledger.histories():
        jobs[job.key] = job
        events[job.key] = {recorded.event for recorded in history}
    lost = []
    for word, key in acknowledged:
        if key not in jobs or (word != "added" and Event(word) not in events[key]):
            lost.append(f"{word} {key} was acknowledged and is lost")
        elif word == "claimed" and jobs[key].intent != intent(jobs[key]):
            lost.append(f"the intent of {key} is not the one that was claimed")
        elif word == "verified" and jobs[key].state is not State.VERIFIED:
            lost.append(f"{key} was verified and is {jobs[key].state}")
    return lost
