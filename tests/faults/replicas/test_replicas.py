"""Two real replicas over one real PostgreSQL: the small version of the campaign in `__main__.py`."""

import functools
import random
from pathlib import Path

import pytest

from tests.faults.process.accept_log import Limits
from tests.faults.replicas.campaign import balanced, conclude
from tests.faults.replicas.deployment import Deployment, deployed
from tests.faults.replicas.leases import process_of
from tests.faults.replicas.nemesis import Fault, Nemesis
from tests.faults.replicas.plan import Plan
from tests.faults.replicas.replica import Replica
from tests.postgres import PostgreSQL

LEASES = 11  # five kinds in each of two Regions, and the watch over the manifests

PLAN = Plan(
    replicas=2,
    jobs=60,
    seed=5,
    lease_s=3.0,
    job_s=3.0,
    lost_answers=0.1,
    limits=Limits(active_jobs=3, start_per_s=2),
    kinds=("entities", "sentiment"),
)


def holds_all(deployment: Deployment, replica: Replica) -> bool:
    """Whether this replica's process holds every lease."""
    return all(holder and process_of(holder) == replica.life.process_id for holder in deployment.holders().values())


@pytest.mark.timeout(240)  # on a machine that does much else
def test_a_kill_a_pause_a_cut_and_a_restarted_database_double_and_lose_nothing(tmp_path: Path) -> None:
    """Lanes pass to the other replica and back; each job is accepted once, all are verified, rates and slots held."""
    with PostgreSQL() as postgres, deployed(PLAN, tmp_path, postgres) as deployment:
        first, second = deployment.replicas
        nemesis = Nemesis(deployment=deployment, faults=(), seconds=0, gap_s=1, rng=random.Random(PLAN.seed))
        deployment.start()
        before = balanced(deployment)

        for fault, victim, other in ((Fault.KILL, first, second), (Fault.STOP, second, first)):
            nemesis.do(fault, victim, 0)
            deployment.wait(functools.partial(holds_all, deployment, other), f"the other one holds all: {fault}")
            nemesis.heal()
            balanced(deployment)
        nemesis.do(Fault.DATABASE_IMMEDIATE, None, 0)
        nemesis.heal()
        nemesis.do(Fault.DEAF, first, 0)
        deployment.wait(lambda: holds_all(deployment, second), "the other one holds all: cut off")
        nemesis.heal()
        verdict = conclude(deployment, nemesis, before)

    assert verdict.broken == []
    assert verdict.left == []
    assert verdict.verified == verdict.judgement.starts == 60
    assert all(one.row_s is not None for one in verdict.take_overs)
    assert [sum(shares.values()) for shares in (before, verdict.after)] == [LEASES, LEASES]
