"""What must hold when a world has ended: judged from the sandbox's accept log and jobs, and from the ledger's file.

Nothing here knows how fleet works: the log says what reached the service, the ledger says what fleet believes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from fleet.core.job import State
from fleet.ledger.ledger import Ledger
from fleet.sandbox.jobs import Job
from fleet.sandbox.truth import REFUSED, Entry, Span, again, losses, peak_active, worst_window

__all__ = ["doubled", "ledger_violations", "log_violations"]

_HARMLESS: Final = frozenset({"ResourceInUseException", "ExpiredTokenException", "AccessDeniedException"})
Pair = tuple[str, str]


def doubled(jobs: Iterable[Job]) -> dict[Pair, list[str]]:
    """(kind, input S3 URI) -> JobIds of what was started although a job for it was running or had succeeded."""
    return again((job.kind.name, job.input_uri, job.job_id, job.submit_time, job.ended_at, job.status) for job in jobs)


def log_violations(
    log: Sequence[Entry],
    jobs: Collection[Job],
    spans: Iterable[Span],
    *,
    expected: Collection[Pair],
    rates: Mapping[str, int],
    slots: int,
) -> list[str]:
    """One sentence for each promise that AWS's side shows as broken. `rates`: a verb's requests in any second."""
    found = [f"{kind} {uri}: started again, {ids}" for (kind, uri), ids in sorted(doubled(jobs).items())]
    found += [f"{kind} {uri}: never started" for kind, uri in sorted(losses(log, expected))]
    # what the network has delivered twice is in the log twice, at one time
    sent = {(entry.time, entry.operation, entry.token or place): entry for place, entry in enumerate(log)}
    for operation, most in sorted(worst_window(sent.values(), without=()).items()):
        allowed = next(rate for verb, rate in rates.items() if operation.startswith(verb))
        if most > allowed:
            found.append(f"{operation}: {most} requests within a second, {allowed} are allowed")
    for kind, most in sorted(peak_active(spans).items()):
        if most > slots:
            found.append(f"{kind}: {most} jobs active at once, {slots} are allowed")
    for entry in log:
        if entry.operation.startswith("Start") and entry.outcome == REFUSED and entry.code not in _HARMLESS:
            found.append(f"{entry.operation} of {entry.input_uri} was refused: {entry.code}")
    return found


async def ledger_violations(ledger: Ledger, jobs: Mapping[str, Job], *, expected: int) -> list[str]:
    """One sentence for each thing in the ledger that contradicts itself or the sandbox."""
    found = [f"ledger: {what}" for what in await ledger.check()]
    known = await ledger.jobs()
    if len(known) != expected:
        found.append(f"ledger: {len(known)} jobs, {expected} were asked for")
    for job in known:
        remote = jobs.get(job.remote_id or "")
        own = [other for other in jobs.values() if (other.kind.name, other.input_uri) == (job.lane.kind, job.prefix)]
        failed = sum(other.status == "FAILED" for other in own)
        if job.state is not State.VERIFIED:
            found.append(f"ledger: {job.prefix} ended {job.state}: {job.reason}")
        elif remote not in own or remote.status != "COMPLETED":
            found.append(f"ledger: {job.prefix} is verified, but AWS has {remote} under {job.remote_id}")
        elif job.attempt > 1 + failed:
            found.append(f"ledger: {job.prefix} is at attempt {job.attempt}, but {failed} jobs failed")
    return found
