"""The long campaign: `python -m tests.faults.simulation --seeds 1-1000 --minutes 5`; exit code 1 on any violation.

With `--replay` it runs one world again, exactly: the options and the steps are those that a failure printed.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator
from typing import Final

from tests.faults.simulation.forks import anywhere
from tests.faults.simulation.gateway import Gateway
from tests.faults.simulation.options import Options
from tests.faults.simulation.scenarios import HEAL_S, Tally, crashes, drawn, heals, plain, replay, storms
from tests.faults.simulation.weather import STORMS
from tests.faults.simulation.world import silent

__all__ = ["main"]

_TURNS: Final = 20
_TOLD_MAX: Final = 10
# What part of the time each campaign may take, in this order; the storms take what they take.
_PARTS: Final = {"steps": 0.45, "seeds": 0.4, "heals": 0.15}


def main(words: list[str]) -> int:
    """The exit code of one campaign."""
    asked = _parse(words)
    with Gateway() as gateway:
        if asked.replay:
            return _replayed(Options.read(asked.replay), asked.crashes, gateway)
        with silent():
            return _campaign(asked.seeds, asked.minutes * 60, gateway, storms_too=not asked.no_storms)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.simulation", description=__doc__)
    parser.add_argument("--seeds", type=_seeds, default=range(1, 1001), metavar="N|A-B", help="worlds to draw")
    parser.add_argument("--minutes", type=float, default=5.0, help="real minutes in all; what is not reached is told")
    parser.add_argument("--no-storms", action="store_true", help="leave the ten-minute storms out")
    parser.add_argument("--replay", metavar="OPTIONS", help="one world: the JSON that a failure printed")
    parser.add_argument("--crashes", type=_steps, default=(), metavar="N,N", help="the steps at which it crashes")
    return parser.parse_args(words)


def _seeds(text: str) -> range:
    first, dash, last = text.partition("-")
    return range(int(first), int(last) + 1) if dash else range(1, int(first) + 1)


def _steps(text: str) -> tuple[int, ...]:
    return tuple(int(step) for step in text.split(",") if step)


def _replayed(options: Options, steps: tuple[int, ...], gateway: Gateway) -> int:
    """The log of the run goes to standard output, and how it ended after it."""
    ending = replay(options, steps, gateway)
    _say(f"crashes {ending.crashes}, {ending.starts} jobs started, {ending.virtual_s:.1f} s, {ending.steps} steps")
    for violation in ending.violations:
        _say(f"  {violation}")
    return bool(ending.violations)


def _campaign(seeds: range, seconds: float, gateway: Gateway, *, storms_too: bool) -> int:
    began = time.monotonic()
    tallies = list(_storms(gateway)) if storms_too else []
    left_s = max(10.0, seconds - (time.monotonic() - began))
    ends = {
        name: time.monotonic() + left_s * sum(list(_PARTS.values())[: place + 1]) for place, name in enumerate(_PARTS)
    }
    tallies += _steps_of_plain(gateway, ends["steps"])
    tallies += _drawn(seeds, gateway, ends["seeds"])
    tallies += _healing(seeds, gateway, ends["heals"])
    bad = [(tally.name, options, ending) for tally in tallies for options, ending in tally.bad]
    for name, options, ending in bad[:_TOLD_MAX]:
        steps = f" --crashes {','.join(map(str, ending.crashes))}" if ending.crashes else ""
        _say(f"\n{name}: replay with\n  python -m tests.faults.simulation --replay '{options.text()}'{steps}")
        for violation in ending.violations[:5]:
            _say(f"    {violation[:1000]}")
    points, doubled = sum(tally.points for tally in tallies), sum(tally.doubled for tally in tallies)
    lost = sum(tally.lost for tally in tallies)
    _say(f"\n{points} crash points, {doubled} doubled, {lost} lost, {len(bad)} violations")
    _say(f"{time.monotonic() - began:.0f} s")
    return bool(bad)


def _storms(gateway: Gateway) -> Iterator[Tally]:
    tally = Tally(name="storms of ten minutes")
    for storm in storms(STORMS, gateway, tally).seen:
        calls = ", ".join(f"{operation} {count}" for operation, count in sorted(storm.calls.items()))
        _say(
            f"  storm, all {storm.name} for {storm.lasted_s:.0f} s: {calls}; objects {storm.objects_early:,} -> "
            f"{storm.objects_late:,}, {storm.tasks_late} tasks; all slots full {storm.full_after_s:.0f} s after it"
        )
    yield _told(tally)


def _steps_of_plain(gateway: Gateway, deadline: float) -> list[Tally]:
    """Every step of a small world, for each token window and downtime, in turns, so that none is left out whole."""
    worlds = plain()
    tallies = [Tally(name=f"every step, {_window(one)}, down {one.downtime_s:.0f} s") for one in worlds]
    for turn in range(_TURNS):
        for options, tally in zip(worlds, tallies, strict=True):
            choose = anywhere(options.seed, turn=turn, turns=_TURNS, again=0.02)
            crashes(options, gateway, tally, choose, deadline=deadline)
    return [_told(tally) for tally in tallies]


def _drawn(seeds: range, gateway: Gateway, deadline: float) -> list[Tally]:
    tally = Tally(name="")
    last = seeds.start
    for seed in seeds:
        if time.monotonic() > deadline:
            break
        drawn(seed, gateway, tally, deadline=deadline)
        last = seed
    tally.name = f"drawn worlds, seeds {seeds.start}-{last}"
    return [_told(tally)]


def _healing(seeds: range, gateway: Gateway, deadline: float) -> list[Tally]:
    tally = Tally(name="")
    least_s, last = math.inf, seeds.start
    for seed in seeds:
        if time.monotonic() > deadline:
            break
        least_s, last = min(least_s, heals(seed, gateway, tally)), seed
    tally.name = f"ten bad minutes, seeds {seeds.start}-{last}"
    most_s = HEAL_S - least_s
    _say(f"  after ten bad minutes fleet took {most_s:.0f} s more than its jobs at most; {HEAL_S:.0f} s are promised")
    return [_told(tally)]


def _window(options: Options) -> str:
    seconds = options.token_window_s
    return "tokens for ever" if seconds is None else f"tokens {seconds:.0f} s"


def _told(tally: Tally) -> Tally:
    _say(tally.line())
    return tally


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
