"""How fast commands answer: fleet beside an empty Python and the AWS CLI, interleaved, as ratios.

    python -m tests.bench.startup [--rounds 15]

Every round runs each command once, in turn, so that a busy machine slows all of them alike. The target is half a second
by the clock for every fleet command on an idle machine; the least of all rounds is the nearest to idle that this one
came, and is judged. The load is printed, and `fleet plan` as a ratio to `aws --version`, which does less.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

__all__ = ["main"]

_TARGET_S: Final = 0.5
_FLEET: Final = (sys.executable, "-m", "fleet")
_OWN_AWS: Final = Path(__file__).parents[2] / ".venv-aws" / "bin"  # what `make test` installs where there is none
_PLAN: Final = "fleet plan, 3 lines"


def main() -> None:
    """Measure and print; leaves with 1 where a fleet command took half a second or more in each of its rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([*_FLEET, "init", directory, "--quiet"], check=True)
        times = _measure(_commands(), Path(directory), rounds)
    slow = [name for name, some in times.items() if name.startswith("fleet") and _least_s(some) >= _TARGET_S]
    sys.stdout.write(_table(times) + _judgement(times, slow))
    sys.exit(1 if slow else 0)


def _commands() -> dict[str, list[str]]:
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "fleet --help": [*_FLEET, "--help"],
        "fleet --version": [*_FLEET, "--version"],
        "fleet config check": [*_FLEET, "config", "check"],
        _PLAN: [*_FLEET, "plan", "manifest.jsonl"],
    }
    if aws := shutil.which("aws") or shutil.which("aws", path=str(_OWN_AWS)):
        commands["aws --version"] = [aws, "--version"]
    return commands


def _measure(commands: dict[str, list[str]], directory: Path, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Of each command and round the seconds by the clock and of CPU."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, command in commands.items():
            began, used = time.perf_counter(), _cpu_s()
            subprocess.run(command, cwd=directory, check=True, capture_output=True)
            times[name].append((time.perf_counter() - began, _cpu_s() - used))
    return {name: some[1:] for name, some in times.items()}  # the first round fills the caches


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _table(times: dict[str, list[tuple[float, float]]]) -> str:
    medians = {name: statistics.median(wall for wall, _ in some) for name, some in times.items()}
    lines = [f"{'command':<22}{'median':>9}{'least':>9}{'least CPU':>11}{'x python':>10}"]
    for name, some in times.items():
        least, cpu = _least_s(some), min(cpu for _, cpu in some)
        ratio = medians[name] / medians["python -c pass"]
        lines.append(f"{name:<22}{medians[name]:>8.3f}s{least:>8.3f}s{cpu:>10.3f}s{ratio:>9.1f}x")
    return "\n".join(lines) + "\n"


def _judgement(times: dict[str, list[tuple[float, float]]], slow: list[str]) -> str:
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    lines = [f"Load {load:.1f} on {processors} processors{': a busy machine' if load > processors else ''}."]
    if aws := times.get("aws --version"):
        medians = [statistics.median(wall for wall, _ in some) for some in (times[_PLAN], aws)]
        leasts = [_least_s(some) for some in (times[_PLAN], aws)]
        lines.append(
            f"{_PLAN}: {medians[0] / medians[1]:.2f} of the time of aws --version by the medians, "
            f"{leasts[0] / leasts[1]:.2f} by the least."
        )
    target = f"under {_TARGET_S} s by the clock, least of {len(times[_PLAN])} rounds"
    lines.append(f"FAIL: not {target}: {', '.join(slow)}" if slow else f"PASS: every fleet command {target}.")
    return "\n".join(lines) + "\n"


def _least_s(some: list[tuple[float, float]]) -> float:
    return min(wall for wall, _ in some)


if __name__ == "__main__":
    main()
