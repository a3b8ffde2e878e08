"""fleet beside what people write today, on the sandbox: same quotas, same seeds, same durations. Not a test.

    python -m tests.bench.scheduling [--scenario NAME ...] [--contender NAME ...] [--runs N] [--quick] [--json]

Every run has a fresh `fleet sandbox` process and a fresh contender process, one contender after the other in each
round, so that the machine's noise hits all alike; the figures are medians over the rounds, and all of them come from
the sandbox's accept log and its own List, none from a contender.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from tests.bench.bound import lower_bound_s
from tests.bench.judge import Figures, ideal, judge
from tests.bench.measure import CONTENDERS, measure
from tests.bench.scenarios import SCENARIOS, Scenario
from tests.bench.service import Unsupported
from tests.bench.table import medians, table

__all__ = ["main"]

_LEGEND = """\
lost: asked for, but not COMPLETED. unseen: COMPLETED, but no Describe ever saw it. refused: Starts throttled or over
the slots; later: their share after {settle}. slots used: from first full until fewer jobs than slots are left. /ideal:
over the list schedule of the same durations in the same order. refill: end of a job to the Start that takes its slot;
seen: to the first Describe of it, or List of all that is active without it; told: to the Describe. status/job: Describe
and List. CPU s/1k: of the process, for 1,000 calls.
"""


def main(words: Sequence[str] | None = None) -> int:
    """Print a table for each scenario; 1 if fleet lost or doubled a job in any of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", nargs="+", choices=SCENARIOS, default=list(SCENARIOS), metavar="NAME")
    parser.add_argument("--contender", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--runs", type=int, default=1, help="rounds, of which the medians are shown")
    parser.add_argument(
        "--quick", action="store_true", help="less of everything, all contenders at once: a look, not a figure to quote"
    )
    parser.add_argument("--at-once", type=int, help="contenders that run side by side; default 1, all with --quick")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--keep", type=Path, help="leave each run's files in this new directory")
    arguments = parser.parse_args(words)
    if arguments.keep and arguments.keep.exists():
        parser.error(f"--keep: {arguments.keep} is there already, and fleet would go on with its ledgers")
    arguments.at_once = arguments.at_once or (len(arguments.contender) if arguments.quick else 1)
    results: dict[str, dict[str, list[Figures]]] = {}
    for name in arguments.scenario:
        scenario = SCENARIOS[name].scaled() if arguments.quick else SCENARIOS[name]
        try:
            results[name] = _compare(scenario, arguments)
        except Unsupported as missing:
            _tell(f"{name}: skipped, {missing}")
            continue
        if not arguments.json:
            sys.stdout.write(_section(scenario, results[name], arguments.runs))
            sys.stdout.flush()
    if arguments.json:
        sys.stdout.write(json.dumps(_as_json(results), indent=1) + "\n")
    elif results:
        sys.stdout.write(_LEGEND.format(settle="the settling time (60 s; 5 s with --quick)"))
    runs = [run for result in results.values() for run in result.get("fleet", [])]
    return int(any(run.lost or run.duplicates for run in runs))


def _compare(scenario: Scenario, arguments: argparse.Namespace) -> dict[str, list[Figures]]:
    """Each contender's figures, round by round, and those of the ideal schedule of the first one's jobs."""
    contenders: list[str] = arguments.contender
    found: dict[str, list[Figures]] = {"ideal schedule": [], **{name: [] for name in contenders}}
    with ThreadPoolExecutor(max_workers=arguments.at_once) as pool:
        for turn in range(1, arguments.runs + 1):
            runs = pool.map(lambda name, turn=turn: _run(scenario, name, turn, arguments.keep), contenders)
            for name, (figures, best) in zip(contenders, runs, strict=True):
                found[name].append(figures)
                if name == contenders[0]:
                    found["ideal schedule"].append(best)
    return found


def _run(scenario: Scenario, contender: str, turn: int, keep: Path | None) -> tuple[Figures, Figures]:
    """One run of one contender: its figures, and those of the ideal schedule of its jobs."""
    began = time.monotonic()
    place = keep / f"{scenario.name}-{contender.replace(' ', '-')}-{turn}" if keep else None
    observation = measure(scenario, contender, place)
    figures = judge(observation)
    used = "-" if figures.used is None else f"{figures.used:.3f}"
    _tell(
        f"{scenario.name}, round {turn}, {contender}: {figures.done:.0f} done, {figures.lost:.0f} lost, "
        f"slots used {used}, {time.monotonic() - began:.0f} s"
    )
    return figures, ideal(observation)


def _section(scenario: Scenario, result: dict[str, list[Figures]], rounds: int) -> str:
    bound_s = lower_bound_s(
        scenario.prefixes, duration_s=scenario.duration_s, slots=scenario.slots, start_per_s=scenario.start_per_s
    )
    return (
        f"\n{scenario.name}: {scenario.about} ({'scaled down, ' if scenario != SCENARIOS[scenario.name] else ''}"
        f"medians of {rounds})\n"
        f"{scenario.prefixes} x {len(scenario.kinds)} jobs of {scenario.duration_s:g} s (log-normal, sigma "
        f"{scenario.spread:g}); were they all equal, the bound would be {bound_s:.1f} s\n"
        + table({name: medians(runs) for name, runs in result.items()})
        + "\n"
    )


def _as_json(results: dict[str, dict[str, list[Figures]]]) -> dict[str, object]:
    return {
        scenario: {
            name: {"median": asdict(medians(runs)), "runs": [asdict(run) for run in runs]}
            for name, runs in result.items()
        }
        for scenario, result in results.items()
    }


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
