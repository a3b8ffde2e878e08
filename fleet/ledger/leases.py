"""Who holds which lane, where several replicas share a ledger: leases by the database's clock, and the fence they make.

A lease is taken only when nobody has it or it has expired, and each taking begins a new epoch. Every write of a lane is
refused, inside its own transaction, unless this replica still holds the lane in the epoch in which it took it; the
lease cannot change hands before that transaction ends. So a replica that was paused or cut off changes nothing, however
late it comes back.
"""

import json
import os
import socket
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeVar

from fleet.core.errors import Fenced
from fleet.core.lease import Lease, Replica
from fleet.ledger.database import Database, Transaction

__all__ = ["Beat", "Leases", "look"]

T = TypeVar("T")
_LOOK = ("name", "holder", "epoch", "left_s", "busy")
_WHO = ("name", "host", "pid", "version", "started_at", "seen_s", "draining")


class Beat(NamedTuple):
    """What a beat read, and which of this replica's leases are not its own any more."""

    leases: list[Lease]
    replicas: list[Replica]
    lost: frozenset[str]


class Leases:
    """The leases of one replica. `held`: the epoch of each that it holds, by name."""

    def __init__(
        self,
        database: Database,
        *,
        replica: str,
        version: str,
        lease_s: float,
        refused: Callable[[], object],
        knows: int,
        check_code: Callable[[int, int], object],
    ) -> None:
        self.replica = replica
        self.lease_s = lease_s
        self.held: dict[str, int] = {}
        self._database = database
        self._version = version
        self._refused = refused
        self._knows = knows
        self._check_code = check_code
        self._rewinds = database.rewinds

    async def beat(self, serves: Collection[str], *, draining: bool) -> Beat:
        """This replica lives and could hold these leases; what it holds is renewed, and all is read in one moment.

        `TooNew` if a newer fleet made the schema and this one must not write to it any more.
        """
        held = dict(self.held)
        me = {"name": self.replica, "host": socket.gethostname(), "pid": os.getpid(), "version": self._version}

        def work(tx: Transaction) -> Beat:
            self._check_schema(tx)
            tx.run("seen_replica", **me, draining=draining, serves=json.dumps(sorted(serves)))
            tx.run("forget_dead_replicas")
            tx.run("forget_dead_writers")
            for name in sorted(serves):
                tx.run("add_lease", lease=name)
            lost = {name for name, epoch in held.items() if not tx.run("renew_lease", **self._mine(name, epoch))}
            return Beat(*look(tx), frozenset(lost))

        found = await self._database.write(work)
        if self._database.rewinds != self._rewinds:
            # what was written down may be gone, so nothing that this replica knows of its lanes can be trusted
            self._rewinds = self._database.rewinds
            found = found._replace(lost=frozenset(held))
        for name in found.lost:
            self.held.pop(name, None)
        return found

    async def take(self, names: Collection[str]) -> list[str]:
        """Those of the leases that were free or had expired, and are this replica's now."""
        if not names:
            return []

        def work(tx: Transaction) -> dict[str, int]:
            self._check_schema(tx)
            tried = {name: tx.one("take_lease", lease=name, **self._term()) for name in sorted(names)}
            return {name: row[0] for name, row in tried.items() if row is not None}

        taken = await self._database.write(work)
        self.held |= taken
        return [name for name in names if name in taken]

    async def give(self, *names: str) -> None:
        """These leases are nobody's, as far as they were this replica's."""
        given = {name: self.held.pop(name) for name in names if name in self.held}

        def work(tx: Transaction) -> None:
            for name, epoch in given.items():
                tx.run("give_lease", lease=name, holder=self.replica, epoch=epoch)

        if given:
            await self._database.write(work)

    def forget(self, name: str) -> None:
        """This replica writes nothing more for this lease, whoever may hold it; the database is not asked."""
        self.held.pop(name, None)

    async def leave(self) -> None:
        """Nothing of this replica is left in the ledger."""
        await self.give(*self.held)
        await self._database.write(lambda tx: tx.run("forget_replica", name=self.replica))

    async def write(
        self,
        lease: str,
        work: Callable[[Transaction], T],
        *,
        committed: Callable[[], object] | None = None,
    ) -> T:
        """What the work returned, once it is durable; `Fenced`, with nothing done, if the lease is no longer ours."""
        try:
            return await self._database.write(self._fenced(lease, work), committed=committed)
        except Fenced:
            self._refused()
            raise

    def _fenced(self, lease: str, work: Callable[[Transaction], T]) -> Callable[[Transaction], T]:
        epoch = self.held.get(lease)

        def fenced(tx: Transaction) -> T:
            mine = {"lease": lease, "holder": self.replica, "epoch": epoch, "code": self._knows}
            if epoch is None or tx.one("fence", **mine) is None:
                self._check_schema(tx)
                raise Fenced(f"{lease}: another replica may hold it since; the write of {self.replica} was refused")
            return work(tx)

        return fenced

    def _check_schema(self, tx: Transaction) -> None:
        row = tx.one("schema")
        if row is not None:
            self._check_code(row[0], row[1])

    def _mine(self, name: str, epoch: int) -> Mapping[str, Any]:
        return {"lease": name, "epoch": epoch, **self._term()}

    def _term(self) -> Mapping[str, Any]:
        return {"holder": self.replica, "lease_s": self.lease_s}


def look(tx: Transaction) -> tuple[list[Lease], list[Replica]]:
    """All leases and all replicas as they are now."""
    leases = [Lease(**dict(zip(_LOOK, row, strict=True))) for row in tx.all("leases")]
    replicas = [
        Replica(serves=frozenset(json.loads(serves)), **dict(zip(_WHO, who, strict=True)))
        for *who, serves in tx.all("replicas")
    ]
    return leases, replicas
