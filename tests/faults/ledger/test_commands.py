"""`fleet ledger ...` as anybody would type it, and a fleet whose ledger is yesterday's."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fleet.core.kinds import KINDS
from tests.e2e.conftest import CONFIG, Place

PREFIXES = ("2024/01/", "2024/02/", "2024/03/")
OTHERS = ("2025/01/",)


def manifest(place: Place, name: str, prefixes: tuple[str, ...]) -> str:
    """A manifest of these prefixes, whose documents are there."""
    place.documents(*prefixes)
    return place.write(name, *({"prefix": f"s3://corpus-in/{prefix}"} for prefix in prefixes))


def kill_after(place: Place, jobs: int, *manifests: str) -> None:
    """Run until AWS has accepted so many jobs, then die."""
    process = place.start("run", *manifests)
    deadline = time.monotonic() + 40
    while place.truth()["jobs_started"] < jobs:
        assert time.monotonic() < deadline, "no job was started"
    process.send_signal(signal.SIGKILL)
    process.communicate()


# AWS forgets the tokens here: only List by name stands between an old ledger and a job that is paid for twice
@pytest.mark.switches("replay=new_job", "time_scale=200", "submitted_s=50")
def test_an_old_or_a_damaged_ledger_pays_nothing_twice(place: Place) -> None:
    """A backup made beside a running fleet, put back after many more jobs and a whole new manifest, adopts what AWS
    has; a damaged ledger that is rebuilt from its manifests does too. Nothing is doubled, nothing is lost.
    """
    first, second = manifest(place, "first.jsonl", PREFIXES), manifest(place, "second.jsonl", OTHERS)
    total = len(KINDS) * len(PREFIXES + OTHERS)
    back_up_beside_a_run(place, first)
    kill_after(place, 16, first, second)
    for file in place.directory.glob("fleet.db*"):
        file.unlink()
    shutil.copy(place.directory / "yesterday.db", place.directory / "fleet.db")

    restored = place.fleet("run", first, second, "--json")
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["states"]["verified"] == place.truth()["jobs_started"] == total

    sound = place.fleet("ledger", "rebuild", first)
    content = (place.directory / "fleet.db").read_bytes()
    (place.directory / "fleet.db").write_bytes(content[:4096] + bytes(len(content) - 4096))
    refused = place.fleet("run", first)
    told = json.loads(place.fleet("ledger", "rebuild", first, "--json").stdout)
    last = place.fleet("run", first, second, "--json")

    assert (sound.returncode, refused.returncode, last.returncode) == (65, 65, 0), last.stderr
    assert "this ledger is sound" in sound.stderr
    assert "fleet ledger rebuild" in refused.stderr
    assert Path(told["moved_to"]).read_bytes()[4096:] == bytes(len(content) - 4096)
    assert (told["jobs"], told["adopted"], told["orphans"]) == (15, 15, 5)
    assert json.loads(last.stdout)["states"]["verified"] == place.truth()["jobs_started"] == total
    assert place.truth()["duplicates"] == []


def back_up_beside_a_run(place: Place, name: str) -> None:
    """Check, back up and export the ledger while `fleet run` writes it; then kill that."""
    process = place.start("run", name)
    while place.truth()["jobs_started"] < 3:
        assert process.poll() is None
    checked = place.fleet("ledger", "check", "--json")
    backed_up = place.fleet("ledger", "backup", "yesterday.db")
    exported = place.fleet("ledger", "export", "jobs.jsonl")
    process.kill()
    process.communicate()

    assert json.loads(checked.stdout) == {"sound": True, "jobs": len(KINDS) * len(PREFIXES), "findings": []}
    assert (backed_up.returncode, exported.returncode) == (0, 0), backed_up.stderr + exported.stderr
    lines = [json.loads(line) for line in (place.directory / "jobs.jsonl").read_text().splitlines()]
    assert len(lines) == len(KINDS) * len(PREFIXES)
    assert any(event["event"] == "claimed" for line in lines for event in line["events"])
    modes = {(place.directory / name).stat().st_mode & 0o777 for name in ("yesterday.db", "jobs.jsonl")}
    assert modes == {0o600}


@pytest.mark.parametrize("word", ["check", "backup", "export", "rebuild"])
def test_each_command_explains_itself(tmp_path: Path, word: str) -> None:
    """--help has an example; without a ledger or a manifest a plain message and an exit code, no traceback."""
    (tmp_path / "fleet.toml").write_text(CONFIG)
    words = {"backup": ["copy.db"], "rebuild": ["nowhere.jsonl"]}.get(word, [])
    place = Place(tmp_path, {"PATH": ""})

    helped = place.fleet("ledger", word, "--help")
    refused = place.fleet("ledger", word, *words)

    assert f"Example: fleet ledger {word}" in helped.stdout
    assert refused.returncode == 65
    assert "Traceback" not in refused.stderr
    assert not list(tmp_path.glob("copy*"))


def test_a_newer_ledger_is_refused_with_its_version(tmp_path: Path) -> None:
    """A downgrade: exit code 78, both versions and the way back in one message; the file is left alone."""
    (tmp_path / "fleet.toml").write_text(CONFIG)
    script = "import sqlite3; c = sqlite3.connect('fleet.db'); c.execute('PRAGMA application_id = 1718379877');"
    script += "c.execute('PRAGMA user_version = 99'); c.execute('CREATE TABLE t (a)'); c.close()"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)

    refused = Place(tmp_path, {"PATH": ""}).fleet("status")

    assert refused.returncode == 78, refused.stderr
    assert "version 99" in refused.stderr
