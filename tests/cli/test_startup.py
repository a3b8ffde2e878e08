"""What a command must not wait for: modules that it does not need."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import CONFIG

HEAVY = {"aiobotocore", "aiohttp", "botocore", "rich", "structlog", "prometheus_client", "uvloop", "moto"}


@pytest.mark.parametrize(
    ("words", "not_even"),
    [
        (("--help",), {"pydantic_settings", "sqlite3"}),
        (("status", "--help"), {"sqlite3"}),
        (("plan", "m.jsonl"), set()),
    ],
)
def test_quick_commands_import_nothing_heavy(tmp_path: Path, words: tuple[str, ...], not_even: set[str]) -> None:
    """No AWS client, no terminal library, no metrics where nothing but a file is read."""
    (tmp_path / "fleet.toml").write_text(CONFIG)
    (tmp_path / "m.jsonl").write_text('{"prefix": "s3://corpus-in/a/"}\n')

    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "fleet", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines()}
    assert "fleet" in imported
    assert not imported & (HEAVY | not_even)
