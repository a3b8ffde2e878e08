"""Looking after the ledger: check it, back it up, write all of it out, beside a running fleet; copy it without one."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anyio import to_thread

from fleet.app.ledger import open_ledger
from fleet.core.errors import InvalidInput
from fleet.core.job import Job
from fleet.ledger import Recorded
from fleet.ledger.copying import Copied, Progress, copy_ledger
from fleet.ledger.place import is_shared
from fleet.settings import Settings

__all__ = ["Checked", "Copied", "back_up_ledger", "check_ledger", "copied", "exported"]


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


async def copied(
    settings: Settings,
    source: str,
    target: str,
    source_password_file: Path | None,
    target_password_file: Path | None,
    progress: Progress,
) -> Copied:
    """The ledger at one URL is in the empty one at the other, whole, and both were found the same; or nothing is there.

    The configured password file serves a URL that is the configured one. `progress` is called in another thread.
    """
    ours = settings.ledger

    def password_file(url: str, given: Path | None) -> Path | None:
        if given is not None and not is_shared(url):
            raise InvalidInput("a ledger in a file has no password; leave its password file out")
        return given or (ours.password_file if url == ours.url else None)

    return await copy_ledger(
        source,
        target,
        source_password_file=password_file(source, source_password_file),
        target_password_file=password_file(target, target_password_file),
        lease_s=ours.lease_s,
        progress=progress,
    )


async def exported(settings: Settings) -> AsyncIterator[dict[str, Any]]:
    """Every job with its events, as plain data, in the order in which the manifests named them."""
    async with open_ledger(settings, read_only=True) as ledger:
        async for job, history in ledger.histories():
            yield _plain(job, history)


def _plain(job: Job, history: list[Recorded]) -> dict[str, Any]:
    lane = {"account": job.lane.account, "region": job.lane.region, "kind": job.lane.kind}
    events = [recorded._asdict() for recorded in history]
    return {**asdict(job), "lane": str(job.lane), **lane, "events": events}
