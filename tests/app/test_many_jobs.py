"""A hundred thousand lines: read, kept and asked about in the memory of a few thousand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LINES, GROWTH_MIB = 100_000, 64  # the jobs alone, all at once in memory, would take twice as much


@pytest.mark.timeout(180)
def test_a_hundred_thousand_lines_are_read_and_started_from_in_bounded_memory(tmp_path: Path) -> None:
    """Manifest to ledger, a restart, the gauges and the first claim, in a process that may not grow by more."""
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "one", "AWS_SECRET_ACCESS_KEY": "two"}
    words = [str(tmp_path), str(LINES), str(GROWTH_MIB)]

    done = subprocess.run(
        [sys.executable, "-m", "tests.app.many_jobs", *words],
        cwd=Path(__file__).resolve().parents[2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-2:] == [str(LINES), "10"]
