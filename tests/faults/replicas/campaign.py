"""One campaign from its first process to its verdict."""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.faults.process.accept_log import Judgement, judge
from tests.faults.replicas.deployment import Deployment, deployed
from tests.faults.replicas.judgement import (
    CutOff,
    Foreign,
    TakeOver,
    again,
    cut_offs,
    foreign_starts,
    take_overs,
)
from tests.faults.replicas.nemesis import SCENARIOS, Deed, Nemesis
from tests.faults.replicas.plan import Plan
from tests.faults.replicas.replica import Life
from tests.postgres import PostgreSQL

__all__ = ["Verdict", "balanced", "conclude", "run"]

_ENDS_S: Final = 420.0
_BALANCED_LEASES: Final = 6.0
_BALANCED_MIN_S: Final = 40.0  # on a machine that does much else
_FENCED: Final = re.compile(r"the write of \S+ was refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All that a campaign showed; `broken`: one sentence for each promise that was not kept."""

    plan: Plan
    judgement: Judgement
    deeds: Sequence[Deed]
    take_overs: Sequence[TakeOver]
    cut_offs: Sequence[CutOff]
    foreign: Sequence[Foreign]
    verified: int
    fenced: int
    fenced_in_logs: int
    transitions: dict[str, int]
    epochs: int
    before: dict[int, int]
    after: dict[int, int]
    left: Sequence[str]
    finished_s: float
    broken: Sequence[str]

    def figures(self) -> dict[str, Any]:
        """As JSON can say it."""
        plan, judgement = self.plan, self.judgement
        return {
            "seed": plan.seed,
            "replicas": plan.replicas,
            "jobs": plan.jobs,
            "lanes": plan.lanes,
            "lease_s": plan.lease_s,
            "deeds": Counter(deed.fault.value for deed in self.deeds),
            "starts": judgement.starts,
            "doubled": len(judgement.doubled),
            "lost": len(judgement.lost),
            "verified": self.verified,
            "worst_second": judgement.worst,
            "peak_active": judgement.peak,
            "fenced_writes": self.fenced,
            "fenced_in_logs": self.fenced_in_logs,
            "lease_transitions": self.transitions,
            "epochs": self.epochs,
            "leases_before": self.before,
            "leases_after": self.after,
            "left_at_their_start": list(self.left),
            "finished_s": round(self.finished_s, 1),
            "take_overs": {
                "lanes": len(self.take_overs),
                "clean": sum(one.clean for one in self.take_overs),
                "row_s": _spread([one.row_s for one in self.take_overs if one.clean]),
                "call_s": _spread([one.call_s for one in self.take_overs if one.clean]),
                "start_s": _spread([one.start_s for one in self.take_overs if one.clean]),
                "all_row_s": _spread([one.row_s for one in self.take_overs]),
            },
            "cuts": len(self.cut_offs),
            "last_start_after_cut_s": _spread([one.last_start_s for one in self.cut_offs]),
            "starts_without_lease": [f"{one.access_key} {one.lane} {one.since_s:.2f} s" for one in self.foreign],
            "broken": list(self.broken),
        }


def run(plan: Plan, directory: Path, *, scenario: str, seconds: float, gap_s: float) -> Verdict:
    """The work, the faults, the healing, and what came of it."""
    rng = random.Random(plan.seed)
    with (
        PostgreSQL(fsync="on", full_page_writes="on", wal_level="replica") as postgres,
        deployed(plan, directory, postgres) as deployment,
    ):
        deployment.start()
        before = balanced(deployment)
        nemesis = Nemesis(deployment=deployment, faults=SCENARIOS[scenario], seconds=seconds, gap_s=gap_s, rng=rng)
        nemesis.rage()
        return conclude(deployment, nemesis, before, must_last=True)


def conclude(
    deployment: Deployment,
    nemesis: Nemesis,
    before: dict[int, int],
    *,
    must_last: bool = False,
    ends_s: float = _ENDS_S,
) -> Verdict:
    """Everything is healed: let all jobs end and all replicas leave, and judge.

    `must_last`: it is a flaw of the campaign if all work was done before the faults were over.
    """
    plan, broken = deployment.plan, []
    if must_last and deployment.count("jobs", "state = 'verified'") == plan.jobs:
        broken.append("all work was done before the faults were over: give it more jobs")
    deployment.service.control("POST", "switches", {"overhead_s": 1.0})
    healed = time.monotonic()
    verified = _finish(deployment, nemesis)
    finished_s = time.monotonic() - healed
    after = balanced(deployment)
    broken += _leave(deployment)
    log, changes, lives = deployment.service.log(), deployment.changes(), deployment.lives()
    judgement = judge(log, deployment.spans(), plan.expected)
    cuts = cut_offs(log, nemesis.deeds, plan.lease_s)
    broken += judgement.violations(plan.limits) + again(log)
    broken += [sentence for cut in cuts for sentence in cut.violation()]
    if verified != plan.jobs:
        broken.append(f"{verified} jobs of {plan.jobs} are verified")
    if not _is_fair(after):
        broken.append(f"the leases are not shared fairly in the end: {after}")
    broken += _unsound(deployment)
    said = "".join(replica.said() for replica in deployment.replicas)
    return Verdict(
        plan=plan,
        judgement=judgement,
        deeds=nemesis.deeds,
        take_overs=take_overs(log, changes, nemesis.deeds),
        cut_offs=cuts,
        foreign=foreign_starts(log, changes, {life.access_key: life.process_id for life in lives}),
        verified=verified,
        fenced=int(sum(life.figures.get("fleet_fenced_writes_total", 0) for life in lives)),
        fenced_in_logs=len(_FENCED.findall(said)),
        transitions=_transitions(lives),
        epochs=sum({change.name: change.epoch for change in changes}.values()),
        before=before,
        after=after,
        left=[sentence for replica in deployment.replicas for sentence in replica.left],
        finished_s=finished_s,
        broken=broken,
    )


def _leave(deployment: Deployment) -> list[str]:
    """Every replica has left; a sentence for each process that did not do that as it should."""
    for replica in deployment.replicas:
        replica.read_figures()
    for replica in deployment.replicas:
        replica.drain()
    found = [sentence for replica in deployment.replicas for sentence in replica.died]
    return found + [
        f"{replica.life.access_key} left with {replica.life.code} when it was asked to"
        for replica in deployment.replicas
        if replica.life.code != 0
    ]


def _unsound(deployment: Deployment) -> list[str]:
    """What `fleet ledger check` finds wrong, if anything."""
    checked = deployment.fleet("ledger", "check", "--json")
    if checked.returncode == 0 and json.loads(checked.stdout)["sound"]:
        return []
    return [f"fleet ledger check: {checked.stdout[-1000:]} {checked.stderr[-1000:]}"]


def balanced(deployment: Deployment) -> dict[int, int]:
    """Replica -> its leases, as soon as they are shared fairly; as they are, where that takes too long."""
    until = time.monotonic() + max(_BALANCED_MIN_S, _BALANCED_LEASES * deployment.plan.lease_s)
    while True:
        shares = deployment.shares()
        if _is_fair(shares) or time.monotonic() > until:
            return shares
        time.sleep(0.1)


def _is_fair(shares: Mapping[int, int]) -> bool:
    """Whether everybody has as many leases as anybody else, but for one, and none is nobody's."""
    return 0 not in shares and max(shares.values()) - min(shares.values()) <= 1


def _finish(deployment: Deployment, nemesis: Nemesis) -> int:
    """How many jobs are verified, once all are; or in the end."""
    until = time.monotonic() + _ENDS_S
    while True:
        nemesis.look_after()
        verified = deployment.count("jobs", "state = 'verified'")
        if verified == deployment.plan.jobs or time.monotonic() > until:
            return verified
        time.sleep(0.2)


def _transitions(lives: Sequence[Life]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for life in lives:
        for series, value in life.figures.items():
            if match := re.fullmatch(r'fleet_lease_transitions_total\{transition="(\w+)"\}', series):
                found[match[1]] += int(value)
    return dict(found)


def _spread(values: Sequence[float | None]) -> dict[str, float] | None:
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    return {"median": round(median(known), 2), "max": round(known[-1], 2)}
