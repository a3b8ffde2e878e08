"""Hours of `fleet serve` in seconds: what comes in is done, and nothing piles up in the process."""

from pathlib import Path

import pytest

from tests.app.day import a_day

PERIODS = 3
OBJECTS_PER_JOB = 100  # of the simulation: its job, its input and its output; a leak per pass would be thousands


@pytest.mark.timeout(300)
def test_nothing_piles_up_while_manifests_come_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every manifest is done in its time; objects and open files are what they were (`tests.app.day` for a whole day).

    The last period is compared with the second: by then caches and pools are there.
    """
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "123456789012")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")

    held = a_day(tmp_path, periods=PERIODS, period_s=900)

    assert [now.jobs for now in held] == [5 * number for number in range(1, PERIODS + 1)]
    assert [now.verified for now in held] == [now.jobs for now in held]
    second, last = held[1], held[-1]
    assert last.objects - second.objects < OBJECTS_PER_JOB * (last.jobs - second.jobs)
    assert last.descriptors <= second.descriptors
