"""The image's recipe, as far as it can be judged without building it; `make image` builds and runs it."""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

from tests.deploy.tools import ROOT

DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"


def linted(text: str) -> "subprocess.CompletedProcess[str]":
    """What hadolint says."""
    hadolint = Path(sys.executable).parent / "hadolint"
    return subprocess.run([hadolint, "--no-color", "-"], input=text, capture_output=True, text=True, check=False)


def stages() -> list[str]:
    """The text of each stage."""
    return re.split(r"^FROM ", DOCKERFILE.read_text(), flags=re.MULTILINE)[1:]


def test_hadolint_finds_nothing() -> None:
    """No rule is broken and none is switched off; a recipe with `latest` would be caught."""
    clean, careless = linted(DOCKERFILE.read_text()), linted("FROM python:latest\n")

    assert (clean.returncode, clean.stdout) == (0, "")
    assert "ignore=" not in DOCKERFILE.read_text()
    assert "DL3007" in careless.stdout


def test_the_last_stage_builds_nothing_and_is_nobody() -> None:
    """No pip, no compiler and no source in what runs; a numeric user that is not root."""
    last = stages()[-1]

    assert re.findall(r"^USER (.*)$", last, re.MULTILINE) == ["65532:65532"]
    assert not re.search(r"\b(pip|apt-get|gcc|make)\b", last)
    assert re.findall(r"^COPY (.*)$", last, re.MULTILINE) == ["--from=build /opt/fleet /opt/fleet"]


def test_everything_from_elsewhere_is_pinned_by_hash() -> None:
    """Every installation but that of the wheel just built demands hashes."""
    installs = re.findall(r"pip .*?install (.*?)(?: \\|$)", stages()[0], re.MULTILINE)

    assert len(installs) == 3
    assert [words.split()[0] for words in installs] == ["--require-hashes", "--require-hashes", "--no-deps"]


def test_the_context_holds_what_is_copied_and_nothing_else() -> None:
    """Each COPY finds its file through .dockerignore; credentials, ledgers and the git history never leave."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    copied = [
        word for words in re.findall(r"^COPY (?!--from)(.*) \S+$", stages()[0], re.MULTILINE) for word in words.split()
    ]

    assert "*" in lines
    assert sorted(copied) == sorted(allowed)
    assert all((ROOT / name).exists() for name in copied)
    assert not any(
        fnmatch(name, pattern) for name in (".git", ".venv", "fleet.db", "fleet.toml") for pattern in allowed
    )
