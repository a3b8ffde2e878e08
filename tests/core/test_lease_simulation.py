"""Many replicas, one database: whatever joins, dies, drains or falls silent, every lane finds a holder and stays."""

import random
from collections import Counter
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.core.lease import alive, balance
from tests.core.lease_world import LEASE_S, Database, Row, rounds_to_rest, settle, shake, worlds

LANES = [f"lane-{number:02}" for number in range(10)]


@settings(max_examples=150, deadline=None)
@given(database=worlds(), events=st.integers(0, 25))
def test_every_lease_finds_a_holder_and_then_nothing_moves(database: Database, events: int) -> None:
    """From any state, with readings of different age: all held, all even, within bounds; then no take and no give."""
    shake(database, events)
    settle(database)

    for _ in range(rounds_to_rest(database)):
        database.round()
    even, without_holder = database.is_even() and database.keeps_to_shares(), database.without_holder()
    before = len(database.taken), len(database.given)
    for _ in range(5):
        database.round()

    assert without_holder == set()
    assert even
    assert (len(database.taken), len(database.given)) == before


@settings(max_examples=100, deadline=None)
@given(database=worlds(), events=st.integers(0, 25))
def test_a_lease_moves_at_most_once_to_its_place(database: Database, events: int) -> None:
    """No ping-pong: while the replicas and the busy lanes stay the same, no lease is taken or handed over twice."""
    shake(database, events)
    settle(database)
    database.taken.clear()
    database.given.clear()

    for _ in range(rounds_to_rest(database)):
        database.round()

    assert max(Counter(name for name, _ in database.taken).values(), default=0) <= 1
    assert max(Counter(database.given).values(), default=0) <= 1


@settings(max_examples=100, deadline=None)
@given(database=worlds(), events=st.integers(0, 25))
def test_no_lease_is_free_for_longer_than_two_rounds(database: Database, events: int) -> None:
    """While replicas stay the same, whatever becomes free is taken by the next beat of the one whose place it is."""
    shake(database, events)
    settle(database)
    free: Counter[str] = Counter()
    longest = 0

    for _ in range(rounds_to_rest(database)):
        database.round()
        without = database.without_holder()
        free = Counter({name: free[name] + 1 for name in without})
        longest = max([longest, *free.values()])

    assert longest <= 2


@settings(max_examples=100, deadline=None)
@given(database=worlds(drain_beats=0), events=st.integers(0, 15), flips=st.integers(1, 5))
def test_lanes_that_fall_idle_or_busy_are_spread_again(database: Database, events: int, flips: int) -> None:
    """After busy flags flip at rest, both counts come out even again, and no lane is left without a holder."""
    shake(database, events)
    settle(database)
    for _ in range(rounds_to_rest(database)):
        database.round()

    for row in database.rng.sample(list(database.rows.values()), min(flips, len(database.rows))):
        row.busy = not row.busy
    for _ in range(rounds_to_rest(database)):
        database.round()

    assert database.is_even()
    assert database.without_holder() == set()


@settings(max_examples=200, deadline=None)
@given(database=worlds())
def test_all_free_leases_are_dealt_out_to_exactly_one_each(database: Database) -> None:
    """By one reading, no free lease that somebody alive serves is left out, and no two replicas want the same."""
    leases, replicas = database.reading()
    living = alive(replicas, lease_s=LEASE_S)
    served = {name for replica in living for name in replica.serves}

    wanted = [name for one in living for name in balance(one.name, leases, replicas, lease_s=LEASE_S).take]

    free = {lease.name for lease in leases if lease.holder is None or lease.left_s <= 0}
    assert sorted(wanted) == sorted(free & served)


Sort = tuple[str | None, bool, frozenset[str]]  # holder, busy, who serves it


def ends(rng: random.Random, rows: dict[str, Row], serves: dict[str, frozenset[str]]) -> Counter[Sort]:
    """How many leases of each sort each replica holds after enough beats of all of them, one at a time."""
    database = Database(rng=rng, rows=deepcopy(rows))
    for name, names in serves.items():
        database.join(name, names)
    for _ in range(12):
        for name in rng.sample(list(serves), len(serves)):
            for member in database.members.values():
                member.seen_at = database.now
            database.read(name)
            database.act(name)
    return Counter(
        (row.holder, row.busy, frozenset(server for server, names in serves.items() if lease in names))
        for lease, row in database.rows.items()
    )


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_order_of_beats_does_not_matter(seed: int) -> None:
    """From one state, two histories end alike: to carry out a part of the target does not change what is left of it."""
    rng = random.Random(seed)
    leases = [f"lane-{number:02}" for number in range(rng.randint(3, 12))]
    sorts = [frozenset(leases), *(frozenset(name for name in leases if rng.random() < 0.6) for _ in range(3))]
    serves = {f"replica-{number}": rng.choice(sorts) for number in range(rng.randint(2, 5))}
    rows = {}
    for lease in leases:
        holder = rng.choice([None, *(name for name in serves if lease in serves[name])])
        rows[lease] = Row(holder=holder, expires_at=1000.0 + LEASE_S, busy=rng.random() < 0.4)

    assert ends(rng, rows, serves) == ends(rng, rows, serves)


def run(database: Database, rounds: int = 30) -> list[int]:
    """The rounds go by; how many leases each living replica holds then, by name."""
    for _ in range(rounds):
        database.round()
    assert database.without_holder() == set()
    return [count for _, count in sorted(database.counts().items())]


@pytest.mark.parametrize("seed", range(5))
def test_ten_lanes_over_three_replicas_then_four_then_three(seed: int) -> None:
    """4/3/3 at first; a fourth that joins gets its two, and one that dies leaves its own to the three others."""
    database = Database(rng=random.Random(seed), rows={name: Row() for name in LANES})
    for name in "abc":
        database.join(name, LANES)

    three = run(database)
    first = len(database.given)
    database.join("d", LANES)
    four = run(database)
    second = len(database.given) - first
    database.members["a"].dead = True
    after_death = run(database)

    assert three == [4, 3, 3]
    assert four == [3, 3, 2, 2]
    assert second == 2, "no more hand-overs than the new one needs"
    assert after_death == [4, 3, 3]
    assert len(database.given) - first - second == 0, "what the dead one left is enough to come out even"


@pytest.mark.parametrize(
    ("held", "busy", "after"),
    [
        ("aaaaaaaaaa", "", [4, 3, 3]),
        ("aaaaaaaaaa", "0123456789", [4, 3, 3]),
        ("aaaabbbccc", "0123", [3, 4, 3]),
        ("aaaaaaaa--", "01", [4, 3, 3]),
        ("bbbbbccccc", "02468", [3, 4, 3]),
    ],
)
def test_lanes_spread_and_so_does_their_load(held: str, busy: str, after: list[int]) -> None:
    """Whoever holds them first, the busy lanes and all lanes come out even."""
    rows = {
        lane: Row(holder=None if holder == "-" else holder, expires_at=1015.0, busy=str(number) in busy)
        for number, (lane, holder) in enumerate(zip(LANES, held, strict=True))
    }
    database = Database(rng=random.Random(1), rows=rows)
    for name in "abc":
        database.join(name, LANES)

    counts = run(database)

    assert counts == after
    assert database.is_even()
