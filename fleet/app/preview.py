"""What a run would start, read from the manifests and the ledger; touches nothing."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from fleet.app.forecast import quotas_of
from fleet.app.ledger import open_ledger
from fleet.app.planning import planner, targets_of
from fleet.core.errors import Misconfigured
from fleet.core.job import ENDED, Job, PlannedJob, State
from fleet.core.lane import Lane
from fleet.core.overlap import Overlap, feeding_back, overlaps
from fleet.core.pace import makespan_s
from fleet.core.prices import Cost, Prices, cost, units_of
from fleet.core.report import RejectedLine
from fleet.ledger.ledger import Ledger
from fleet.settings import Settings, default_prices
from fleet.stages.source import Batch, check, open_manifest, read

if TYPE_CHECKING:
    from fleet.aws.s3 import S3

__all__ = ["Change", "LanePreview", "Preview", "preview"]

_CHANGES_KEPT = 100
_PARALLEL = 16
_OBJECTS_MAX = 100_000


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

    `duplicates`: jobs that were asked for more than once. `outputs`: where results go, and for how many jobs.
    """

    lines: int = 0
    lanes: dict[Lane, LanePreview] = field(default_factory=dict)
    rejected: list[RejectedLine] = field(default_factory=list)
    job_s: float = 0.0
    duplicates: int = 0
    changes: list[Change] = field(default_factory=list)
    outputs: Counter[str] = field(default_factory=Counter)
    overlapping: list[Overlap] = field(default_factory=list)
    feeding: list[tuple[str, str]] = field(default_factory=list)
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


@dataclass(slots=True)
class _Seen:
    """What has been read so far: every job once, its inputs by kind, and the sizes that the ledger knows."""

    keys: set[str] = field(default_factory=set)
    prefixes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    outputs: set[tuple[str, str]] = field(default_factory=set)
    to_start: list[tuple[str, str, str, int | None]] = field(default_factory=list)  # target, kind, prefix, bytes


async def preview(settings: Settings, sources: Sequence[str], *, job_s: float, measure: bool = False) -> Preview:
    """What a run of these manifests would start, what is already known, and which lines are rejected.

    With `measure` the inputs of what would be started are listed in S3, for their sizes.
    """
    for source in sources:
        check(source)
    if not settings.targets:
        raise Misconfigured("no target is configured; add a [targets.NAME] table (fleet init writes an example)")
    targets_of(settings)
    found, seen = Preview(job_s=job_s, measured=measure), _Seen()
    plan = planner(settings)
    async with AsyncExitStack() as stack:
        buckets: Mapping[str, S3] = {}
        if measure or any(source.startswith("s3://") for source in sources):
            buckets = await _buckets(stack, settings)
        ledger = None
        if Ledger.exists(settings.ledger.url):
            ledger = await stack.enter_async_context(open_ledger(settings, read_only=True))
        for source in sources:
            async with open_manifest(source, next(iter(buckets.values()), None)) as file:
                batches = read(file, plan)
                while batch := await to_thread.run_sync(next, batches, None):
                    await _add(found, seen, source, batch, ledger)
        _estimate(found, settings)
        found.overlapping = overlaps(seen.prefixes)
        found.feeding = feeding_back([prefix for some in seen.prefixes.values() for prefix in some], seen.outputs)
        found.prices = Prices(**default_prices())
        found.cost = await _cost(seen, found.prices, buckets if measure else {})
    return found


async def _buckets(stack: AsyncExitStack, settings: Settings) -> "dict[str, S3]":
    from fleet.app.opening import open_targets  # AWS clients take a second to make: only for who needs them

    return {name: target.s3 for name, target in (await stack.enter_async_context(open_targets(settings))).items()}


def _estimate(found: Preview, settings: Settings) -> None:
    quotas = quotas_of(settings)
    for lane in found.lanes.values():
        lane.estimate_s = makespan_s(lane.new + lane.known[State.PENDING], quotas[lane.lane], found.job_s)


async def _add(found: Preview, seen: _Seen, source: str, batch: Batch, ledger: Ledger | None) -> None:
    found.lines += batch.lines
    found.rejected += [
        RejectedLine(source=source, line=line.line, field=line.field, reason=line.reason) for line in batch.rejections
    ]
    planned: dict[str, PlannedJob] = {}
    for _, job in batch.planned:
        if job.key in seen.keys:
            found.duplicates += 1
            continue
        seen.keys.add(job.key)
        planned[job.key] = job
    known: Mapping[str, Job] = {}
    if ledger is not None and planned:
        known = {job.key: job for job in await ledger.jobs(keys=list(planned))}
    for job in planned.values():
        _count(found, seen, job, known.get(job.key))


def _count(found: Preview, seen: _Seen, planned: PlannedJob, known: Job | None) -> None:
    lane = found.lanes.setdefault(planned.lane, LanePreview(planned.lane))
    kind = planned.lane.kind
    output = _output_of(planned.request)
    found.outputs[output] += 1
    seen.outputs.add((output, planned.lane.account))
    seen.prefixes[kind].append(planned.prefix)
    if known is None or known.state is State.PENDING:
        seen.to_start.append((planned.target, kind, planned.prefix, known.size_bytes if known else None))
    if known is None:
        lane.new += 1
        return
    lane.known[known.state] += 1
    if (known.request, known.target) != (planned.request, planned.target):
        lane.changed += 1
        lane.changed_ended += known.state in ENDED
        if len(found.changes) < _CHANGES_KEPT:
            found.changes.append(_change(planned, known))


def _change(planned: PlannedJob, known: Job) -> Change:
    before, after = _parsed(known.request), _parsed(planned.request)
    members = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    if known.target != planned.target:
        members.append(f"target {known.target} -> {planned.target}")
    return Change(key=known.key, prefix=known.prefix, kind=planned.lane.kind, state=known.state, members=tuple(members))


async def _cost(seen: _Seen, prices: Prices, buckets: "Mapping[str, S3]") -> Cost:
    """Units by kind: from listings where there are some, else from the sizes that the ledger knows."""
    listed = await _listed(seen, buckets) if buckets else {}
    sizes: dict[str, tuple[int, int]] = {}
    for target, kind, prefix, size_bytes in seen.to_start:
        measured = listed.get((target, prefix)) or (None if size_bytes is None else (size_bytes, 1))
        units, unknown = sizes.get(kind, (0, 0))
        sizes[kind] = (units, unknown + 1) if measured is None else (units + units_of(*measured, prices), unknown)
    return cost(sizes, prices)


async def _listed(seen: _Seen, buckets: "Mapping[str, S3]") -> dict[tuple[str, str], tuple[int, int]]:
    """Bytes and objects of each input that can be listed."""
    import anyio

    from fleet.core.errors import Denied, Lost, Throttled, Unavailable

    found: dict[tuple[str, str], tuple[int, int]] = {}
    limiter = anyio.CapacityLimiter(_PARALLEL)

    async def measure(target: str, prefix: str) -> None:
        size_bytes = objects = 0
        async with limiter:
            try:
                async for blob in buckets[target].blobs(prefix):
                    size_bytes, objects = size_bytes + blob.size_bytes, objects + 1
                    if objects >= _OBJECTS_MAX:
                        return  # too large to list for an estimate: it stays unknown
            except (Denied, Lost, Throttled, Unavailable):
                return
        found[target, prefix] = (size_bytes, objects)

    inputs = sorted({(target, prefix) for target, _, prefix, _ in seen.to_start})
    for begin in range(0, len(inputs), 1_000):
        async with anyio.create_task_group() as group:
            for target, prefix in inputs[begin : begin + 1_000]:
                group.start_soon(measure, target, prefix)
    return found


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
