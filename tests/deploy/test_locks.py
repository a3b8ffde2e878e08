"""The locks of an installation follow from the project's own."""

import re

from tests.deploy.tools import ROOT, load_script


def test_the_locks_are_up_to_date() -> None:
    """`python deploy/lock.py` would change nothing."""
    locks = load_script("lock").locks()

    assert {path: path.read_text() for path in locks} == locks


def test_no_tool_of_the_tests_is_installed() -> None:
    """What runs holds fleet's dependencies with hashes, and no test tool, linter or emulator."""
    text = (ROOT / "deploy" / "requirements.lock").read_text()

    names = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))

    assert names >= {"aioboto3", "anyio", "msgspec", "psycopg", "uvloop"}
    assert not names & {"pytest", "moto", "mypy", "ruff", "hypothesis", "hatchling", "pip"}
    assert all("--hash=sha256:" in block for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE) if block)
