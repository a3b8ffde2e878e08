"""What one replica takes and hands over by one reading, and how long it may trust what it holds."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.core.lease import MANIFESTS, Balance, Lease, Replica, alive, balance, beat_gap_s, trusted_until

LEASE_S = 15.0
GIVES = 3  # the most that one replica hands over at a beat
LANES = [f"lane-{number:02}" for number in range(10)]


def a_lease(name: str, holder: str | None = None, *, left_s: float = 10.0, busy: bool = False) -> Lease:
    return Lease(name=name, holder=holder, epoch=1, left_s=left_s, busy=busy)


def a_replica(name: str, serves: Iterable[str] = LANES, *, seen_s: float = 1.0, draining: bool = False) -> Replica:
    return Replica(
        name=name,
        host="host",
        pid=1,
        version="1",
        started_at=0.0,
        seen_s=seen_s,
        serves=frozenset(serves),
        draining=draining,
    )


def moves(me: str, leases: list[Lease], *replicas: Replica) -> Balance:
    return balance(me, leases, replicas, lease_s=LEASE_S)


def test_nobody_moves_where_all_is_even() -> None:
    """Ten lanes as 3/4/3: that the target would rather round up for the first name is no reason for a hand-over."""
    leases = [a_lease(lane, holder) for lane, holder in zip(LANES, "aaabbbbccc", strict=True)]
    replicas = [a_replica(name) for name in "abc"]

    assert [moves(name, leases, *replicas) for name in "abc"] == [Balance(take=[], give=[])] * 3


@pytest.mark.parametrize("full", ["a", "b"])
def test_an_idle_lane_is_handed_over_rather_than_a_busy_one(full: str) -> None:
    """One replica too full, its busy lane even as it is: the idle lane goes."""
    leases = [a_lease("lane-00", full, busy=True), a_lease("lane-01", full), a_lease("lane-02", full, busy=True)]

    alone = moves(full, leases[:2], a_replica("a"), a_replica("b"))
    crowded = moves(full, leases, a_replica("a"), a_replica("b"))

    assert alone.give == ["lane-01"]
    assert crowded.give == ["lane-02"], "only a busy one makes the busy ones even"


def test_the_manifests_count_as_an_idle_lane() -> None:
    """Busy or not as its row says, the lease of the manifests does not weigh against busy lanes."""
    leases = [a_lease(MANIFESTS, "a", busy=True), a_lease("lane-00", "a", busy=True)]
    replicas = [a_replica(name, [MANIFESTS, "lane-00"]) for name in "ab"]

    assert moves("a", leases, *replicas).give == [MANIFESTS]


def test_only_a_few_are_handed_over_at_a_beat() -> None:
    """Ten lanes at one of two: three go now, and the same three are asked for again while they are in hand."""
    leases = [a_lease(lane, "a") for lane in LANES]

    first = moves("a", leases, a_replica("a"), a_replica("b"))
    again = moves("a", leases, a_replica("a"), a_replica("b"))
    leases = [a_lease(lease.name, None if lease.name == first.give[0] else "a") for lease in leases]
    later = moves("a", leases, a_replica("a"), a_replica("b"))

    assert len(first.give) == GIVES
    assert again == first
    assert later.give[:2] == first.give[1:]


@pytest.mark.parametrize(("seen_s", "gives"), [(7.0, True), (8.0, False), (14.9, False), (15.0, True)])
def test_nothing_is_handed_over_while_somebody_is_suspected(seen_s: float, gives: bool) -> None:
    """Silent for more than half a lease but not dead: it may be back, and every share would change. Takes go on."""
    leases = [*(a_lease(lane, "a") for lane in LANES[:9]), a_lease(LANES[9])]
    others = a_replica("b"), a_replica("c", seen_s=seen_s)

    mine = moves("a", leases, a_replica("a"), *others)
    theirs = moves("b", leases, a_replica("a"), *others)

    assert bool(mine.give) is gives
    assert theirs.take == [LANES[9]]


def test_one_who_is_suspected_and_the_dead_are_told_apart() -> None:
    """Alive are those seen within the time of a lease and not draining, by name."""
    replicas = [
        a_replica("d", seen_s=14.9),
        a_replica("c", seen_s=15.0),
        a_replica("b", draining=True),
        a_replica("a", seen_s=0.0),
    ]

    assert [replica.name for replica in alive(replicas, lease_s=LEASE_S)] == ["a", "d"]


def test_one_that_drains_gives_all_and_takes_nothing() -> None:
    """However many they are, whoever is suspected, and even if nobody is there to take them."""
    leases = [*(a_lease(lane, "a") for lane in LANES[:8]), a_lease(LANES[8]), a_lease(LANES[9], "b")]
    leases.append(a_lease("expired", "a", left_s=0.0))  # anybody's by now, not its own

    alone = moves("a", leases, a_replica("a", draining=True))
    suspecting = moves("a", leases, a_replica("a", draining=True), a_replica("b", seen_s=10.0))

    assert alone == suspecting == Balance(take=[], give=LANES[:8])


def test_what_another_is_about_to_lose_is_counted_already() -> None:
    """c drains: its two leases will make up for what b lacks, so a hands nothing over."""
    leases = [a_lease(lane, holder) for lane, holder in zip(LANES, "aaaaabbbcc", strict=True)]
    leaving = a_replica("c", draining=True)

    assert moves("a", leases, a_replica("a"), a_replica("b"), leaving) == Balance(take=[], give=[])
    assert moves("b", leases, a_replica("a"), a_replica("b"), leaving) == Balance(take=[], give=[])


def test_what_a_replica_no_longer_serves_it_gives_at_once() -> None:
    """Its configuration has changed: it could not run the lane, so nobody's share and nobody's silence matter."""
    leases = [a_lease(LANES[0], "a"), a_lease("gone", "a")]

    given_up = moves("a", leases, a_replica("a"), a_replica("b", seen_s=10.0))

    assert given_up == Balance(take=[], give=["gone"])


def test_one_that_the_table_does_not_know_or_knows_as_dead_does_nothing() -> None:
    """Its own row is missing, or too old: it is not counted by the others, so it claims no share."""
    leases = [a_lease(LANES[0]), a_lease(LANES[1], "a")]

    unknown = moves("a", leases, a_replica("b"))
    dead = moves("a", leases, a_replica("a", seen_s=20.0), a_replica("b"))

    assert unknown == dead == Balance(take=[], give=[])


def test_a_lane_that_nobody_serves_stays_free() -> None:
    """Its target is in nobody's configuration: nobody takes it, and it counts for no share."""
    leases = [a_lease("gone"), a_lease(LANES[0])]

    assert moves("a", leases, a_replica("a"), a_replica("b")).take == [LANES[0]]


def test_the_only_one_who_serves_a_lane_takes_it_even_when_full() -> None:
    """It holds more than its share already, and hands something over, but the lane does not wait for that."""
    leases = [a_lease("only-a"), *(a_lease(lane, "a") for lane in LANES[:4])]
    replicas = a_replica("a", [*LANES, "only-a"]), a_replica("b")

    assert moves("a", leases, *replicas).take == ["only-a"]
    assert len(moves("a", leases, *replicas).give) == 2


def test_along_a_chain_of_replicas_the_last_hands_over_first() -> None:
    """a can only give to b, which is full and gives to c: b goes first, so that it never holds too many."""
    left, right = [f"left-{number}" for number in range(4)], [f"right-{number}" for number in range(4)]
    replicas = a_replica("a", left), a_replica("b", left + right), a_replica("c", right)
    leases = [*(a_lease(name, "a") for name in left), *(a_lease(name, "b") for name in right)]

    first = moves("b", leases, *replicas).give
    waiting = moves("a", leases, *replicas).give
    later = [a_lease(lease.name, None if lease.name in first else lease.holder) for lease in leases]

    assert len(first) == 2
    assert waiting == []
    assert len(moves("a", later, *replicas).give) == 2


def test_the_busy_leases_are_taken_first() -> None:
    """There is work waiting in them."""
    leases = [a_lease(LANES[0]), a_lease(LANES[1], busy=True), a_lease(LANES[2], "dead", left_s=0.0, busy=True)]

    assert moves("a", leases, a_replica("a")).take == [LANES[1], LANES[2], LANES[0]]


@given(
    lease_s=st.floats(2, 600),
    began=st.floats(0, 1e7),
    travel_s=st.floats(0, 60),
    local=st.floats(0.99, 1.01),
    database=st.floats(0.99, 1.01),
)
def test_trust_ends_before_the_database_could_let_another_take_it(
    lease_s: float, began: float, travel_s: float, local: float, database: float
) -> None:
    """Time passes at 1; the clocks run up to 1 % slow or fast. 0.9 s are left to stop in, or 15 % of the lease."""
    trusted_s = (trusted_until(began, lease_s) - began) / local
    takeable_s = travel_s + lease_s / database

    assert takeable_s - trusted_s >= max(0.15 * lease_s, 0.9) - 1e-6


def test_a_lease_too_short_to_be_safe_is_never_trusted() -> None:
    """At a second or less there is no time left in which anything may be done."""
    assert trusted_until(100.0, 1.0) <= 100.0
    assert trusted_until(100.0, 15.0) == 112.0


@given(lease_s=st.floats(1, 600), jitter=st.floats(0, 1, exclude_max=True))
def test_beats_are_a_fifth_of_a_lease_apart(lease_s: float, jitter: float) -> None:
    """Within a quarter of that; so that three in a row may fail before trust ends, where the margin is 20 %."""
    gap_s = beat_gap_s(lease_s, jitter)

    assert 0.15 * lease_s - 1e-9 <= gap_s <= 0.25 * lease_s + 1e-9
    assert 3 * gap_s <= trusted_until(0.0, lease_s) or lease_s < 5
