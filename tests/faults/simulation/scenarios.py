"""What is simulated: crashes at every step, worlds drawn from a seed, faults that heal, and storms."""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from tests.faults.simulation.forks import Choice, Ending, Explorer, anywhere, at, nowhere
from tests.faults.simulation.gateway import Gateway
from tests.faults.simulation.options import WINDOWS_S, Options, draw
from tests.faults.simulation.weather import Gusts, Storm, Storms
from tests.faults.simulation.world import live

__all__ = ["HEAL_S", "Tally", "crashes", "drawn", "heals", "plain", "replay", "storms"]

HEAL_S: Final = 240.0
"""How much longer than without faults the work that they left may take: four times the longest back-off of 60 s."""

_GUSTS_S: Final = 600.0
_LONG_S, _LONG_JOBS, _HAND_OVER_S = 60.0, 24, 10.0  # jobs that ten minutes are too short for, and a slot's next job
_CALLS_PER_S: Final = 0.25  # of one operation, in a storm
_GROWTH: Final = 1.02
_FULL_S: Final = 2 * 60.0 + 10.0  # two of the longest back-offs, and a moment
_DOWNTIMES_S: Final = (0.0, 3600.0)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one scenario came to so far."""

    name: str
    worlds: int = 0
    points: int = 0
    second: int = 0
    left_out: int = 0
    doubled: int = 0
    lost: int = 0
    took_s: float = 0.0
    bad: list[tuple[Options, Ending]] = field(default_factory=list)

    def add(self, options: Options, endings: Iterable[Ending]) -> None:
        """One world more, with how it and all its crashes ended."""
        self.worlds += 1
        for ending in endings:
            self.points += bool(ending.crashes)
            self.second += len(ending.crashes) > 1
            self.doubled += ending.doubled
            self.lost += ending.lost
            if ending.violations:
                self.bad.append((options, ending))

    def line(self) -> str:
        """The figures for a person."""
        return (
            f"{self.name:<34} worlds {self.worlds:>4}  crash points {self.points:>6} (second {self.second:>5})  "
            f"left out {self.left_out:>5}  doubled {self.doubled}  lost {self.lost}  violations {len(self.bad)}  "
            f"{self.took_s:6.1f} s  {self.points / max(self.took_s, 0.01):5.1f} points/s"
        )


def plain() -> list[Options]:
    """A small world in which nothing else goes wrong, with each token window and downtime."""
    return [
        Options(
            seed=1,
            jobs=2,
            slots=1,
            depth="full" if math.isinf(window_s) else "off",
            token_window_s=None if math.isinf(window_s) else window_s,
            downtime_s=downtime_s,
            switches={"overhead_s": 2.0, "submitted_s": 0.5},
        )
        for window_s in WINDOWS_S
        for downtime_s in _DOWNTIMES_S
    ]


def crashes(options: Options, gateway: Gateway, tally: Tally, choose: Choice, *, deadline: float) -> None:
    """One world, with a crash wherever `choose` wants one until `deadline` (real monotonic seconds)."""
    began = time.monotonic()
    explorer = Explorer(choose, deadline=deadline)
    tally.add(options, live(options, gateway, explorer))
    tally.left_out += explorer.left_out
    tally.took_s += time.monotonic() - began


def drawn(seed: int, gateway: Gateway, tally: Tally, *, deadline: float) -> None:
    """The world of this seed, with crashes where something changed, and now and then another in the recovery."""
    crashes(draw(seed), gateway, tally, anywhere(seed, changes=True, again=0.03), deadline=deadline)


def heals(seed: int, gateway: Gateway, tally: Tally) -> float:
    """Random faults of all kinds for ten minutes, then none: seconds of the time allowed after them that were left.

    What is left to do then is run in waves of as many jobs as there are slots; beside that, `HEAL_S` is allowed.
    """
    began = time.monotonic()
    drawn_ = draw(seed, faults=(), in_flight="delivered", switches={"overhead_s": _LONG_S, "spread": 0.0})
    options = replace(drawn_, jobs=_LONG_JOBS, limit_s=3_600.0, gusts_s=_GUSTS_S)
    gusts = Gusts(seed, options.gusts_s)
    (ending,) = live(options, gateway, Explorer(nowhere), gusts)
    allowed_s = HEAL_S + math.ceil(gusts.left / options.slots) * (_LONG_S + _HAND_OVER_S)
    took_s = ending.virtual_s - gusts.healed_at
    if not gusts.left:
        ending = replace(ending, violations=(*ending.violations, "all was done before the faults were over"))
    elif took_s > allowed_s:
        late = f"{gusts.left} jobs were done {took_s:.0f} s after the last fault; {allowed_s:.0f} s are promised"
        ending = replace(ending, violations=(*ending.violations, late))
    tally.add(options, [ending])
    tally.took_s += time.monotonic() - began
    return allowed_s - took_s


def storms(names: Iterable[str], gateway: Gateway, tally: Tally, *, lasts_s: float = 600.0) -> Storms:
    """One lane with ten slots through total storms of ten minutes: what each did."""
    began = time.monotonic()
    names = list(names)
    options = Options(
        seed=1,
        jobs=10 + 20 * len(names),
        slots=10,
        list_per_s=2,
        depth="off",
        limit_s=20_000.0,
        switches={"overhead_s": 100.0, "submitted_s": 5.0},
    )
    weather = Storms(names, lasts_s=lasts_s, slots=10)
    (ending,) = live(options, gateway, Explorer(nowhere), weather)
    wrong = [found for storm in weather.seen for found in _storm_violations(storm)]
    wrong += [f"the storm did not end: all {name}" for name in names[len(weather.seen) :]]
    tally.add(options, [replace(ending, violations=(*ending.violations, *wrong))])
    tally.took_s += time.monotonic() - began
    return weather


def _storm_violations(storm: Storm) -> Iterator[str]:
    """What this storm shows as broken: calls and memory must be bounded, and the slots full again soon."""
    for operation, count in storm.calls.items():
        if count > _CALLS_PER_S * storm.lasted_s:
            yield f"all {storm.name}: {operation} {count} times in {storm.lasted_s:.0f} s"
    if storm.objects_late > storm.objects_early * _GROWTH:
        yield f"all {storm.name}: {storm.objects_early:,} objects became {storm.objects_late:,}"
    if storm.full_after_s > _FULL_S:
        yield f"all {storm.name}: the slots were full {storm.full_after_s:.0f} s after it"


def replay(options: Options, steps: Iterable[int], gateway: Gateway) -> Ending:
    """How this world ends with crashes at just these steps."""
    wanted = tuple(steps)
    weather = Gusts(options.seed, options.gusts_s) if options.gusts_s else None
    endings = live(options, gateway, Explorer(at(*wanted)), weather)
    return next((ending for ending in endings if ending.crashes == wanted), endings[-1])
