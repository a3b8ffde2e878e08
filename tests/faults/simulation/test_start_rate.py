"""Calls that leave a second apart arrive closer together: the limiter must leave room for that."""

import random
from collections import deque
from itertools import pairwise

from fleet.core.bucket import Bucket
from fleet.core.pace import guard_s

LATENCIES_KEPT = 50


def test_calls_arrive_a_second_apart_however_long_their_way_is() -> None:
    """Of ten thousand calls at 1 a second whose ways take 10 to 60 ms, none arrives within a second of another."""
    gaps: list[float] = []

    for seed in range(20):
        arrivals = arrived(random.Random(seed), calls=500)
        gaps += [after - before for before, after in pairwise(arrivals)]

    assert min(gaps) >= 1.0 - 1e-9


def arrived(chance: random.Random, *, calls: int) -> list[float]:
    """When each of so many calls arrived, one after the other, with a limiter that learns from their latencies."""
    bucket, latencies_s = Bucket(1, now=0.0, guard_s=guard_s(())), deque[float](maxlen=LATENCIES_KEPT)
    now, arrivals = 0.0, []
    for _ in range(calls):
        while wait_s := bucket.take(now):
            now += wait_s
        there_s, back_s = chance.uniform(0.01, 0.06), chance.uniform(0.01, 0.06)
        arrivals.append(now + there_s)
        latencies_s.append(there_s + back_s)
        bucket.arrived(bucket.granted, now + guard_s(latencies_s, there_s + back_s))
        bucket.guard_s = guard_s(latencies_s)
        now += there_s + back_s
    return arrivals
