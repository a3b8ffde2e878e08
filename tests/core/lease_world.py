"""Many replicas and one database in simulated time, for the tests of leases; each beat is held against its reading."""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from hypothesis import strategies as st

from fleet.core.lease import MANIFESTS, Balance, Lease, Replica, balance

LEASE_S = 15.0
ROUND_S = LEASE_S / 5
DEAD_ROUNDS = 6  # after so many rounds without a beat a replica is dead, and its leases have expired
GIVES = 3  # the most that one replica hands over at a beat


@dataclass
class Member:
    """A replica in the simulation, and what the database knows of it."""

    serves: frozenset[str]
    seen_at: float
    draining: bool = False
    dead: bool = False
    read: Balance | None = None  # decided, not yet done
    leaving: dict[str, int] = field(default_factory=dict)  # hand-overs in hand: so many more beats


@dataclass
class Row:
    holder: str | None = None
    epoch: int = 0
    expires_at: float = 0.0
    busy: bool = False


@dataclass
class Database:
    """The two tables, in time, and replicas that beat in random order. A beat has two halves: others come between."""

    rng: random.Random
    rows: dict[str, Row] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    now: float = 1000.0
    drain_beats: int = 0  # how many beats a hand-over may take
    taken: list[tuple[str, str]] = field(default_factory=list)  # lease, new holder
    given: list[str] = field(default_factory=list)

    def living(self) -> dict[str, Member]:
        return {name: one for name, one in self.members.items() if not one.dead and not one.draining}

    def join(self, name: str, serves: Iterable[str]) -> None:
        self.members[name] = Member(serves=frozenset(serves), seen_at=self.now)

    def reading(self) -> tuple[list[Lease], list[Replica]]:
        """The rows in an order of their own each time, for a decision must not depend on it."""
        leases = [
            Lease(name=name, holder=row.holder, epoch=row.epoch, left_s=row.expires_at - self.now, busy=row.busy)
            for name, row in self.rows.items()
        ]
        replicas = [
            Replica(
                name=name,
                host="host",
                pid=1,
                version="1",
                started_at=0.0,
                seen_s=self.now - one.seen_at,
                serves=one.serves,
                draining=one.draining,
            )
            for name, one in self.members.items()
        ]
        self.rng.shuffle(leases)
        self.rng.shuffle(replicas)
        return leases, replicas

    def read(self, name: str) -> None:
        """The first half of a beat: be seen, renew, read, decide. What is wrong by that reading fails here."""
        member = self.members[name]
        member.seen_at = self.now
        for row in self.rows.values():
            if row.holder == name:
                row.expires_at = self.now + LEASE_S
        leases, replicas = self.reading()
        member.read = balance(name, leases, replicas, lease_s=LEASE_S)
        by_name = {lease.name: lease for lease in leases}
        for taken in member.read.take:
            assert by_name[taken].holder is None or by_name[taken].left_s <= 0, "neither free nor expired"
            assert taken in member.serves, "taken by one who does not serve it"
        for handed in member.read.give:
            assert by_name[handed].holder == name, "not mine"
            assert by_name[handed].left_s > 0, "no longer mine"
        held = {lease.name for lease in leases if lease.holder == name}
        if member.draining:
            assert member.read.take == []
            assert set(member.read.give) == held
        else:
            assert len(set(member.read.give) & member.serves) <= GIVES

    def act(self, name: str) -> None:
        """The second half: what has been decided is done, as far as the database lets it; a drain takes its beats."""
        member = self.members[name]
        decided, member.read = member.read or Balance(take=[], give=[]), None
        for lease in decided.take:
            row = self.rows[lease]
            if row.holder is None or row.expires_at <= self.now:
                row.holder, row.epoch, row.expires_at = name, row.epoch + 1, self.now + LEASE_S
                self.taken.append((lease, name))
        for lease in decided.give:
            member.leaving.setdefault(lease, self.rng.randint(0, self.drain_beats))
        for lease, beats in list(member.leaving.items()):
            member.leaving[lease] = beats - 1
            if beats <= 0:
                del member.leaving[lease]
                self._hand_over(name, lease)

    def _hand_over(self, name: str, lease: str) -> None:
        if self.rows[lease].holder == name:
            self.rows[lease].holder = None
            self.given.append(lease)

    def round(self) -> None:
        """Everybody who lives beats once, in a random order, with the halves of the beats mixed."""
        names = [name for name, one in self.members.items() if not one.dead]
        halves = names * 2
        self.rng.shuffle(halves)
        for name in halves:
            self.now += ROUND_S / len(halves)
            if self.members[name].read is None:
                self.read(name)
            else:
                self.act(name)
        if not names:
            self.now += ROUND_S

    def counts(self, *, busy_only: bool = False) -> Counter[str]:
        """How many leases each replica holds that somebody can rely on."""
        living = self.living()
        held = Counter(dict.fromkeys(living, 0))
        for name, row in self.rows.items():
            if row.holder in living and (not busy_only or (row.busy and name != MANIFESTS)):
                held[row.holder] += 1
        return held

    def without_holder(self) -> set[str]:
        """Leases that somebody could hold and nobody does."""
        living = self.living()
        served = {name for one in living.values() for name in one.serves}
        return {name for name, row in self.rows.items() if row.holder not in living and name in served}

    def keeps_to_shares(self) -> bool:
        """Whether each holds its fair share of the busy leases and of all, rounded down or up."""
        living = self.living()
        for busy_only in (False, True):
            shares = dict.fromkeys(living, Fraction())
            for name, row in self.rows.items():
                servers = [server for server, one in living.items() if name in one.serves]
                if not busy_only or (row.busy and name != MANIFESTS):
                    for server in servers:
                        shares[server] += Fraction(1, len(servers))
            counts = self.counts(busy_only=busy_only)
            if not all(floor(share) <= counts[server] <= ceil(share) for server, share in shares.items()):
                return False
        return True

    def is_even(self) -> bool:
        """Whether replicas that serve the same leases hold as many, and as many busy ones, but for one."""
        by_serves: dict[frozenset[str], list[str]] = {}
        for name, one in self.living().items():
            by_serves.setdefault(frozenset(one.serves & self.rows.keys()), []).append(name)
        for counts in (self.counts(), self.counts(busy_only=True)):
            for names in by_serves.values():
                held = [counts[name] for name in names]
                if max(held) - min(held) > 1:
                    return False
        return True


@st.composite
def worlds(draw: st.DrawFn, *, drain_beats: int = 2) -> Database:
    """Any state at all: rows held by anyone, strangers too, for any time; replicas of mixed `serves`, some silent."""
    database = Database(rng=random.Random(draw(st.integers(0, 2**32))), drain_beats=draw(st.integers(0, drain_beats)))
    names = [MANIFESTS, *(f"lane-{number:02}" for number in range(draw(st.integers(0, 14))))]
    sorts = [*draw(st.lists(st.frozensets(st.sampled_from(names)), max_size=3)), frozenset(names)]
    for number in range(draw(st.integers(1, 6))):
        name = f"replica-{database.rng.randrange(1000):03}-{number}"
        database.join(name, draw(st.sampled_from(sorts)))
        database.members[name].draining = database.rng.random() < 0.15
        database.members[name].dead = database.rng.random() < 0.2
        database.members[name].seen_at -= database.rng.uniform(0, 2 * LEASE_S)
    holders = [None, "stranger", *database.members]
    for name in names:
        row = Row(holder=database.rng.choice(holders), busy=database.rng.random() < 0.5)
        row.expires_at = database.now + database.rng.uniform(-LEASE_S, LEASE_S)
        database.rows[name] = row
    return database


def shake(database: Database, events: int) -> None:
    """So many joins, deaths, returns from silence, drains, ends and flips, with rounds between."""
    rng = database.rng
    for number in range(events):
        what = rng.choice(["join", "silence", "return", "drain", "leave", "flip", "flip", "flip"])
        name = rng.choice(list(database.members))
        member = database.members[name]
        if what == "join":
            database.join(f"replica-{rng.randrange(1000):03}-late-{number}", member.serves)
        elif what == "silence":
            member.dead, member.read = True, None
        elif what == "return":
            member.dead = False
        elif what == "drain":
            member.draining = True
        elif what == "leave" and len(database.members) > 1:
            del database.members[name]
        else:
            row = rng.choice(list(database.rows.values()))
            row.busy = not row.busy
        if rng.random() < 0.7:
            database.round()


def settle(database: Database) -> None:
    """Rounds until the silent are dead and old hand-overs are through: from here on the replicas are a stable set."""
    for _ in range(DEAD_ROUNDS + database.drain_beats + 1):
        database.round()


def rounds_to_rest(database: Database) -> int:
    """How many a hand-over, the beats of its drain and a take need, if only one replica gives, and to pass it along."""
    handed = len(database.rows) // GIVES + len(database.members) + 1
    return handed * (database.drain_beats + 3)
