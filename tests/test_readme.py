"""The README is a product: what it shows is what the code does."""

import json
import re
from pathlib import Path

from fleet.core.job import TRANSITIONS
from fleet.core.manifest import Entry, entries

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_diagram_is_the_table() -> None:
    """Every arrow of the state diagram is a transition, and every transition has its arrow."""
    (diagram,) = blocks("mermaid")

    drawn = re.findall(r"(\w+) --> (\w+): (\w+)", diagram)

    table = [(state, after, event) for state, row in TRANSITIONS.items() for event, after in row.items()]
    assert drawn == table


def test_the_manifest_example_is_the_shipped_one() -> None:
    """The README's manifest is config/manifest.example.jsonl, and every line of it is an entry."""
    (example,) = blocks("jsonl")
    shipped = (ROOT / "config" / "manifest.example.jsonl").read_text()

    assert [json.loads(line) for line in example.splitlines()] == [json.loads(line) for line in shipped.splitlines()]
    assert all(isinstance(item, Entry) for item in entries(example.encode().splitlines(keepends=True)))


def test_links_lead_somewhere() -> None:
    """Every file that the README links to exists, and holds the test that the link names."""
    for name, target in re.findall(r"\[`?([^`\]]+)`?\]\(([^)]+)\)", README):
        path = ROOT / target
        assert path.exists(), target
        if name.startswith("test_") and not name.endswith(".py"):
            assert f"def {name}(" in path.read_text(), name


def test_every_command_is_in_the_readme() -> None:
    """The commands of the command line and those of the README's table are the same."""
    from fleet.cli.main import app

    named = {command.callback.__name__ for command in app.registered_commands if command.callback}

    assert named == set(re.findall(r"^\| `fleet (\w+)", README, re.MULTILINE))
