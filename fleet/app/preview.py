"""What a run would start, read from the manifests and the ledger; touches nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from anyio import to_thread

from fleet.app.forecast import quotas_of
from fleet.app.opening import open_ledger, open_targets
from fleet.app.planning import planner
from fleet.core.job import Job, PlannedJob, State
from fleet.core.lane import Lane
from fleet.core.pace import makespan_s
from fleet.core.report import RejectedLine
from fleet.ledger.ledger import Ledger
from fleet.settings import Settings
from fleet.stages.ingest import Batch, check, open_manifest, read

__all__ = ["LanePreview", "Preview", "preview"]


@dataclass(slots=True)
class LanePreview:
    """What a run would do in one lane. `changed`: known jobs for which the manifest now gives other settings."""

    lane: Lane
    new: int = 0
    known: Counter[State] = field(default_factory=Counter)
    changed: int = 0
    estimate_s: float = 0.0


@dataclass(slots=True)
class Preview:
    """What a run would do. The estimate assumes `job_s` a job and the configured quotas; lanes work side by side."""

    lines: int = 0
    lanes: dict[Lane, LanePreview] = field(default_factory=dict)
    rejected: list[RejectedLine] = field(default_factory=list)
    job_s: float = 0.0

    @property
    def new(self) -> int:
        return sum(lane.new for lane in self.lanes.values())

    @property
    def estimate_s(self) -> float:
        """Seconds until the last lane would be done."""
        return max((lane.estimate_s for lane in self.lanes.values()), default=0.0)


async def preview(settings: Settings, sources: Sequence[str], *, job_s: float) -> Preview:
    """What a run of these manifests would start, what is already known, and which lines are rejected."""
    for source in sources:
        check(source)
    found = Preview(job_s=job_s)
    seen: set[str] = set()
    async with AsyncExitStack() as stack:
        clients = await stack.enter_async_context(open_targets(settings))
        ledger = (
            await stack.enter_async_context(open_ledger(settings, read_only=True))
            if Ledger.exists(settings.ledger.url)
            else None
        )
        for source in sources:
            async with open_manifest(source, next(iter(clients.values())).s3) as file:
                batches = read(file, planner(settings))
                while batch := await to_thread.run_sync(next, batches, None):
                    await _add(found, source, batch, ledger, seen)
    quotas = quotas_of(settings)
    for lane in found.lanes.values():
        lane.estimate_s = makespan_s(lane.new + lane.known[State.PENDING], quotas[lane.lane], job_s)
    return found


async def _add(found: Preview, source: str, batch: Batch, ledger: Ledger | None, seen: set[str]) -> None:
    found.lines += batch.lines
    found.rejected += [
        RejectedLine(source=source, line=line.line, field=line.field, reason=line.reason) for line in batch.rejections
    ]
    planned = {job.key: job for _, job in batch.planned if job.key not in seen}
    seen |= planned.keys()
    known: Mapping[str, Job] = {}
    if ledger is not None and planned:
        known = {job.key: job for job in await ledger.jobs(keys=list(planned))}
    for job in planned.values():
        _count(found.lanes.setdefault(job.lane, LanePreview(job.lane)), job, known.get(job.key))


def _count(lane: LanePreview, planned: PlannedJob, known: Job | None) -> None:
    if known is None:
        lane.new += 1
        return
    lane.known[known.state] += 1
    lane.changed += (known.request, known.target) != (planned.request, planned.target)
