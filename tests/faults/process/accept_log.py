"""What the sandbox's accept log says of one account's client: jobs doubled and lost, rates and slots held."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fleet.sandbox.truth import Entry, Span, accepted_starts, duplicates, losses, peak_active, worst_window

__all__ = ["Judgement", "Limits", "judge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The quotas of each lane; rates are requests a second."""

    active_jobs: int = 4
    start_per_s: int = 4
    describe_per_s: int = 20
    list_per_s: int = 20

    def per_s(self, operation: str) -> int:
        """The rate of an operation by its name."""
        for verb, rate in (("Start", self.start_per_s), ("Describe", self.describe_per_s), ("List", self.list_per_s)):
            if operation.startswith(verb):
                return rate
        raise ValueError(f"{operation} has no quota here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Facts from the log. `worst`: operation -> the most requests that the client sent within any second; `times`:
    operation -> when each arrived."""

    starts: int
    doubled: Mapping[tuple[str, str], list[str]]
    lost: Collection[tuple[str, str]]
    worst: Mapping[str, int]
    times: Mapping[str, Sequence[float]]
    peak: Mapping[str, int]

    def violations(self, limits: Limits) -> list[str]:
        """One sentence for each promise that was broken; empty where all were kept."""
        found = [f"{kind} {uri}: started {len(ids)} times" for (kind, uri), ids in sorted(self.doubled.items())]
        found += [f"{kind} {uri}: never started" for kind, uri in sorted(self.lost)]
        found += [
            f"{operation}: {most} requests within a second, {limits.per_s(operation)} are allowed; "
            f"{limits.per_s(operation) + 1} within {self.closest_s(operation, limits.per_s(operation) + 1):.3f} s"
            for operation, most in sorted(self.worst.items())
            if most > limits.per_s(operation)
        ]
        found += [
            f"{kind}: {most} jobs active at once, {limits.active_jobs} are allowed"
            for kind, most in sorted(self.peak.items())
            if most > limits.active_jobs
        ]
        return found

    def closest_s(self, operation: str, count: int) -> float:
        """The shortest time in which so many requests arrived."""
        times = self.times[operation]
        return min((last - first for first, last in zip(times, times[count - 1 :], strict=False)), default=math.inf)


def judge(log: Iterable[Entry], spans: Iterable[Span], expected: Collection[tuple[str, str]]) -> Judgement:
    """Judge one account's log; `expected` are the (kind, input S3 URI) pairs that were asked for."""
    log = sorted(log)
    times: dict[str, list[float]] = {}
    for entry in log:
        times.setdefault(entry.operation, []).append(entry.time)
    return Judgement(
        starts=len(accepted_starts(log)),
        doubled=duplicates(log),
        lost=losses(log, expected),
        worst=worst_window(log, without=()),
        times=times,
        peak=peak_active(spans),
    )
