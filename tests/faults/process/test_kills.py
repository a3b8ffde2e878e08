"""SIGKILL at random instants: the small version of the campaign in `__main__.py`."""

from pathlib import Path

import pytest

from tests.faults.process.accept_log import Limits
from tests.faults.process.kills import Campaign, kill_again_and_again, verified


@pytest.mark.timeout(180)  # on a machine that does much else
def test_kills_at_random_instants_double_and_lose_nothing(tmp_path: Path) -> None:
    """Six kills in a run of 20 jobs with lost answers: each job accepted once, rates and slots held, all verified."""
    campaign = Campaign(
        jobs=20,
        kills=6,
        seed=3,
        job_s=1.0,
        lost_answers=0.2,
        kinds=("entities", "sentiment"),
        limits=Limits(active_jobs=3, start_per_s=2),
    )

    (fleet,) = kill_again_and_again(campaign, tmp_path, beside=False)
    judgement, broken = fleet.outcome()

    assert broken == []
    assert (fleet.kills, judgement.starts, verified(fleet)) == (6, 20, 20)
