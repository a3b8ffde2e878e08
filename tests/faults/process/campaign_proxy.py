"""Every way in which a network breaks, each alone and all mixed, for whole runs of the real process."""

import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.bench.service import Service
from tests.faults.process.conftest import ACCOUNTS
from tests.faults.process.place import Place, prefixes
from tests.faults.process.proxy import Way, proxied

CHANCE = 0.2
SLOW = (Way.HANG_BEFORE, Way.HANG_AFTER, Way.DRIP)  # such a call takes 20 to 30 s until it is given up
CASES: dict[str, Mapping[Way, float]] = {way.value: {way: CHANCE / 4 if way in SLOW else CHANCE} for way in Way}
CASES["all ways mixed"] = dict.fromkeys(Way, CHANCE / len(Way))
ENDS_S = 200.0
AT_ONCE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one run ended; `code` None: not in time."""

    place: Place
    code: int | None
    fired: Mapping[Way, int] = field(default_factory=dict)


def _run(service: Service, root: Path, ways: Mapping[Way, float]) -> Ended:
    account = str(next(ACCOUNTS))
    place = Place(directory=root / account, service=service, account=account, uris=prefixes(6))
    with (
        proxied(service.url, ways, seed=11) as proxy,
        place.running(environment={"AWS_ENDPOINT_URL_COMPREHEND": proxy.url}) as process,
    ):
        try:
            code = process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            code = None
        return Ended(place=place, code=code, fired=dict(proxy.fired))


@pytest.fixture(scope="module")
def runs(shared_service: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """All cases, some at the same time, each with an account and a proxy of its own."""
    root = tmp_path_factory.mktemp("proxy")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {name: pool.submit(_run, shared_service, root, ways) for name, ways in CASES.items()}
        return {name: future.result() for name, future in futures.items()}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("case", CASES)
def test_every_job_ends_and_none_is_doubled_although_the_network_does(case: str, runs: dict[str, Ended]) -> None:
    """Exit code 0; the way did happen; one accepted Start for each job; slots and Start rate held."""
    ended = runs[case]
    judgement = ended.place.judgement()

    assert ended.code == 0, ended.place.said()[-3000:]
    assert ended.fired
    assert (judgement.starts, judgement.doubled, judgement.lost) == (len(ended.place.expected), {}, set())
    assert max(judgement.peak.values()) <= ended.place.limits.active_jobs
