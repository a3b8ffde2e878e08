"""A part that dies takes the whole process with it: nothing lives on half dead."""

import signal
import sqlite3

import pytest

from tests.faults.process.accept_log import Limits
from tests.faults.process.conftest import MakePlace


@pytest.mark.parametrize("damage", ["its pages are overwritten", "its table is gone"])
def test_a_ledger_that_breaks_under_way_ends_the_process(make_place: MakePlace, damage: str) -> None:
    """A stage that fails for good brings all of the process down with a non-zero code: it never lives on half dead."""
    place = make_place(4, kinds=("entities",), limits=Limits(start_per_s=1))
    with place.running() as process:
        place.wait(process, lambda: place.starts() >= 1, "a Start")
        ledger = place.directory / "fleet.db"
        if damage == "its table is gone":
            beside = sqlite3.connect(ledger, timeout=10, isolation_level=None)
            beside.execute("DROP TABLE events")
            beside.close()
        else:
            for file in (ledger, ledger.with_name("fleet.db-wal")):
                file.write_bytes(b"\xa5" * max(65536, file.stat().st_size))
        code = process.wait(50)

    assert code not in (0, 128 + signal.SIGTERM), place.said()
    assert "fleet.db" in place.said() or "events" in place.said()
