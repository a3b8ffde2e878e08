"""How many jobs a second one, two and four replicas do together over one PostgreSQL, and what each job costs in CPU.

    python -m tests.bench.replicas [--jobs N] [--rounds N] [--replicas 1 2 4] [--json]

Quotas are generous and AWS jobs short. The sandbox and the database run on the same machine and take their part of its
CPU; the sandbox, which analyses every document in one process, is the first to have none left. So jobs a second say
that replicas cost nothing, Starts a second what they gain, and the CPU for each job where one replica would end: 1,000
ms of a core by that many jobs a second. The rounds take turns, so that noise hits all alike. Not a test.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

from fleet.sandbox.truth import accepted_starts
from tests.faults.process.accept_log import Limits
from tests.faults.replicas.deployment import Deployment, deployed
from tests.faults.replicas.plan import Plan
from tests.postgres import PostgreSQL

__all__ = ["main"]

_LIMITS: Final = Limits(active_jobs=200, start_per_s=200, describe_per_s=500, list_per_s=500)
_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
_ENDS_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One run. `per_s`: jobs from the first Start to the last verified one, `starts_per_s`: from the first Start to the
    last; CPU in milliseconds for each job."""

    replicas: int
    per_s: float
    starts_per_s: float
    fleet_ms: float
    postgres_ms: float
    sandbox_ms: float
    cores: float  # that all of them kept busy meanwhile


def main() -> int:
    """Print jobs a second and CPU per job for each number of replicas, side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2_000, help="a multiple of the ten lanes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rounds = [_round(count, asked.jobs) for _ in range(asked.rounds) for count in asked.replicas]
    sys.stdout.write(json.dumps([asdict(one) for one in rounds]) + "\n" if asked.json else _table(rounds))
    return 0


def _round(replicas: int, jobs: int) -> Round:
    plan = Plan(
        replicas=replicas,
        jobs=jobs,
        seed=1,
        lease_s=15.0,
        job_s=1.0,
        lost_answers=0.0,
        limits=_LIMITS,
        more_switches=("work_at_once=32",),
    )
    with (
        tempfile.TemporaryDirectory() as directory,
        PostgreSQL(fsync="on", full_page_writes="on", wal_level="replica") as postgres,
        deployed(plan, Path(directory), postgres) as deployment,
    ):
        before = _cpu_s(deployment)
        began = time.monotonic()
        deployment.start()
        deployment.wait(lambda: deployment.count("jobs", "state = 'verified'") == jobs, "all verified", _ENDS_S)
        ended_at, elapsed_s = time.time(), time.monotonic() - began
        after = _cpu_s(deployment)
        used = [last - first for first, last in zip(before, after, strict=True)]
        starts = [entry.time for entry in accepted_starts(deployment.service.log())]
    fleet_ms, postgres_ms, sandbox_ms = (1000 * seconds / jobs for seconds in used)
    return Round(
        replicas=replicas,
        per_s=jobs / (ended_at - starts[0]),
        starts_per_s=jobs / (starts[-1] - starts[0]),
        fleet_ms=fleet_ms,
        postgres_ms=postgres_ms,
        sandbox_ms=sandbox_ms,
        cores=sum(used) / elapsed_s,
    )


def _cpu_s(deployment: Deployment) -> tuple[float, float, float]:
    """CPU seconds so far of all replicas, of PostgreSQL and of the sandbox, each with the processes below it."""
    replicas = sum(_process_s(life.process_id) for life in deployment.lives())
    postmaster = deployment.postgres.process_id
    return replicas, _process_s(postmaster) if postmaster else 0.0, _process_s(deployment.service.process_id)


def _process_s(process_id: int) -> float:
    """User and system time of a process, of its ended children, and of the living ones; 0 where it has just ended."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
        children = list(_children(process_id))
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) * _TICK_S + sum(_process_s(child) for child in children)


def _children(process_id: int) -> Iterator[int]:
    for task in Path(f"/proc/{process_id}/task").iterdir():
        for word in (task / "children").read_text().split():
            yield int(word)


def _table(rounds: Sequence[Round]) -> str:
    head = f"{'replicas':>8} {'jobs/s':>8} {'ratio':>6} {'Starts/s':>9} {'fleet':>9} {'Postgres':>11} {'sandbox':>9}"
    lines = [f"{head} {'busy cores':>10}\n"]
    first: float | None = None
    for count in dict.fromkeys(one.replicas for one in rounds):
        mine = [one for one in rounds if one.replicas == count]
        per_s = median(one.per_s for one in mine)
        first = first or per_s
        lines.append(
            f"{count:8} {per_s:8.1f} {per_s / first:6.2f} "
            f"{median(one.starts_per_s for one in mine):9.0f} {median(one.fleet_ms for one in mine):6.1f} ms "
            f"{median(one.postgres_ms for one in mine):8.1f} ms {median(one.sandbox_ms for one in mine):6.1f} ms "
            f"{median(one.cores for one in mine):10.2f}\n"
        )
    lines.append(f"medians of {len(mine)} rounds; ms: CPU for each job; {os.cpu_count()} cores\n")
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
