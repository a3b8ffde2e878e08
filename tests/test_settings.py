"""Settings: where they come from, and what is said of those that cannot be."""

from pathlib import Path

import pytest

from fleet.core.errors import Misconfigured
from fleet.core.lane import Quotas
from fleet.settings import load

EXAMPLE = Path(__file__).parent.parent / "config" / "fleet.example.toml"
TARGET = '[targets.main]\nregion = "us-east-1"\ndata_access_role_arn = "arn:aws:iam::1:role/r"\noutput = "s3://b/"\n'


def write(path: Path, text: str) -> Path:
    file = path / "fleet.toml"
    file.write_text(text)
    return file


def test_the_example_says_what_the_defaults_are() -> None:
    """Every value in the example that has a default is that default, so that copying it changes nothing."""
    example, bare = load(EXAMPLE), load(None, environment={})

    for section in ("ledger", "http", "manifest", "track", "retry", "verify", "drain"):
        assert getattr(example, section) == getattr(bare, section)
    assert example.targets["main"].quotas.resolved() == Quotas(
        active_jobs=10, start_per_s=1, describe_per_s=10, list_per_s=10, stop_per_s=1
    )


def test_a_quota_that_is_not_given_is_awss_default(tmp_path: Path) -> None:
    """Only what differs is configured; the rest comes from config/quotas.toml."""
    settings = load(write(tmp_path, TARGET + "[targets.main.quotas]\nactive_jobs = 50\n"))

    assert settings.targets["main"].quotas.resolved() == Quotas(
        active_jobs=50, start_per_s=1, describe_per_s=10, list_per_s=10, stop_per_s=1
    )


def test_flag_beats_environment_beats_file_beats_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The precedence that the README states, one source after the other taken away."""
    file = write(tmp_path, '[ledger]\nurl = "sqlite:///file.db"\n')
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "FLEET_LEDGER__URL").write_text("sqlite:///secret.db")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(secrets))
    monkeypatch.setenv("FLEET_LEDGER__URL", "sqlite:///environment.db")

    urls = [load(file, flags={"ledger": {"url": "sqlite:///flag.db"}}).ledger.url, load(file).ledger.url]
    monkeypatch.delenv("FLEET_LEDGER__URL")
    urls += [load(file).ledger.url]
    file.write_text("")
    urls += [load(file).ledger.url]

    assert urls == [f"sqlite:///{source}.db" for source in ("flag", "environment", "file", "secret")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[targets.main]\nregoin = 'x'", "targets.main.regoin: unknown key; did you mean region?"),
        ("[targets.main]\nregion = 'x'", "targets.main.data_access_role_arn: required, but not given"),
        ("[ledgr]\nurl = 'x'", "ledgr: unknown key; did you mean ledger?"),
        ("[retry]\nattempts = 0", "retry.attempts: input should be greater than or equal to 1, not 0"),
        ("[verify]\ndepth = 'deep'", "verify.depth: input should be 'full', 'head' or 'off', not 'deep'"),
        ("[track]\npoll_floor_s = inf", "track.poll_floor_s: "),
        ("this is not TOML", "not valid TOML"),
    ],
)
def test_a_bad_file_is_explained(tmp_path: Path, text: str, says: str) -> None:
    """File, key, reason and the nearest right spelling."""
    file = write(tmp_path, text)

    with pytest.raises(Misconfigured) as caught:
        load(file)

    assert says in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("FLEET_LEDGER__URLS", "did you mean FLEET_LEDGER__URL?"),
        ("FLEET_MAX_INFLGHT", "unknown"),
        ("FLEET_TARGETS__MAIN__REGOIN", "unknown"),
    ],
)
def test_an_unknown_variable_is_an_error(name: str, says: str) -> None:
    """A mistyped variable that silently does nothing would be worse than none."""
    with pytest.raises(Misconfigured) as caught:
        load(None, environment={name: "1"})

    assert f"environment variable {name}: unknown" in str(caught.value)
    assert says in str(caught.value)
