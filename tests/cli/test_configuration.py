"""init, config, version: what is there, where it comes from, and nothing secret on a screen."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Fleet


def test_init_writes_a_pair_that_plan_takes(fleet: Fleet, tmp_path: Path) -> None:
    """A configuration and a manifest that are sound as they are; a second time nothing is overwritten."""
    made = fleet("init", "here")
    planned = fleet("plan", "here/manifest.jsonl", "-c", "here/fleet.toml", "--json")
    again = fleet("init", "here")

    assert (made.code, planned.code, again.code) == (0, 0, 73)
    assert planned.json["new"] == 4
    assert "fleet plan" in made.out


def test_every_setting_names_its_source(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment over file over secrets directory over default."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "FLEET_RETRY__ATTEMPTS").write_text("7")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(secrets))
    monkeypatch.setenv("FLEET_TRACK__LIST_LAG_S", "9")

    found = fleet("config", "show", "--json").json["settings"]

    assert found["track.list_lag_s"] == {"value": 9.0, "source": "environment"}
    assert found["targets.main.region"]["source"] == "file fleet.toml"
    assert found["verify.depth"] == {"value": "full", "source": "default"}
    assert found["retry.attempts"]["source"].startswith("secrets directory")


def test_secrets_are_never_shown(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in a URL is masked, its user and host are not."""
    monkeypatch.setenv("FLEET_LEDGER__URL", "postgresql://fleet:hunter2@db/fleet")

    said = fleet("config", "show")

    assert "hunter2" not in said.out
    assert "postgresql://fleet:********@db/fleet" in said.out


def test_check_and_schema_and_version(fleet: Fleet, tmp_path: Path) -> None:
    """A sound configuration is 0, one that cannot work 78; the schema knows the tables; the version is one."""
    sound = fleet("config", "check")
    (tmp_path / "bad.toml").write_text("[ledgr]\nurl = 'x'\n")
    wrong = fleet("config", "check", "-c", "bad.toml")
    schema = json.loads(fleet("config", "schema").out)

    assert (sound.code, wrong.code) == (0, 78)
    assert "did you mean ledger?" in wrong.err
    assert {"ledger", "targets", "track"} <= set(schema["properties"])
    assert fleet("version").out == fleet("--version").out
