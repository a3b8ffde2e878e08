"""What really happened: the accept log, and checkers that are plain functions over plain data.

Promises: every request that reached the service has one entry, with its outcome; the checkers need nothing but their
arguments, so that tests and benchmarks ask the same questions.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

__all__ = [
    "ACCEPTED",
    "CAPPED",
    "REFUSED",
    "REPLAYED",
    "THROTTLED",
    "Entry",
    "Span",
    "accepted_starts",
    "duplicates",
    "losses",
    "peak_active",
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
    """One request and what became of it. `outcome` is one of the five words above; `code` is the error's, if any."""

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


class Span(NamedTuple):
    """From when to when a job held a slot; `end` is None while it does."""

    kind: str
    start: float
    end: float | None


def accepted_starts(log: Iterable[Entry]) -> list[Entry]:
    """The Starts that made a job, in the order of the log."""
    return [entry for entry in log if entry.outcome == ACCEPTED and entry.operation.startswith("Start")]


def duplicates(log: Iterable[Entry]) -> dict[tuple[str, str], list[str]]:
    """(kind, input S3 URI) -> JobIds, for each input that more than one job was made for."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in accepted_starts(log):
        found[entry.kind, entry.input_uri].add(entry.job_id)
    return {pair: sorted(ids) for pair, ids in found.items() if len(ids) > 1}


def losses(log: Iterable[Entry], expected: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """The expected (kind, input S3 URI) pairs that no job was ever made for."""
    return set(expected) - {(entry.kind, entry.input_uri) for entry in accepted_starts(log)}


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


def peak_active(spans: Iterable[Span]) -> dict[str, int]:
    """Kind -> the most jobs that held a slot at one time. A slot that is freed and taken at one instant counts once."""
    edges: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for span in spans:
        edges[span.kind].append((span.start, 1))
        if span.end is not None:
            edges[span.kind].append((span.end, -1))
    peaks: dict[str, int] = {}
    for kind, changes in edges.items():
        held = peaks[kind] = 0
        for _, change in sorted(changes):
            held += change
            peaks[kind] = max(peaks[kind], held)
    return peaks


def throttled(log: Iterable[Entry]) -> dict[str, int]:
    """Operation -> requests refused for rate or for slots."""
    counts: dict[str, int] = defaultdict(int)
    for entry in log:
        if entry.outcome in (THROTTLED, CAPPED):
            counts[entry.operation] += 1
    return dict(counts)


def utilisation(spans: Iterable[Span], *, slots: int, begin: float, end: float) -> Mapping[str, float]:
    """Kind -> the part of the slots' time between `begin` and `end` in which they held a job: 1 is full."""
    if end <= begin:
        return {}
    held: dict[str, float] = defaultdict(float)
    for span in spans:
        held[span.kind] += max(0.0, min(end, span.end if span.end is not None else end) - max(begin, span.start))
    return {kind: seconds / (slots * (end - begin)) for kind, seconds in held.items()}
