"""`python -m tests.faults.replicas --replicas 3 --jobs 2000 --minutes 10`: faults for replicas that share a PostgreSQL.

Exit code 1 if fleet broke a promise.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.faults.replicas.campaign import Verdict, run
from tests.faults.replicas.nemesis import SCENARIOS
from tests.faults.replicas.plan import KINDS, REGIONS, Plan

__all__ = ["main"]

_LANES: Final = (5, 10)


def main() -> int:
    """Run what was asked for and print it; 0 if fleet kept every promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.replicas", description=__doc__)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2_000, help="a multiple of the lanes (default 2000)")
    parser.add_argument("--lanes", type=int, default=10, choices=_LANES, help="five kinds in one Region or in two")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long there are faults (default 10)")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="all")
    parser.add_argument("--lease", type=float, default=5.0, metavar="S", help="[ledger] lease_s (default 5)")
    parser.add_argument("--gap", type=float, default=6.0, metavar="S", help="between two faults, in the mean")
    parser.add_argument("--keep", type=Path, help="a directory in which the logs stay")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    plan = Plan(
        replicas=asked.replicas,
        jobs=asked.jobs,
        seed=asked.seed,
        lease_s=asked.lease,
        regions=REGIONS[: asked.lanes // len(KINDS)],
        job_s=45.0 * asked.lanes * asked.minutes * 5 / asked.jobs,
    )
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        where = asked.keep or Path(directory)
        where.mkdir(parents=True, exist_ok=True)
        verdict = run(plan, where, scenario=asked.scenario, seconds=60 * asked.minutes, gap_s=asked.gap)
    if asked.json:
        sys.stdout.write(json.dumps(verdict.figures(), indent=1) + "\n")
    else:
        sys.stdout.write(_table(asked.scenario, verdict, time.monotonic() - began))
    sys.stdout.write("".join(f"fleet broke a promise: {sentence}\n" for sentence in verdict.broken))
    return 1 if verdict.broken else 0


def _table(scenario: str, verdict: Verdict, elapsed_s: float) -> str:
    plan, figures = verdict.plan, verdict.figures()
    starts = {name: most for name, most in verdict.judgement.worst.items() if name.startswith("Start")}
    taken = figures["take_overs"]
    deeds = ", ".join(f"{count} x {name}" for name, count in sorted(figures["deeds"].items()))
    rows = [
        ("campaign", f"{scenario}, seed {plan.seed}, {elapsed_s:.0f} s"),
        ("deployment", f"{plan.replicas} replicas, {plan.lanes} lanes, {plan.jobs} jobs, leases of {plan.lease_s:g} s"),
        ("faults", f"{len(verdict.deeds)}: {deeds}"),
        ("Starts, doubled, lost", f"{figures['starts']}, {figures['doubled']}, {figures['lost']}"),
        ("verified", f"{verdict.verified} of {plan.jobs}, {verdict.finished_s:.0f} s after the last fault"),
        ("Starts in a second", f"{max(starts.values(), default=0)} in any lane ({plan.limits.start_per_s} allowed)"),
        (
            "slots held",
            f"{max(verdict.judgement.peak.values(), default=0)} in any lane ({plan.limits.active_jobs} allowed)",
        ),
        ("fenced writes", f"{verdict.fenced} by the metric, {verdict.fenced_in_logs} in the logs"),
        ("leases", f"taken {verdict.epochs} times; {verdict.transitions} by the metric"),
        ("leases per replica", f"before {verdict.before}, after {verdict.after}"),
        ("take-over after SIGKILL", f"{taken['lanes']} lanes, {taken['clean']} of them with no other fault meanwhile"),
        ("  lease row changed", f"{taken['row_s']} s; all {taken['all_row_s']} s"),
        ("  first call to AWS", f"{taken['call_s']} s"),
        ("  first Start", f"{taken['start_s']} s"),
        (
            "cut from the database",
            f"{figures['cuts']} times; last Start after it {figures['last_start_after_cut_s']} s",
        ),
        ("Starts without the lease", f"{len(verdict.foreign)}"),
        ("left at their start", f"{len(verdict.left)} for want of a database"),
    ]
    return "".join(f"{name:26}{text}\n" for name, text in rows)


if __name__ == "__main__":
    sys.exit(main())
