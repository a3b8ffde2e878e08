"""A fleet that moves from a file to PostgreSQL and back in the middle of its work: AWS has each job once."""

import json
import signal

import pytest

from tests.e2e.conftest import Place
from tests.e2e.test_run import MANIFEST, PREFIXES, wait_until_some_are_started
from tests.postgres import PostgreSQL


@pytest.mark.switches("time_scale=100", "submitted_s=50")
def test_a_fleet_goes_on_from_a_copy(place: Place, postgres: PostgreSQL) -> None:
    """Killed half-way on SQLite, copied, finished on PostgreSQL, copied back: nothing is lost, nothing done twice."""
    place.documents(*PREFIXES)
    manifest = place.write("manifest.jsonl", *MANIFEST)
    server = postgres.url(postgres.create_database())
    process = place.start("run", manifest)
    wait_until_some_are_started(place, 15)
    held = place.fleet("ledger", "copy", "sqlite:///fleet.db", server)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    there = place.fleet("ledger", "copy", "sqlite:///fleet.db", server)
    config = (place.directory / "fleet.toml").read_text()
    (place.directory / "fleet.toml").write_text(config.replace("sqlite:///fleet.db", server))
    finished = place.fleet("run", manifest, "--json")
    back = place.fleet("ledger", "copy", server, "sqlite:///back.db", "--json")
    (place.directory / "fleet.toml").write_text(config.replace("fleet.db", "back.db"))
    again = place.fleet("run", manifest, "--json")
    sound = place.fleet("ledger", "check")

    assert (held.returncode, str(process.pid) in held.stderr) == (75, True)
    assert there.returncode == 0, there.stderr
    assert there.stdout.startswith("Copied 40 jobs with ")
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["states"]["verified"] == 5 * len(PREFIXES)
    assert json.loads(back.stdout)["tables"]["jobs"]["rows"] == 5 * len(PREFIXES)
    assert json.loads(again.stdout)["states"]["verified"] == 5 * len(PREFIXES)
    assert sound.returncode == 0
    truth = place.truth()
    assert truth["jobs_started"] == 5 * len(PREFIXES)
    assert truth["duplicates"] == []
