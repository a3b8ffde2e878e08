"""Looking after the ledger: check it, copy it, write all of it out. All of this works beside a running fleet."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anyio import to_thread

from fleet.app.ledger import open_ledger
from fleet.core.job import Job
from fleet.ledger import Recorded
from fleet.settings import Settings

__all__ = ["Checked", "back_up_ledger", "check_ledger", "exported"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a look at the whole ledger found: one sentence for each thing that is wrong."""

    jobs: int
    findings: list[str]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


async def check_ledger(settings: Settings) -> Checked:
    """What is wrong with the ledger, if anything. Reads all of it; `Corrupt` if it cannot even be opened."""
    async with open_ledger(settings, read_only=True) as ledger:
        findings = await ledger.check()
        counts = {} if findings else await ledger.counts()
    return Checked(jobs=sum(sum(states.values()) for states in counts.values()), findings=findings)


async def back_up_ledger(settings: Settings, file: Path) -> int:
    """The ledger as it is now is in a new file, which was found sound; its size in bytes."""
    async with open_ledger(settings, read_only=True) as ledger:
        await ledger.back_up(str(file))
    return (await to_thread.run_sync(file.stat)).st_size


async def exported(settings: Settings) -> AsyncIterator[dict[str, Any]]:
    """Every job with its events, as plain data, in the order in which the manifests named them."""
    async with open_ledger(settings, read_only=True) as ledger:
        async for job, history in ledger.histories():
            yield _plain(job, history)


def _plain(job: Job, history: list[Recorded]) -> dict[str, Any]:
    lane = {"account": job.lane.account, "region": job.lane.region, "kind": job.lane.kind}
    events = [recorded._asdict() for recorded in history]
    return {**asdict(job), "lane": str(job.lane), **lane, "events": events}
