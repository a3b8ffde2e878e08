"""The ledger's numbers, gathered for a summary and for a report line by line."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleet.core.errors import InvalidInput
from fleet.core.eta import Eta
from fleet.core.job import Job
from fleet.core.kinds import KINDS
from fleet.core.report import Calls, KindSummary, Reason, RejectedLine, Summary
from fleet.ledger.ledger import Ledger
from fleet.stages.places import among

if TYPE_CHECKING:
    from fleet.telemetry import Telemetry

__all__ = ["Line", "Rejected", "every_line", "summarise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One manifest line and one of its jobs."""

    source: str
    line: int
    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One thing that is wrong with one manifest line."""

    source: str
    line: int
    field: str | None
    reason: str


async def summarise(
    ledger: Ledger,
    manifest_ids: Sequence[int] | None = None,
    *,
    telemetry: "Telemetry | None" = None,
    elapsed_s: float | None = None,
    eta: Eta | None = None,
) -> Summary:
    """What became of the jobs of these manifests, or of all jobs of the ledger."""
    states = await ledger.manifest_counts(manifest_ids)
    verdicts = await ledger.verdicts(manifest_ids)
    kinds = []
    for name in KINDS:
        if name in states:
            found = verdicts.get(name, {})
            kinds.append(
                KindSummary(
                    kind=name,
                    states=states[name],
                    verdicts={verdict: tally.jobs for verdict, tally in found.items()},
                    documents=sum(tally.documents for tally in found.values()),
                    failed_documents=sum(tally.failed_documents for tally in found.values()),
                )
            )
    reasons = await ledger.reasons(manifest_ids)
    rejected = await ledger.rejections(manifest_ids)
    return Summary(
        kinds=kinds,
        reasons=[Reason(state=state, reason=reason, jobs=jobs) for state, reason, jobs in reasons],
        rejected=[
            RejectedLine(source=line.source, line=line.line, field=line.field, reason=line.reason) for line in rejected
        ],
        calls=_calls(telemetry) if telemetry else (),
        elapsed_s=elapsed_s,
        eta=eta,
    )


async def every_line(ledger: Ledger, sources: Sequence[str]) -> AsyncIterator["Line | Rejected"]:
    """Every line of these manifests (of all) in order: each of its jobs, and each thing that is wrong with it."""
    known = await ledger.manifests()
    names = [manifest.source for manifest in known]
    unknown = sorted(source for source in sources if not among(names, source))
    if unknown:
        raise InvalidInput(f"the ledger has not read {', '.join(unknown)}; `fleet run` does")
    wanted = {name for source in sources for name in among(names, source)}
    for manifest in known:
        if sources and manifest.source not in wanted:
            continue
        rejections = ledger.rejected(manifest.id, manifest.source)
        bad = await anext(rejections, None)
        async for line, job in ledger.report(manifest.id):
            while bad is not None and bad.line <= line:
                yield Rejected(source=bad.source, line=bad.line, field=bad.field, reason=bad.reason)
                bad = await anext(rejections, None)
            yield Line(source=manifest.source, line=line, job=job)
        while bad is not None:
            yield Rejected(source=bad.source, line=bad.line, field=bad.field, reason=bad.reason)
            bad = await anext(rejections, None)


def _calls(telemetry: "Telemetry") -> list[Calls]:
    requests: dict[str, int] = defaultdict(int)
    throttled: dict[str, int] = defaultdict(int)
    for operation, outcome, count in telemetry.api_counts():
        requests[operation] += count
        throttled[operation] += count if outcome == "throttled" else 0
    return [
        Calls(operation=operation, requests=requests[operation], throttled=throttled[operation])
        for operation in sorted(requests)
    ]
