"""The long loops: `python -m tests.faults.ledger [--seconds 180] [--seed 1]`, behind `make faults`.

Each part takes its share of the time and goes through its fault points in a random order, so that every run sees
others; with enough time it sees all of them. Prints what was injected and what came of it; exit code 1 if anything
was lost, and 2 if nothing could be traced because strace is missing.
"""

import argparse
import asyncio
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from tests.faults.ledger.fleets import killed
from tests.faults.ledger.power import Loss, left_after, recorded
from tests.faults.ledger.recovery import problems
from tests.faults.ledger.syscalls import CALLS, ERRORS, Injection, trace, why_not

T = TypeVar("T")

JOBS = 6
_NEVER = 65_000  # strace counts to 65,535


def main() -> int:
    """Run all parts; the exit code."""
    parser = argparse.ArgumentParser(description="Faults of the ledger: kills, failing writes, power loss.")
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    given = parser.parse_args()
    rng = random.Random(given.seed)
    say(f"seed {given.seed}, {given.seconds:.0f} s")
    wrong = power(rng, given.seconds * 0.2)
    if reason := why_not():
        say(f"SKIPPED: kills and failing writes: {reason}")
        return 1 if wrong else 2
    reached = {call: count(call) for call in CALLS}
    say("calls of one run: " + ", ".join(f"{call} {times}" for call, times in reached.items()))
    kills = [Injection(call=call, nth=nth) for call, times in reached.items() for nth in range(1, times + 1)]
    wrong += traced("SIGKILL", kills, rng, given.seconds * 0.3)
    wrong += traced("failing calls", list(errors(reached)), rng, given.seconds * 0.3)
    wrong += fleets(rng, given.seconds * 0.2)
    say("all recovered" if not wrong else f"{wrong} NOT RECOVERED")
    return 1 if wrong else 0


def count(call: str) -> int:
    """How often a whole run of the writer makes this call."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "trace"
        trace(_writer(directory), Injection(call=call, nth=_NEVER), log)
        return log.read_text().count(f" {call}(")


def errors(reached: dict[str, int]) -> Iterator[Injection]:
    """Every error at every call, once and for ever. EINTR for ever is left out: to go on is what it asks for."""
    for call, times in reached.items():
        for nth in range(1, times + 1):
            for error in ERRORS:
                yield Injection(call=call, nth=nth, error=error)
                if error != "EINTR":
                    yield Injection(call=call, nth=nth, error=error, forever=True)


def traced(name: str, points: Sequence[Injection], rng: random.Random, seconds: float) -> int:
    """Inject as many of these as there is time for; how many were not recovered."""
    done, wrong, acknowledged, codes = 0, 0, 0, Counter[int]()
    for injection in within(seconds, rng.sample(points, len(points))):
        with tempfile.TemporaryDirectory() as directory:
            found = trace(_writer(directory), injection, Path(directory) / "trace")
            words = list(found.acknowledged())
            bad = asyncio.run(problems(Path(directory) / "fleet.db", words))
        if found.reached and injection.error and found.returncode not in (0, 74):
            bad.append(f"the writer left with {found.returncode}: {found.errors[-300:]}")
        done += found.reached
        codes[found.returncode] += found.reached
        acknowledged += len(words)
        if bad:
            wrong += 1
            say(f"  {injection}: {bad[0]}")
    left = ", ".join(f"{times} x {code}" for code, times in sorted(codes.items()))
    say(f"{name}: {done} of {len(points)} points; writers left with {left}; {acknowledged:,} words were acknowledged")
    say(f"{name}: {wrong} not recovered" if wrong else f"{name}: all recovered, and no word was lost")
    return wrong


def fleets(rng: random.Random, seconds: float) -> int:
    """Kill whole fleets for so long, at least one; how many did not recover."""
    rounds, kills, wrong = 0, 0, 0
    for _ in itertools.chain([0], within(seconds, itertools.count())):
        reached, bad = killed(rng)
        rounds, kills, wrong = rounds + 1, kills + reached, wrong + bool(bad)
        if bad:
            say(f"  a fleet: {bad[0]}")
    say(f"whole fleets: {kills} kills in {rounds} runs of 15 jobs, {wrong} not recovered or doubled")
    return wrong


def power(rng: random.Random, seconds: float) -> int:
    """Lose the power at as many moments as there is time for; how many were not recovered."""
    wrong = 0
    for synchronous, share in (("FULL", 0.75), ("NORMAL", 0.25)):
        with tempfile.TemporaryDirectory() as directory:
            recording = recorded(Path(directory), jobs=2 * JOBS, synchronous=synchronous)
        points = [(moment, loss) for moment in recording.moments() for loss in Loss]
        done, bad = Counter[Loss](), Counter[Loss]()
        for moment, loss in within(seconds * share, rng.sample(points, len(points))):
            with tempfile.TemporaryDirectory() as directory:
                for name, content in left_after(recording, moment, loss, rng).items():
                    (Path(directory) / name).write_bytes(content)
                found = asyncio.run(problems(Path(directory) / "fleet.db", recording.acknowledged(moment)))
            done[loss] += 1
            bad[loss] += bool(found)
            if found and synchronous == "FULL":
                say(f"  power at {moment}, {loss} lost: {found[0]}")
        told = ", ".join(f"{loss} of what was not synced lost: {bad[loss]} of {done[loss]}" for loss in Loss)
        say(f"power loss, synchronous={synchronous}: losses of what was acknowledged: {told}")
        wrong += sum(bad.values()) if synchronous == "FULL" else not sum(bad.values())
    return wrong


def within(seconds: float, items: Iterable[T], *, clock: Callable[[], float] = time.monotonic) -> Iterator[T]:
    """The items until the time is over."""
    end = clock() + seconds
    for item in items:
        if clock() >= end:
            return
        yield item


def _writer(directory: str) -> list[str]:
    return ["-m", "tests.faults.ledger.writer", f"sqlite:///{directory}/fleet.db", str(JOBS)]


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
