"""What a run would start, read from the manifests and the ledger; touches nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from anyio import to_thread

from fleet.app.forecast import quotas_of
from fleet.app.ledger import has_ledger, open_ledger
from fleet.app.planning import planner, targets_of
from fleet.app.sizes import Sizes
from fleet.core.errors import Misconfigured
from fleet.core.job import ENDED, Job, PlannedJob, State
from fleet.core.lane import Lane
from fleet.core.pace import makespan_s
from fleet.core.prices import Cost, Prices, cost
from fleet.core.report import RejectedLine
from fleet.ledger.ledger import Ledger
from fleet.settings import Settings, default_prices
from fleet.stages.inputs import Findings, Inputs
from fleet.stages.places import manifests_of
from fleet.stages.source import Batch, Plan, open_manifest, read, rejected

if TYPE_CHECKING:
    from fleet.aws.s3 import S3

__all__ = ["Change", "Findings", "LanePreview", "Preview", "preview"]

_CHANGES_KEPT = 100
_REJECTIONS_KEPT = 100_000


@dataclass(slots=True)
class LanePreview:
    """What a run would do in one lane. `changed`: known jobs for which the manifest now gives other settings; of
    those `changed_ended` have ended, so that only --rerun-changed does them again."""

    lane: Lane
    new: int = 0
    known: Counter[State] = field(default_factory=Counter)
    changed: int = 0
    changed_ended: int = 0
    estimate_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A known job for which the manifest now gives other settings: which members of its request, and its state."""

    key: str
    prefix: str
    kind: str
    state: State
    members: tuple[str, ...]


@dataclass(slots=True)
class Preview:
    """What a run would do. The estimate assumes `job_s` a job and the configured quotas; lanes work side by side.

    `rejected` are the first 100,000 of `rejections`. `refused`: manifests of which nothing is taken, as `strict` asks.
    `empty`: manifests without an entry. `outputs`: where results go, and for how many jobs.
    """

    lines: int = 0
    lanes: dict[Lane, LanePreview] = field(default_factory=dict)
    rejected: list[RejectedLine] = field(default_factory=list)
    rejections: int = 0
    refused: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    job_s: float = 0.0
    changes: list[Change] = field(default_factory=list)
    outputs: Counter[str] = field(default_factory=Counter)
    findings: Findings = field(default_factory=Findings)
    cost: Cost | None = None
    prices: Prices | None = None
    measured: bool = False

    @property
    def new(self) -> int:
        return sum(lane.new for lane in self.lanes.values())

    @property
    def pending(self) -> int:
        """Jobs that the ledger has and that would be started now."""
        return sum(lane.known[State.PENDING] for lane in self.lanes.values())

    @property
    def estimate_s(self) -> float:
        """Seconds until the last lane would be done."""
        return max((lane.estimate_s for lane in self.lanes.values()), default=0.0)


async def preview(
    settings: Settings, sources: Sequence[str], *, job_s: float, measure: bool = False, strict: bool = False
) -> Preview:
    """What a run of these manifests would start, what is already known, and which lines are rejected.

    With `measure` the inputs of what would be started are listed in S3, for their sizes. With `strict` a manifest
    with a rejected line counts for nothing but its rejections.
    """
    manifests = manifests_of(sources)
    if not settings.targets:
        raise Misconfigured("no target is configured; add a [targets.NAME] table (fleet init writes an example)")
    targets_of(settings)
    found = Preview(job_s=job_s, measured=measure)
    plan = planner(settings)
    async with AsyncExitStack() as stack:
        buckets: Mapping[str, S3] = {}
        if measure or any(source.startswith("s3://") for source in manifests):
            buckets = await _buckets(stack, settings)
        ledger = None
        if has_ledger(settings):
            ledger = await stack.enter_async_context(open_ledger(settings, read_only=True))
        inputs, sizes = stack.enter_context(closing(Inputs())), stack.enter_context(closing(Sizes()))
        for source in manifests:
            async with open_manifest(source, next(iter(buckets.values()), None), copied=strict) as file:
                batches = await to_thread.run_sync(partial(_batches, found, source, file, plan, strict=strict))
                await _take(found, inputs, sizes, source, batches, ledger)
        _estimate(found, settings)
        found.findings = await to_thread.run_sync(inputs.findings)
        found.prices = Prices(**default_prices())
        found.cost = cost(await sizes.units(found.prices, buckets if measure else {}), found.prices)
    return found


def _batches(found: Preview, source: str, file: IO[bytes], plan: Plan, *, strict: bool) -> Iterator[Batch]:
    """The manifest's batches; of a manifest that is refused their rejections alone."""
    if strict and rejected(file, plan, at_most=1)[1]:
        found.refused.append(source)
        return (replace(batch, planned=[]) for batch in read(file, plan))
    return read(file, plan)


async def _take(
    found: Preview, inputs: Inputs, sizes: Sizes, source: str, batches: Iterator[Batch], ledger: Ledger | None
) -> None:
    """One manifest is counted."""
    lines_before = found.lines
    while batch := await to_thread.run_sync(next, batches, None):
        _reject(found, source, batch)
        fresh = await to_thread.run_sync(inputs.add, [job for _, job in batch.planned])
        known: Mapping[str, Job] = {}
        if ledger is not None and fresh:
            known = {job.key: job for job in await ledger.jobs(keys=[job.key for job in fresh])}
        sizes.add([job for job in fresh if _count(found, job, known.get(job.key))], known)
    if found.lines == lines_before:
        found.empty.append(source)


def _reject(found: Preview, source: str, batch: Batch) -> None:
    found.lines += batch.lines
    found.rejections += len(batch.rejections)
    found.rejected += [
        RejectedLine(source=source, line=line.line, field=line.field, reason=line.reason)
        for line in batch.rejections[: max(0, _REJECTIONS_KEPT - len(found.rejected))]
    ]


async def _buckets(stack: AsyncExitStack, settings: Settings) -> "dict[str, S3]":
    from fleet.app.opening import open_targets  # AWS clients take a second to make: only for who needs them

    return {name: target.s3 for name, target in (await stack.enter_async_context(open_targets(settings))).items()}


def _estimate(found: Preview, settings: Settings) -> None:
    quotas = quotas_of(settings)
    for lane in found.lanes.values():
        lane.estimate_s = makespan_s(lane.new + lane.known[State.PENDING], quotas[lane.lane], found.job_s)


def _count(found: Preview, planned: PlannedJob, known: Job | None) -> bool:
    """Count one job; whether a run would start it."""
    lane = found.lanes.setdefault(planned.lane, LanePreview(planned.lane))
    found.outputs[_output_of(planned.request)] += 1
    if known is None:
        lane.new += 1
        return True
    lane.known[known.state] += 1
    if (known.request, known.target) != (planned.request, planned.target):
        lane.changed += 1
        lane.changed_ended += known.state in ENDED
        if len(found.changes) < _CHANGES_KEPT:
            found.changes.append(_change(planned, known))
    return known.state is State.PENDING


def _change(planned: PlannedJob, known: Job) -> Change:
    before, after = _parsed(known.request), _parsed(planned.request)
    members = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    if known.target != planned.target:
        members.append(f"target {known.target} -> {planned.target}")
    return Change(key=known.key, prefix=known.prefix, kind=planned.lane.kind, state=known.state, members=tuple(members))


def _output_of(request: str) -> str:
    return str(_parsed(request)["OutputDataConfig"]["S3Uri"])


def _parsed(request: str) -> dict[str, Any]:
    """The request as an object; jobs of one configuration share its text, so it is read once."""
    if request not in _requests:
        if len(_requests) > 4_096:
            _requests.clear()
        import json

        _requests[request] = json.loads(request)
    return _requests[request]


_requests: dict[str, dict[str, Any]] = {}
