"""What really happened: the accept log, and checkers that are plain functions over plain data.

Promises: every request that reached the service has one entry, with its outcome; the checkers need nothing but their
arguments, so that tests and benchmarks ask the same questions.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from fleet.sandbox.jobs import LATER

__all__ = [
    "ACCEPTED",
    "CAPPED",
    "REFUSED",
    "REPLAYED",
    "THROTTLED",
    "Entry",
    "Span",
    "Steady",
    "accepted_starts",
    "again",
    "duplicates",
    "lanes",
    "list_schedule_s",
    "losses",
    "makespan_bound_s",
    "makespan_s",
    "peak_active",
    "steady",
    "steps_back",
    "throttled",
    "utilisation",
    "worst_window",
]

ACCEPTED = "accepted"
REPLAYED = "replayed"
THROTTLED = "throttled"
CAPPED = "capped"
REFUSED = "refused"


class Entry(NamedTuple):
    """One request and what became of it. `outcome` is one of the five words above; `code` is the error's, if any.

    `status` is the JobStatus that the answer to a Start, Describe or Stop told; `filter_status` the one that a List
    asked for. `access_key` is the caller's: it tells several clients of one account apart.
    """

    time: float
    account: str
    region: str
    operation: str
    kind: str
    outcome: str
    code: str = ""
    token: str = ""
    job_name: str = ""
    job_id: str = ""
    input_uri: str = ""
    status: str = ""
    access_key: str = ""
    filter_status: str = ""


class Span(NamedTuple):
    """From when to when a job held a slot; `end` is None while it does."""

    kind: str
    start: float
    end: float | None
    account: str = ""
    region: str = ""
    foreign: bool = False


class Steady(NamedTuple):
    """A lane's steady state: from when to when, and the part of the slots' time that was used in it."""

    begin: float
    end: float
    utilisation: float


def accepted_starts(log: Iterable[Entry]) -> list[Entry]:
    """The Starts that made a job, in the order of the log."""
    return [entry for entry in log if entry.outcome == ACCEPTED and entry.operation.startswith("Start")]


def duplicates(log: Iterable[Entry]) -> dict[tuple[str, str], list[str]]:
    """(kind, input S3 URI) -> JobIds, for each input that more than one job was made for."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in accepted_starts(log):
        found[entry.kind, entry.input_uri].add(entry.job_id)
    return {pair: sorted(ids) for pair, ids in found.items() if len(ids) > 1}


def again(
    jobs: Iterable[tuple[str, str, str, float, float | None, str]],
) -> dict[tuple[str, str], list[str]]:
    """(kind, input S3 URI) -> JobIds, for each input that was started although it was running or had succeeded.

    `jobs` are (kind, input S3 URI, JobId, SubmitTime, EndTime, status) as they stand at the end. Unlike `duplicates`
    it takes a new job after one that FAILED or was STOPPED for what it is: another attempt.
    """
    inputs: dict[tuple[str, str], list[tuple[float, float | None, str, str]]] = defaultdict(list)
    for kind, input_uri, job_id, start, end, status in jobs:
        inputs[kind, input_uri].append((start, end, status, job_id))
    found = {}
    for pair, lives in inputs.items():
        lives.sort(key=lambda life: life[0])
        for (_, end, status, _), (start, *_) in pairwise(lives):
            if end is None or end > start or status not in ("FAILED", "STOPPED"):
                found[pair] = [job_id for *_, job_id in lives]
    return found


def losses(log: Iterable[Entry], expected: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """The expected (kind, input S3 URI) pairs that no job was ever made for."""
    return set(expected) - {(entry.kind, entry.input_uri) for entry in accepted_starts(log)}


def steps_back(told: Iterable[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """JobId -> (status, status told after it), for every pair that no course of a job explains.

    `told` are (JobId, status) in the order in which they were told: of the log `(e.job_id, e.status)`, or whatever a
    client has seen. A status that is skipped is no step back, nor is one told twice; an entry without a status is none.
    """
    last: dict[str, str] = {}
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for job_id, status in told:
        before = last.get(job_id, status)
        if status and status != before and status not in LATER.get(before, ()):
            found[job_id].append((before, status))
        if status:
            last[job_id] = status
    return dict(found)


def worst_window(
    log: Iterable[Entry], *, window_s: float = 1.0, without: Collection[str] = (THROTTLED,)
) -> dict[str, int]:
    """Operation -> the most requests in any half-open window of one account and Region, those `without` not counted.

    With `without=()` it judges the client (everything it sent), as it stands it judges what the service let in.
    """
    worst: dict[str, int] = {}
    open_windows: dict[tuple[str, str, str], deque[float]] = defaultdict(deque)
    for entry in sorted(log):
        if entry.outcome in without:
            continue
        window = open_windows[entry.account, entry.region, entry.operation]
        window.append(entry.time)
        while window[0] <= entry.time - window_s:
            window.popleft()
        worst[entry.operation] = max(worst.get(entry.operation, 0), len(window))
    return worst


def throttled(log: Iterable[Entry]) -> dict[str, int]:
    """Operation -> requests refused for rate or for slots."""
    counts: dict[str, int] = defaultdict(int)
    for entry in log:
        if entry.outcome in (THROTTLED, CAPPED):
            counts[entry.operation] += 1
    return dict(counts)


def lanes(spans: Iterable[Span]) -> dict[tuple[str, str, str], list[Span]]:
    """(account, Region, kind) -> its spans, in the order of their starts: each lane has slots of its own."""
    found: dict[tuple[str, str, str], list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: span.start):
        found[span.account, span.region, span.kind].append(span)
    return dict(found)


def peak_active(spans: Iterable[Span]) -> dict[str, int]:
    """Kind -> the most jobs of one lane that held a slot at one time.

    A slot that is freed and taken at one instant counts once.
    """
    peaks: dict[str, int] = {}
    for (_, _, kind), lane in lanes(spans).items():
        held = 0
        for _, change in _edges(lane):
            held += change
            peaks[kind] = max(peaks.get(kind, 0), held)
    return peaks


def utilisation(spans: Iterable[Span], *, slots: int, begin: float, end: float) -> Mapping[str, float]:
    """Kind -> the part of one lane's slots' time between `begin` and `end` in which they held a job: 1 is full."""
    if end <= begin:
        return {}
    held: dict[str, float] = defaultdict(float)
    for span in spans:
        held[span.kind] += max(0.0, min(end, span.end if span.end is not None else end) - max(begin, span.start))
    return {kind: seconds / (slots * (end - begin)) for kind, seconds in held.items()}


def steady(lane: Iterable[Span], *, slots: int) -> Steady | None:
    """The steady state of one lane whose jobs have all ended; None if its slots were never all full for any time.

    It begins when all slots are full for the first time and ends when fewer jobs than slots are left: what is lost
    between the two is lost by whoever starts the jobs, and not by the beginning or the end of the work.
    """
    spans = [span for span in lane if span.end is not None]
    ends = sorted(span.end for span in spans if span.end is not None)
    begin = _first_full(spans, slots)
    if begin is None or ends[-slots] <= begin:
        return None
    (used,) = utilisation(spans, slots=slots, begin=begin, end=ends[-slots]).values()
    return Steady(begin, ends[-slots], used)


def makespan_s(spans: Collection[Span]) -> float:
    """From the first start to the last end that is known; 0 for no jobs."""
    times = [time for span in spans for time in (span.start, span.end) if time is not None]
    return max(times) - min(times) if times else 0.0


def makespan_bound_s(jobs: int, *, duration_s: float, slots: int, rate: float) -> float:
    """What no scheduler beats in one lane with jobs of one length whose Starts leave 1/rate apart; 0 for no jobs.

    `T* = d + max((N-1)/r, floor((N-1)/k) * d + ((N-1) mod k) / r)`: the last job waits for the rate alone, or for the
    waves before it and, within its own wave, for the rate. It is reached, so it is the optimum.
    """
    if jobs <= 0:
        return 0.0
    waves, place = divmod(jobs - 1, slots)
    return duration_s + max((jobs - 1) / rate, waves * duration_s + place / rate)


def list_schedule_s(durations_s: Sequence[float], *, slots: int, rate: float, burst: int = 1) -> float:
    """The makespan if the jobs of one lane start in this order, each as soon as a slot and the rate allow it.

    At most `burst` Starts leave in any `burst / rate` seconds. For jobs of different lengths it depends on the order,
    and longest first comes close to the optimum.
    """
    starts: deque[float] = deque(maxlen=burst)
    running: list[float] = []
    now = end = 0.0
    for duration_s in durations_s:
        if len(starts) == burst:
            now = max(now, starts[0] + burst / rate)
        if len(running) == slots:
            now = max(now, heapq.heappop(running))
        starts.append(now)
        heapq.heappush(running, now + duration_s)
        end = max(end, now + duration_s)
    return end


def _first_full(spans: Iterable[Span], slots: int) -> float | None:
    held = 0
    for at, change in _edges(spans):
        held += change
        if held >= slots:
            return at
    return None


def _edges(spans: Iterable[Span]) -> list[tuple[float, int]]:
    """Starts and ends in the order of time, an end before a start at the same instant."""
    starts = [(span.start, 1) for span in spans]
    return sorted(starts + [(span.end, -1) for span in spans if span.end is not None])
