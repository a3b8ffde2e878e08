"""From what the sandbox saw to the figures of one run. Plain functions over plain data; the contender is not asked.

Each lane (kind) is judged by itself. Waits of all lanes are pooled, shares are means over the lanes, the makespan is
that of the whole. The ideal is the list schedule of the same jobs in the order in which this contender started them,
with the durations that they really had, under the limits that really held (bound.py).
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import mean

from fleet.sandbox.truth import ACCEPTED, CAPPED, THROTTLED, Entry, duplicates
from tests.bench.bound import Held, Limits, ideal_schedule
from tests.bench.measure import Observation
from tests.bench.scenarios import FOREIGN
from tests.bench.service import RemoteJob
from tests.bench.sweeps import described_s, seen_s, sweeps

__all__ = ["Figures", "ideal", "judge", "quantile"]

_CALLS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one run came to; None where a figure has no meaning. Shares are 0 to 1, times are seconds.

    `used` is the slots' share in use from first full until fewer jobs than slots are left; `start_share` the accepted
    Starts over the true rate after the settling time; `refill` from the end of a job to the Start that takes its
    slot; `seen` from the end of a job to the first Describe of it or complete sweep without it (sweeps.py), `told` to
    the Describe, which tells how it ended; `unseen` are ended jobs that no Describe ever saw.
    """

    done: float = 0
    lost: float = 0
    duplicates: float = 0
    unseen: float = 0
    refused: float = 0
    refused_later: float | None = None
    used: float | None = None
    start_share: float | None = None
    makespan_s: float | None = None
    ratio: float | None = None
    refill_p50_s: float | None = None
    refill_p95_s: float | None = None
    seen_p50_s: float | None = None
    seen_p95_s: float | None = None
    told_p95_s: float | None = None
    status_calls: float | None = None
    cpu_s: float | None = None
    peak_rss_mib: float | None = None
    elapsed_s: float | None = None
    code: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    """One kind: our jobs in the order of their Starts, those of others, the limits, and when each JobId ended."""

    kind: str
    ours: Sequence[Held]
    foreign: Sequence[Held]
    limits: Sequence[Limits]
    ended: dict[str, float] = field(default_factory=dict)


def judge(observation: Observation) -> Figures:
    """The figures of one contender's run."""
    mine = [entry for entry in observation.log if not entry.input_uri.startswith(FOREIGN) and _counts(entry)]
    starts = [entry for entry in mine if entry.operation.startswith("Start")]
    refused = [entry for entry in starts if entry.outcome in (THROTTLED, CAPPED)]
    ours = [job for job in observation.jobs if not job.input_uri.startswith(FOREIGN)]
    done = {(job.kind, job.input_uri) for job in ours if job.status == "COMPLETED"} & observation.expected
    storm = observation.faulted
    calls = len(mine) + sum(storm.values())
    status_calls = sum(entry.operation.startswith(("Describe", "List")) for entry in mine)
    status_calls += storm.get("Describe*", 0) + storm.get("List*", 0)
    lanes = list(_lanes(observation))
    figures = Figures(
        done=len(done),
        lost=len(observation.expected) - len(done),
        duplicates=sum(len(ids) - 1 for ids in duplicates(mine).values()),
        refused=len(refused) + storm.get("Start*", 0),
        refused_later=_refused_later(starts, observation.scenario.settle_s),
        start_share=_start_share(starts, observation),
        status_calls=status_calls / len(ours) if ours else None,
        cpu_s=observation.cost.cpu_s / calls * _CALLS if calls else None,
        peak_rss_mib=observation.cost.peak_rss_mib,
        elapsed_s=observation.cost.elapsed_s,
        code=observation.cost.code,
    )
    return _with_lanes(_with_seen(figures, mine, lanes), lanes, whole=not figures.lost)


def ideal(observation: Observation) -> Figures:
    """The ideal schedule of the same jobs, judged like a contender."""
    lanes = [replace(lane, ours=_ideal(lane)) for lane in _lanes(observation)]
    jobs = sum(len(lane.ours) for lane in lanes)
    return _with_lanes(Figures(done=jobs, lost=len(observation.expected) - jobs), lanes, whole=True)


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value that this share of the values does not exceed; None of nothing."""
    if not values:
        return None
    ascending = sorted(values)
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))]


def _counts(entry: Entry) -> bool:
    return not entry.operation.startswith("Stop")


def _lanes(observation: Observation) -> Iterable[_Lane]:
    for kind in observation.scenario.kinds:
        jobs = sorted((job for job in observation.jobs if job.kind == kind), key=lambda job: job.submitted_at)
        if jobs:
            yield _Lane(
                kind=kind,
                ours=[_held(job) for job in jobs if not job.input_uri.startswith(FOREIGN)],
                foreign=[_held(job) for job in jobs if job.input_uri.startswith(FOREIGN)],
                limits=observation.limits,
                ended={job.job_id: job.ended_at for job in jobs if job.ended_at is not None},
            )


def _held(job: RemoteJob) -> Held:
    return Held(start_s=job.submitted_at, end_s=float("inf") if job.ended_at is None else job.ended_at)


def _ideal(lane: _Lane) -> list[Held]:
    """In Unix seconds again: it begins with the lane's first Start."""
    begin_s = lane.ours[0].start_s
    limits = [replace(limit, at_s=limit.at_s - begin_s) for limit in lane.limits]
    foreign = [Held(start_s=held.start_s - begin_s, end_s=held.end_s - begin_s) for held in lane.foreign]
    schedule = ideal_schedule([held.end_s - held.start_s for held in lane.ours], limits, foreign)
    return [Held(start_s=held.start_s + begin_s, end_s=held.end_s + begin_s) for held in schedule]


def _with_lanes(figures: Figures, lanes: Sequence[_Lane], *, whole: bool) -> Figures:
    """What the held slots say. A makespan over the ideal is told only where the whole work was done."""
    if not lanes:
        return figures
    refills = [wait for lane in lanes for wait in _refills_s(lane)]
    shares = [share for lane in lanes if (share := _used(lane)) is not None]
    begin_s = min(held.start_s for lane in lanes for held in lane.ours)
    makespan_s = max(held.end_s for lane in lanes for held in lane.ours) - begin_s
    ideal_s = max(held.end_s for lane in lanes for held in _ideal(lane)) - begin_s
    return replace(
        figures,
        used=mean(shares) if shares else None,
        makespan_s=makespan_s,
        ratio=makespan_s / ideal_s if whole else None,
        refill_p50_s=quantile(refills, 0.50),
        refill_p95_s=quantile(refills, 0.95),
    )


def _with_seen(figures: Figures, mine: Sequence[Entry], lanes: Iterable[_Lane]) -> Figures:
    told: list[float] = []
    seen: list[float] = []
    for lane in lanes:
        waits = described_s(mine, lane.ended)
        told += waits.values()
        seen += seen_s(waits, sweeps(mine, lane.kind), lane.ended)
    return replace(
        figures,
        unseen=max(0, figures.done - len(told)),
        seen_p50_s=quantile(seen, 0.50),
        seen_p95_s=quantile(seen, 0.95),
        told_p95_s=quantile(told, 0.95),
    )


def _refused_later(starts: Sequence[Entry], settle_s: float) -> float | None:
    """The share of Starts that are refused once the settling time is over."""
    later = [entry for entry in starts if entry.time >= starts[0].time + settle_s]
    return sum(entry.outcome in (THROTTLED, CAPPED) for entry in later) / len(later) if later else None


def _start_share(starts: Sequence[Entry], observation: Observation) -> float | None:
    """Accepted Starts over what the true rate allows, from the settling time to the last Start. One lane, one rate."""
    if len(observation.limits) > 1 or len(observation.scenario.kinds) > 1:
        return None
    begin_s = starts[0].time + observation.scenario.settle_s if starts else 0.0
    times = [entry.time for entry in starts if entry.outcome == ACCEPTED and entry.time >= begin_s]
    if len(times) < 10:
        return None
    return (len(times) - 1) / (times[-1] - times[0]) / observation.scenario.start_per_s


def _used(lane: _Lane) -> float | None:
    """The share of the allowed slots that hold a job, from first full until fewer jobs than slots are left.

    A lane that is never full is judged from when it could have been. Where the slots became fewer, the jobs beyond
    them count no more than the slots.
    """
    slots = max(limit.slots for limit in lane.limits)
    ends = sorted(held.end_s for held in lane.ours)
    if len(ends) <= slots:
        return None
    begin_s, end_s = _first_full_s(lane), ends[len(ends) - slots]
    times = {begin_s, end_s, *(limit.at_s for limit in lane.limits)}
    times |= {at_s for held in (*lane.ours, *lane.foreign) for at_s in (held.start_s, held.end_s)}
    held_s = allowed_s = 0.0
    for at_s, until_s in pairwise(sorted(at_s for at_s in times if begin_s <= at_s <= end_s)):
        allowed = _limit_at(lane.limits, at_s).slots
        active = sum(held.start_s <= at_s < held.end_s for held in (*lane.ours, *lane.foreign))
        allowed_s += allowed * (until_s - at_s)
        held_s += min(allowed, active) * (until_s - at_s)
    return held_s / allowed_s if allowed_s else None


def _first_full_s(lane: _Lane) -> float:
    edges = sorted(
        edge for held in (*lane.ours, *lane.foreign) for edge in ((held.start_s, 1), (held.end_s, -1))
    )  # an end before a start at one instant
    active = 0
    for at_s, change in edges:
        active += change
        if active >= _limit_at(lane.limits, at_s).slots > 0:
            return at_s
    first = lane.limits[0]
    return lane.ours[0].start_s + (first.slots - 1) / first.start_per_s


def _limit_at(limits: Sequence[Limits], at_s: float) -> Limits:
    return next(limit for limit in reversed(limits) if limit.at_s <= at_s)


def _refills_s(lane: _Lane) -> list[float]:
    """From each freed slot to the Start of ours that takes it, first freed first taken; the first fill is not counted.

    Only told while the number of slots stays as it is.
    """
    if len(lane.limits) > 1:
        return []
    free: deque[float | None] = deque([None] * lane.limits[0].slots)
    edges = [(held.end_s, 0, True) for held in (*lane.ours, *lane.foreign)]
    edges += [(held.start_s, 1, True) for held in lane.ours] + [(held.start_s, 1, False) for held in lane.foreign]
    waits: list[float] = []
    for at_s, starts, is_ours in sorted(edges):
        if not starts:
            free.append(at_s)
        elif free and (freed_s := free.popleft()) is not None and is_ours:
            waits.append(at_s - freed_s)
    return waits
