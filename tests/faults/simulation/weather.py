"""Faults that come and go while a world goes on, and then are over: random ones, or one great storm after another."""

import asyncio
import gc
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fleet.sandbox.faults import Fault
from tests.faults.simulation.world import World

__all__ = ["STORMS", "Gusts", "Storm", "Storms"]

_GUSTS: Final = (
    Fault(what="throttle"),
    Fault(what="throttle", operation="Start*"),
    Fault(what="error"),
    Fault(what="error", probability=0.5, status=503, code="ServiceUnavailable"),
    Fault(what="reset_before", probability=0.7),
    Fault(what="lose_answer", probability=0.5),
    Fault(what="half_answer", operation="Start*"),
    Fault(what="hang"),
    Fault(what="hang", operation="Start*", accept=True),
    Fault(what="slow", probability=0.5, seconds=10.0),
    Fault(what="access_denied", operation="List*"),
    Fault(what="access_denied", operation="Start*"),
    Fault(what="access_denied"),
    Fault(what="expired_credentials"),
    Fault(what="html_200", probability=0.7),
    Fault(what="html_200", operation="Start*", accept=True),
    Fault(what="empty_200", operation="Describe*"),
    Fault(what="endless_pages"),
    Fault(what="empty_page", probability=0.5),
    Fault(what="unknown_status", operation="Describe*"),
    Fault(what="foreign_jobs", operation="List*", probability=0.05, seconds=30.0),
)
STORMS: Final = {
    "throttled": (Fault(what="throttle"),),
    "failing": (Fault(what="error"),),
    "hanging": (Fault(what="hang"),),
}


class Gusts:
    """Random faults of all kinds, other ones every few seconds, for `lasts_s`; then nothing fails any more.

    Starts are denied in one stretch at most: a job that is denied again and again while others are accepted between is
    taken to be itself denied (`core/pause.py`), which no client can tell from a permission that flaps.
    """

    def __init__(self, seed: int, lasts_s: float) -> None:
        self.healed_at = 0.0
        self.left = 0  # jobs of one lane that AWS had not completed by then
        self._chance = random.Random(seed)
        self._lasts_s = lasts_s

    async def __call__(self, world: World) -> None:
        """Runs beside the world."""
        clock, chance, denied = world.sandbox.clock, self._chance, False
        while clock.monotonic() < self._lasts_s:
            world.sandbox.faults.clear()
            gusts = chance.sample(_GUSTS, chance.choice([0, 1, 1, 2, 3]))
            gusts = [gust for gust in gusts if not _blinds(gust, world) and not (denied and _denies_starts(gust))]
            denied = denied or any(map(_denies_starts, gusts))
            world.sandbox.faults.add(*gusts)
            world.gateway.s3_trouble = chance.choice([0.0, 0.0, 0.3, 1.0])
            await clock.sleep(chance.uniform(2.0, 60.0))
        world.sandbox.faults.clear()
        world.gateway.s3_trouble = 0.0
        self.healed_at = clock.monotonic()
        done = Counter(job.kind.name for job in world.sandbox.service.jobs.values() if job.status == "COMPLETED")
        self.left = max(world.options.jobs - done[kind] for kind in world.options.kinds)


@dataclass(slots=True, kw_only=True)
class Storm:
    """What one storm did. Seconds are virtual; objects are those that Python's collector knows."""

    name: str
    lasted_s: float
    calls: Counter[str]
    objects_early: int
    objects_late: int
    tasks_late: int
    full_after_s: float


class Storms:
    """One total storm after another: the first as soon as some jobs run and two are in doubt, the others when all
    slots are full."""

    def __init__(self, names: Sequence[str], *, lasts_s: float, slots: int) -> None:
        self.seen: list[Storm] = []
        self._names = names
        self._lasts_s = lasts_s
        self._slots = slots

    async def __call__(self, world: World) -> None:
        """Runs beside the world."""
        world.sandbox.faults.add(Fault(what="lose_answer", operation="Start*", after=2, times=2))
        await world.sandbox.clock.sleep(6.0)
        for name in self._names:
            self.seen.append(await self._rage(world, name))

    async def _rage(self, world: World, name: str) -> Storm:
        clock = world.sandbox.clock
        before, began = Counter(world.gateway.sent), clock.monotonic()
        world.sandbox.faults.add(*STORMS[name])
        await clock.sleep(self._lasts_s * 0.3)
        early = _objects()
        await clock.sleep(self._lasts_s * 0.7)
        late, tasks = _objects(), len(asyncio.all_tasks())
        world.sandbox.faults.clear()
        healed = clock.monotonic()
        calls = Counter(world.gateway.sent)
        calls.subtract(before)
        await self._full(world)
        full_after_s = clock.monotonic() - healed
        await clock.sleep(60.0)
        return Storm(
            name=name,
            lasted_s=healed - began,
            calls=+calls,
            objects_early=early,
            objects_late=late,
            tasks_late=tasks,
            full_after_s=full_after_s,
        )

    async def _full(self, world: World) -> None:
        """Return once every slot holds a job."""
        while sum(len(shelf.active) for shelf in world.sandbox.service.shelves) < self._slots:
            await world.sandbox.clock.sleep(0.25)


def _blinds(gust: Fault, world: World) -> bool:
    """Whether nothing is left that tells a Start that was accepted: neither the token nor, from the start, List.

    A fleet without permission to List has only the token; where tokens are forgotten at once it must not be run so.
    """
    return world.options.token_window_s == 0.0 and gust.what == "access_denied" and gust.operation != "Start*"


def _denies_starts(gust: Fault) -> bool:
    return gust.what == "access_denied" and gust.operation != "List*"


def _objects() -> int:
    gc.collect()
    return len(gc.get_objects())
