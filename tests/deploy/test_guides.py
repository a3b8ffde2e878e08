"""The guides in deploy/: their links lead somewhere, and their commands do what they say."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.policies import FILLED
from tests.deploy.tools import ROOT

GUIDES = sorted((ROOT / "deploy").rglob("README.md"))
IAM_GUIDE = ROOT / "deploy" / "iam" / "README.md"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.parent.name)
def test_links_lead_somewhere(guide: Path) -> None:
    """Every file that a guide links to exists."""
    for target in re.findall(r"\]\(([^)]+)\)", guide.read_text()):
        if not target.startswith("https://"):
            assert (guide.parent / target).exists(), target


def test_the_index_names_every_way() -> None:
    """Each folder of deploy/ has its guide, and the index leads to it."""
    index = (ROOT / "deploy" / "README.md").read_text()
    folders = {path.name for path in (ROOT / "deploy").iterdir() if path.is_dir() and not path.name.startswith("__")}

    assert {guide.parent.name for guide in GUIDES} == folders | {"deploy"}
    assert all(f"({name}/README.md)" in index for name in folders)


def test_the_policies_are_filled_in_as_the_guide_says() -> None:
    """Its command turns submitter.json into valid JSON without a placeholder left."""
    (block,) = re.findall(r"```sh\n(.*?)```", IAM_GUIDE.read_text(), re.DOTALL)

    filled = subprocess.run(["sh", "-euc", block], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert json.loads(filled)["Version"] == "2012-10-17"
    assert not [placeholder for placeholder in FILLED if placeholder in filled]


def test_every_policy_is_in_the_guide() -> None:
    """No file of deploy/iam is left unexplained."""
    text = IAM_GUIDE.read_text()

    assert all(f"`{path.name}`" in text for path in IAM_GUIDE.parent.glob("*.json"))


def test_the_service_guide_names_files_that_are_there() -> None:
    """What it installs from the checkout exists (the wheel is built before)."""
    guide = (ROOT / "deploy" / "systemd" / "README.md").read_text()

    named = re.findall(r"(?<=\s)((?:deploy|config)/\S+)", "".join(re.findall(r"```sh\n(.*?)```", guide, re.DOTALL)))

    assert len(named) == 4
    assert all((ROOT / name).is_file() for name in named)
