"""Loading the configuration again: what applies at once, what needs a restart, and what changes nothing."""

from pathlib import Path

import pytest

from fleet.app.reloading import HOT, is_hot, reload
from fleet.core.errors import Misconfigured
from fleet.settings import Settings, load

TARGET = """
[targets.{name}]
region = "us-east-1"
data_access_role_arn = "arn:aws:iam::123456789012:role/comprehend"
output = "s3://corpus-out/results/"

[targets.{name}.quotas]
active_jobs = {slots}
"""
BASE = '[defaults]\nkinds = ["entities"]\n' + TARGET.format(name="main", slots=10)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text(BASE)
    return path


def again(file: Path, text: str) -> tuple[Settings, Settings, list[str]]:
    """The old settings, the new ones after the file has this text, and what needs a restart."""
    old = load(file)
    file.write_text(text)
    return (old, *reload(old, file))


def test_quotas_and_the_like_apply_at_once(file: Path) -> None:
    """What the README lists as hot is in the new settings, and nothing needs a restart."""
    text = BASE.replace("active_jobs = 10", "active_jobs = 20") + "[track]\npoll_floor_s = 2\n[retry]\nattempts = 7\n"

    _, new, cold = again(file, text + '[verify]\ndepth = "head"\n[manifest]\nwatch_s = 1\ngeneration = "2"\n')

    assert cold == []
    assert new.targets["main"].quotas.active_jobs == 20
    assert (new.track.poll_floor_s, new.retry.attempts, new.verify.depth) == (2, 7, "head")
    assert (new.manifest.watch_s, new.manifest.generation) == (1, "2")


def test_what_needs_a_restart_is_named_and_stays(file: Path) -> None:
    """Ledger, address, roles and targets stay as they are; what else changed in the same file applies."""
    text = (
        '[ledger]\nurl = "sqlite:///other.db"\n[manifest]\nmeasure = false\nstrict = true\n[retry]\nattempts = 9\n'
        + BASE.replace("role/comprehend", "role/other")
        + TARGET.format(name="more", slots=10)
    )

    old, new, cold = again(file, text)

    assert cold == [
        "ledger.url",
        "manifest.measure",
        "manifest.strict",
        "targets.main.data_access_role_arn",
        "targets.more",
    ]
    assert new.retry.attempts == 9
    assert new.model_copy(update={"retry": old.retry}) == old


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not toml", "not valid TOML"),
        (BASE + "[track]\npoll_flor_s = 1\n", "did you mean poll_floor_s"),
        (BASE.replace("active_jobs = 10", "active_jobs = 0"), "targets.main.quotas.active_jobs"),
        (BASE.replace('"entities"', '"entitties"'), "did you mean 'entities'"),
    ],
)
def test_a_configuration_that_cannot_work_changes_nothing(file: Path, text: str, says: str) -> None:
    """The error says what is wrong; the caller keeps what it has."""
    with pytest.raises(Misconfigured, match=says):
        again(file, text)


def test_targets_that_share_quotas_must_still_agree(file: Path) -> None:
    """Two targets of one account and Region with other slots: refused as at the start."""
    shared = BASE + TARGET.format(name="more", slots=10)
    file.write_text(shared)

    with pytest.raises(Misconfigured, match="share"):
        again(file, BASE + TARGET.format(name="more", slots=20))


def test_every_setting_is_either_hot_or_not() -> None:
    """The list is of names that exist, and it is what decides."""
    for pattern in HOT:
        section, *_ = pattern.split(".")
        assert section in Settings.model_fields
        assert is_hot(pattern.replace("*", "main"))
    assert not is_hot("ledger.url")
    assert not is_hot("targets.main.region")
    assert not is_hot("targets.main")
    assert not is_hot("manifest.measure")
