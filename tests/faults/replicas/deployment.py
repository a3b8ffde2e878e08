"""Several real `fleet serve` processes over one PostgreSQL and one sandbox, each with its own way to the database."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fleet.sandbox.truth import Span
from tests.bench.service import INPUT, Service, serve
from tests.faults.replicas.gate import gates
from tests.faults.replicas.leases import Change, process_of, read_changes, watch
from tests.faults.replicas.plan import Plan
from tests.faults.replicas.replica import Life, Replica
from tests.postgres import PostgreSQL

__all__ = ["Deployment", "deployed"]

_PAUSE_S: Final = 0.05


@dataclass(slots=True, kw_only=True)
class Deployment:
    """All of it. `changes` and what asks the database need it to run."""

    plan: Plan
    service: Service
    postgres: PostgreSQL
    database: str
    directory: Path
    replicas: Sequence[Replica]

    def start(self) -> None:
        """Every replica lives, and the jobs are in the ledger; from the first lease on, changes of leases are noted."""
        self.replicas[0].start()
        self.wait(lambda: self._has("leases"), "the ledger's tables")
        watch(self.postgres, self.database)
        for replica in self.replicas[1:]:
            replica.start()
        self.wait(lambda: self.count("jobs") == self.plan.jobs, "all jobs are in the ledger")

    def count(self, table: str, condition: str = "TRUE") -> int:
        """How many rows of the ledger fulfil this."""
        found = self.postgres.execute(f"SELECT COUNT(*) FROM {table} WHERE {condition}", database=self.database)  # noqa: S608
        return int(found[0][0])

    def changes(self) -> list[Change]:
        """Each time that a lease changed hands so far."""
        return read_changes(self.postgres, self.database)

    def holders(self) -> dict[str, str | None]:
        """Lease -> its holder's name, by the table as it stands."""
        rows = self.postgres.execute(
            "SELECT name, CASE WHEN expires_at > clock_timestamp() THEN holder END FROM leases", database=self.database
        )
        return {str(name): holder for name, holder in rows}

    def shares(self) -> dict[int, int]:
        """Replica -> how many leases its present process holds; at 0, how many nobody does, if any."""
        found = {replica.life.process_id: replica.number for replica in self.replicas if replica.lives}
        shares = Counter(found.get(process_of(holder), 0) if holder else 0 for holder in self.holders().values())
        return {number: shares[number] for number in sorted({*found.values(), *shares})}

    def spans(self) -> list[Span]:
        """From when to when each AWS job held its slot."""
        return [Span(**json.loads(line)) for line in self.service.control("GET", "spans").splitlines()]

    def fleet(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run one command beside the replicas, straight at the database."""
        return subprocess.run(
            [sys.executable, "-m", "fleet", *words],
            cwd=self.directory,
            env={**self.service.environment, "FLEET_LEDGER__URL": self.postgres.url(self.database)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
        """Return once the condition holds; AssertionError with what the replicas said if it does not in time."""
        until = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > until:
                said = "\n".join(replica.said()[-1500:] for replica in self.replicas)
                raise AssertionError(f"not in {timeout_s:g} s: {what}\n{said}")
            time.sleep(_PAUSE_S)

    def lives(self) -> list[Life]:
        """Every process that there was."""
        return [life for replica in self.replicas for life in replica.lives]

    def _has(self, table: str) -> bool:
        found = self.postgres.execute(f"SELECT to_regclass('public.{table}') IS NOT NULL", database=self.database)
        return bool(found[0][0])


@contextmanager
def deployed(plan: Plan, directory: Path, postgres: PostgreSQL) -> Iterator[Deployment]:
    """A sandbox with the documents, a database, and replicas that are not started yet; nothing is left afterwards."""
    plan.write(directory)
    database = postgres.create_database()
    with ExitStack() as stack:
        keys = [f"{uri.removeprefix(INPUT)}part-0.txt" for uri in plan.uris]
        service = stack.enter_context(serve(directory, plan.switches(), keys))
        if plan.lost_answers:
            fault = {"what": "lose_answer", "probability": plan.lost_answers}
            service.control("POST", "faults", fault)
        opened = stack.enter_context(gates((postgres.host, postgres.port), plan.replicas))
        replicas = [
            Replica(
                number=number,
                directory=directory,
                environment={
                    **service.environment,
                    "FLEET_LEDGER__URL": postgres.url(database, port=gate.port),
                    "FLEET_HTTP__LISTEN": "127.0.0.1:0",
                },
                gate=gate,
            )
            for number, gate in enumerate(opened, start=1)
        ]
        try:
            yield Deployment(
                plan=plan,
                service=service,
                postgres=postgres,
                database=database,
                directory=directory,
                replicas=replicas,
            )
        finally:
            for replica in replicas:
                replica.kill()
