"""The replicas that share a ledger, as anybody may see them who can read it."""

from collections.abc import Iterable

from fleet.core.lane import Lane
from fleet.core.lease import MANIFESTS
from fleet.core.overview import ReplicaView
from fleet.ledger.ledger import Ledger

__all__ = ["holders_of", "replicas"]


async def replicas(ledger: Ledger, *, lease_s: float) -> list[ReplicaView]:
    """Those that were seen within the time of a lease, the oldest first; none for a ledger in a file."""
    if not ledger.shared:
        return []
    held: dict[str, list[str]] = {}
    for lease in await ledger.leases_held():
        if lease.holder is not None and lease.left_s > 0:
            held.setdefault(lease.holder, []).append(lease.name)
    return [
        ReplicaView(
            name=replica.name,
            host=replica.host,
            pid=replica.pid,
            version=replica.version,
            started_at=replica.started_at,
            seen_s=replica.seen_s,
            leases=held.get(replica.name, []),
        )
        for replica in await ledger.replicas()
        if replica.seen_s < lease_s
    ]


def holders_of(members: Iterable[ReplicaView]) -> dict[Lane, str]:
    """The name of the replica that holds each lane that is held."""
    return {Lane.parse(name): member.name for member in members for name in member.leases if name != MANIFESTS}
