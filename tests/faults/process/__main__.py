"""`python -m tests.faults.process --kills 200 --jobs 500`: the long campaigns; exit code 1 if fleet broke a promise.

The kills, and at the same time the tests in `campaign_*.py`, which mostly wait.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.process.kills import Campaign, Runner, kill_again_and_again, verified

__all__ = ["main"]

_FILES = sorted(str(path) for path in Path(__file__).parent.glob("campaign_*.py"))


def main() -> int:
    """Run what was asked for and print it; 0 if fleet kept every promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.process", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="SIGKILLs (default 200)")
    parser.add_argument("--jobs", type=int, default=500, help="jobs, in five kinds (default 500)")
    parser.add_argument("--seed", type=int, default=20260901)
    parser.add_argument("--only-kills", action="store_true", help="without the other campaigns at the same time")
    parser.add_argument("--alone", action="store_true", help="without the boto3 script beside it")
    asked = parser.parse_args()
    campaign = Campaign(jobs=asked.jobs, kills=asked.kills, seed=asked.seed)
    began = time.monotonic()
    others = None if asked.only_kills else subprocess.Popen([sys.executable, "-m", "pytest", "-q", "-rs", *_FILES])
    with tempfile.TemporaryDirectory() as directory:
        runners = kill_again_and_again(campaign, Path(directory), beside=not asked.alone)
        fleet = runners[0]
        broken = fleet.outcome()[1]
        if fleet.kills < asked.kills:
            broken.append(f"the work was done after {fleet.kills} kills of {asked.kills}: give it more jobs")
        if verified(fleet) != asked.jobs:
            broken.append(f"{verified(fleet)} jobs of {asked.jobs} are verified")
        sys.stdout.write(_table(campaign, runners, time.monotonic() - began))
        if broken:
            sys.stdout.write(fleet.place.said()[-2000:])
    sys.stdout.write("".join(f"fleet broke a promise: {sentence}\n" for sentence in broken))
    if others is not None and others.wait() != 0:
        broken.append("a test of another campaign failed")
    return 1 if broken else 0


def _table(campaign: Campaign, runners: list[Runner], elapsed_s: float) -> str:
    limits = campaign.limits
    rows = [
        (
            f"{campaign.jobs} jobs in {len(campaign.kinds)} lanes, {campaign.lost_answers:.0%} of the answers lost, "
            f"seed {campaign.seed}; {elapsed_s:.0f} s\n"
        ),
        (
            f"{'':22} {'kills':>6} {'exit':>5} {'Starts':>7} {'doubled':>8} {'lost':>5} "
            f"{'Starts/s':>9} {'peak slots':>11}   (allowed: {limits.start_per_s}/s, {limits.active_jobs} slots)\n"
        ),
    ]
    for runner in runners:
        judgement = runner.place.judgement()
        starts_per_s = max((most for name, most in judgement.worst.items() if name.startswith("Start")), default=0)
        rows.append(
            f"{runner.name:22} {runner.kills:6} {'-' if runner.code is None else runner.code:>5} {judgement.starts:7} "
            f"{len(judgement.doubled):8} {len(judgement.lost):5} {starts_per_s:9} "
            f"{max(judgement.peak.values(), default=0):11}\n"
        )
    return "".join(rows)


if __name__ == "__main__":
    sys.exit(main())
