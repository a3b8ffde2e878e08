"""Which replica holds which lease: what one replica takes and hands over at a beat, by one reading of the two tables.

From the same rows every replica works out the same target: how many busy and how many idle leases each shall hold. A
replica's fair share is the sum, over the leases that it serves, of 1 / (alive replicas that serve the lease). In the
target each holds its share of the busy leases and its share of all, both rounded down or up, and every lease that
somebody alive serves has its place; a whole-numbered flow shows that there always is such a target, for 1/n of each
lease to each of its n replicas is one in fractions. Of all targets it is the one that hands over the fewest busy
leases, then the fewest at all; then those round up whose names come first. So it is the only one, and stays the same
while replicas, in any order and by readings of different age, carry out parts of it: nothing moves twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Final

from fleet.core.flow import Network

__all__ = ["MANIFESTS", "Balance", "Lease", "Replica", "alive", "balance", "beat_gap_s", "trusted_until"]

MANIFESTS: Final = "manifests"
"""The lease of the replica that watches the manifests. It counts as an idle one: it asks little of its holder."""

_GIVES: Final = 3  # at a beat: a lane stands still from its drain until its next holder has reconciled it
_BEATS: Final = 5  # in the time of a lease
_SUSPECT_SHARE: Final = 0.5  # of the time of a lease: silent for so long, a replica has missed a beat, even a late one
_MARGIN_SHARE: Final = 0.2
_MARGIN_MIN_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One row of the table, as a beat read it.

    `holder` is None where nobody has it; `left_s` is how long until it expires, by database time, and not above 0 where
    it has expired. `busy`: its lane has unfinished jobs.
    """

    name: str
    holder: str | None
    epoch: int
    left_s: float
    busy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One process that shares the ledger, as a beat read it.

    `started_at` is Unix seconds, `seen_s` how long ago it was last seen, by database time; `serves` names the leases
    that it could hold. `draining`: it is leaving, takes nothing, and counts for nobody's share.
    """

    name: str
    host: str
    pid: int
    version: str
    started_at: float
    seen_s: float
    serves: frozenset[str]
    draining: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What one replica does at this beat: leases to try to take, in this order, and leases of its own to hand over.

    A hand-over that is still in hand at the next beat is asked for again.
    """

    take: list[str]
    give: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Leases that are alike: as busy, and served by the same replicas. All names are sorted."""

    busy: bool
    servers: tuple[str, ...]
    held: Mapping[str, Sequence[str]]  # by each server: what it keeps if nothing moves
    free: Sequence[str]  # free or expired
    stuck: int  # with a holder that will lose them: it drains, no longer serves them, or is dead

    @property
    def size(self) -> int:
        return sum(len(names) for names in self.held.values()) + len(self.free) + self.stuck


def alive(replicas: Iterable[Replica], *, lease_s: float) -> list[Replica]:
    """Those that may hold leases, by name: not draining, and seen within the time of a lease.

    A replica that has been silent for longer is dead: all its leases have expired.
    """
    living = (replica for replica in replicas if replica.seen_s < lease_s and not replica.draining)
    return sorted(living, key=lambda replica: replica.name)


def balance(me: str, leases: Sequence[Lease], replicas: Sequence[Replica], *, lease_s: float) -> Balance:
    """What the replica of this name takes and hands over, if the tables are as this reading says.

    It takes at once what the target gives it of the leases that are free or have expired. It hands over at most
    `_GIVES` leases, the idle ones first, each only while a replica that serves it holds fewer of its sort than the
    target gives it, and none while another replica is suspected: silent for half of a lease, but not dead yet. What it
    no longer serves it hands over at any time, and so it does with everything while it drains.
    """
    mine = sorted(lease.name for lease in leases if lease.holder == me and lease.left_s > 0)
    living = alive(replicas, lease_s=lease_s)
    myself = next((replica for replica in replicas if replica.name == me), None)
    if myself is None:
        return Balance(take=[], give=[])
    if myself.draining:
        return Balance(take=[], give=mine)
    unserved = [name for name in mine if name not in myself.serves]
    if myself not in living:
        return Balance(take=[], give=unserved)
    groups = _groups(leases, living)
    targets = _targets(groups)
    suspected = any(other.seen_s > _SUSPECT_SHARE * lease_s for other in living if other.name != me)
    give = [] if suspected else _surplus(me, groups, targets)[:_GIVES]
    return Balance(take=_wanted(me, groups, targets), give=unserved + give)


def trusted_until(beat_began: float, lease_s: float) -> float:
    """Until when the leases that a beat renewed are held for sure, on the same clock as `beat_began`.

    The database counts from when it has the beat, so later than `beat_began`, and lets nobody else take a lease before
    `lease_s` has passed. The margin is 20 % of that, and at least 1 s: two clocks whose rates differ by 1 % drift apart
    by a twentieth of it, and the rest is for noticing the moment, closing the limiter and cancelling the lane's tasks.
    With beats a quarter of a lease apart at most, it takes three in a row that fail to lose trust. A lease of a second
    or less is never trusted.
    """
    return beat_began + lease_s - max(_MARGIN_MIN_S, _MARGIN_SHARE * lease_s)


def beat_gap_s(lease_s: float, jitter: float) -> float:
    """How long to wait between two beats: a fifth of a lease, +/- 25 %. `jitter` is a random number in [0, 1)."""
    return lease_s / _BEATS * (0.75 + 0.5 * jitter)


def _wanted(me: str, groups: Sequence[_Group], targets: Sequence[Mapping[str, int]]) -> list[str]:
    """What I take, the busy first. All that is free is dealt out by name, so that no two try the same."""
    wanted: list[str] = []
    for group, target in zip(reversed(groups), reversed(targets), strict=True):
        dealt = 0
        for server in group.servers:
            lacking = max(0, target[server] - len(group.held[server]))
            if server == me:
                wanted += group.free[dealt : dealt + lacking]
            dealt += lacking
    return wanted


def _surplus(me: str, groups: Sequence[_Group], targets: Sequence[Mapping[str, int]]) -> list[str]:
    """What I hold beyond my target where somebody has room for it, the idle first, and always the same ones first."""
    room = {busy: _room(busy, groups, targets) for busy in (False, True)}
    surplus: list[str] = []
    for group, target in zip(groups, targets, strict=True):
        lacking = (server for server in group.servers if target[server] > len(group.held[server]))
        if me in group.servers and any(room[group.busy][server] > 0 for server in lacking):
            surplus += group.held[me][target[me] :]
    return surplus


def _room(busy: bool, groups: Sequence[_Group], targets: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """How many leases of this sort each replica lacks; below 0: how many it has beyond its target.

    Who is to pass on as many as it gets has none, so that along a chain of replicas the last hand-over comes first.
    """
    room: dict[str, int] = {}
    for group, target in zip(groups, targets, strict=True):
        for server in group.servers if group.busy is busy else ():
            room[server] = room.get(server, 0) + target[server] - len(group.held[server])
    return room


def _groups(leases: Iterable[Lease], living: Sequence[Replica]) -> list[_Group]:
    """The leases that somebody alive serves, by what makes them differ: the idle groups first."""
    alike: dict[tuple[bool, tuple[str, ...]], list[Lease]] = {}
    for lease in sorted(leases, key=lambda lease: lease.name):
        servers = tuple(replica.name for replica in living if lease.name in replica.serves)
        if servers:
            alike.setdefault((lease.busy and lease.name != MANIFESTS, servers), []).append(lease)
    return [_group(busy, servers, alike[busy, servers]) for busy, servers in sorted(alike)]


def _group(busy: bool, servers: tuple[str, ...], leases: Sequence[Lease]) -> _Group:
    held: dict[str, list[str]] = {server: [] for server in servers}
    free: list[str] = []
    stuck = 0
    for lease in leases:
        if lease.holder is None or lease.left_s <= 0:
            free.append(lease.name)
        elif lease.holder in held:
            held[lease.holder].append(lease.name)
        else:
            stuck += 1
    return _Group(busy=busy, servers=servers, held=held, free=free, stuck=stuck)


def _targets(groups: Sequence[_Group]) -> list[dict[str, int]]:
    """How many leases of each group each of its servers shall hold: the cheapest flow from the groups to the replicas.

    The costs rank four wishes, each above everything that follows: shares are filled, busy leases stay where they are,
    idle ones do, and of all the rest the one that sorts first as a row of digits, so that no two cost the same.
    """
    digit = 1 + sum(group.size for group in groups)
    keep_idle = digit ** sum(len(group.servers) for group in groups)
    keep = {False: keep_idle, True: digit * keep_idle}
    network = Network()
    rank = 1
    arcs: list[dict[str, tuple[int, int]]] = []
    for index, group in enumerate(groups):
        network.add("source", index, room=group.size)
        arcs.append({})
        for server in group.servers:
            node = ("busy" if group.busy else "all", server)
            kept = network.add(index, node, room=len(group.held[server]), cost=rank - keep[group.busy])
            arcs[-1][server] = kept, network.add(index, node, room=group.size, cost=rank)
            rank *= digit
    _add_shares(network, groups, fill=digit * digit * keep_idle)
    network.fill("source", "sink")
    return [{server: sum(map(network.flow, pair)) for server, pair in pairs.items()} for pairs in arcs]


def _add_shares(network: Network, groups: Sequence[_Group], *, fill: int) -> None:
    """What each replica may hold: its share rounded down, for each of which `fill` is paid, or up."""
    shares: dict[tuple[str, str], Fraction] = {}
    for group in groups:
        for server in group.servers:
            for sort in ("busy", "all") if group.busy else ("all",):
                share = shares.get((sort, server), Fraction())
                shares[sort, server] = share + Fraction(group.size, len(group.servers))
    for (sort, server), share in shares.items():
        head = ("all", server) if sort == "busy" else "sink"
        network.add((sort, server), head, room=floor(share), cost=-fill)
        network.add((sort, server), head, room=ceil(share) - floor(share))
