"""A real process is killed, or its disk refuses, at some write; the next one finds a whole ledger and all it was told.

A sample; `python -m tests.faults.ledger` goes through them all.
"""

from pathlib import Path

import pytest

from tests.faults.ledger.recovery import problems
from tests.faults.ledger.syscalls import Injection, trace, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=f"nothing can be traced: {why_not()}")

KILLS = [
    *(Injection(call="pwrite64", nth=nth) for nth in (1, 30, 95, 160)),
    *(Injection(call="fdatasync", nth=nth) for nth in (1, 9, 14)),
    *(Injection(call="ftruncate", nth=nth) for nth in (3,)),
    *(Injection(call="unlink", nth=nth) for nth in (1,)),
]
REFUSALS = [
    *(Injection(call="pwrite64", nth=100, error=error) for error in ("ENOSPC", "EIO")),
    *(Injection(call="fdatasync", nth=15, error=error) for error in ("EIO", "EINTR")),
    Injection(call="pwrite64", nth=1, error="ENOSPC", forever=True),
    Injection(call="pwrite64", nth=90, error="EDQUOT", forever=True),
    Injection(call="ftruncate", nth=5, error="EIO"),
]


def writer(path: Path) -> list[str]:
    """The command of a writer of six jobs."""
    return ["-m", "tests.faults.ledger.writer", f"sqlite:///{path}", "6"]


@pytest.mark.parametrize("injection", KILLS, ids=str)
async def test_a_kill_at_any_write_loses_nothing(tmp_path: Path, injection: Injection) -> None:
    """SIGKILL at a write, sync, truncate or unlink: the ledger opens by itself, and what was acknowledged is there."""
    path = tmp_path / "fleet.db"

    found = trace(writer(path), injection, tmp_path / "trace")

    assert found.reached
    assert await problems(path, found.acknowledged()) == []


@pytest.mark.parametrize("injection", REFUSALS, ids=str)
async def test_a_write_that_fails_loses_nothing(tmp_path: Path, injection: Injection) -> None:
    """Once: the writer goes on to its end, or leaves with 74. For ever: it leaves with 74. Never a lost word."""
    path = tmp_path / "fleet.db"

    found = trace(writer(path), injection, tmp_path / "trace")

    assert found.reached
    assert found.returncode in ((74,) if injection.forever else (0, 74)), found.errors
    assert "Traceback" not in found.errors
    assert await problems(path, found.acknowledged()) == []


@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EDQUOT"])
async def test_what_can_pass_is_told_from_a_broken_disk(tmp_path: Path, error: str) -> None:
    """After a failed fdatasync the file is opened anew; if the disk fails again, the operating system says why."""
    injection = Injection(call="fdatasync", nth=12, error=error, forever=True)

    found = trace(writer(tmp_path / "fleet.db"), injection, tmp_path / "trace")

    expected = "DiskFailed: " if error == "EIO" else "Unwritable: "
    assert (found.returncode, found.errors[: len(expected)]) == (74, expected)
    assert await problems(tmp_path / "fleet.db", found.acknowledged()) == []
