"""Two real replicas whose database is away for a while."""

import functools
import random
import time
from pathlib import Path

import pytest

from fleet.core.lease import trusted_until
from tests.faults.process.accept_log import Limits
from tests.faults.replicas.campaign import conclude
from tests.faults.replicas.deployment import Deployment, deployed
from tests.faults.replicas.judgement import WAY_S
from tests.faults.replicas.nemesis import Fault, Nemesis
from tests.faults.replicas.plan import Plan
from tests.postgres import PostgreSQL

PLAN = Plan(
    replicas=2,
    jobs=20,
    seed=6,
    lease_s=2.0,
    job_s=3.0,
    limits=Limits(active_jobs=3, start_per_s=2),
    kinds=("entities", "sentiment"),
)


def answer(deployment: Deployment, probe: str, code: int) -> bool:
    """Whether every replica answers so."""
    return all(replica.code_of(probe) == code for replica in deployment.replicas)


@pytest.mark.timeout(180)
def test_without_their_database_all_replicas_live_start_nothing_and_say_so(tmp_path: Path) -> None:
    """Not ready but alive, no Start once the trust has run out; with the database the work is done to its end."""
    with PostgreSQL() as postgres, deployed(PLAN, tmp_path, postgres) as deployment:
        nemesis = Nemesis(deployment=deployment, faults=(), seconds=0, gap_s=1, rng=random.Random(PLAN.seed))
        deployment.start()
        deployment.wait(functools.partial(answer, deployment, "readyz", 200), "all are ready")

        deed = nemesis.do(Fault.DATABASE_FAST, None, 0)
        deployment.wait(functools.partial(answer, deployment, "readyz", 503), "none is ready")
        deployment.wait(lambda: time.time() > trusted_until(deed.at, PLAN.lease_s) + WAY_S, "all trust has run out")
        starts = deployment.service.truth()["starts_accepted"]
        deployment.wait(lambda: time.time() > deed.at + 3 * PLAN.lease_s, "some leases' time has passed")
        alive = answer(deployment, "livez", 200)
        starts_then = deployment.service.truth()["starts_accepted"]
        nemesis.heal()
        verdict = conclude(deployment, nemesis, deployment.shares())

    assert alive
    assert starts_then == starts < 20
    assert verdict.broken == []
