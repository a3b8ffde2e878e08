"""The README is a product: what it shows is what the code does."""

import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
import typer

from docs.reference import meanings, regenerated, settings_rows
from docs.terminal import Terminal
from fleet.cli.main import app
from fleet.core.job import TRANSITIONS
from fleet.core.manifest import Entry, entries

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
INSIDE = (ROOT / "docs" / "inside.md").read_text()
MARK = re.compile(r"# (?:needs|takes) \w+")


class Block(NamedTuple):
    """A block of commands, and the lines that it is said to print."""

    commands: str
    shown: list[str]

    @property
    def marked(self) -> bool:
        """Whether the README says that it needs more than this machine has."""
        return MARK.match(self.commands) is not None


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def shell_blocks() -> list[Block]:
    found = re.findall(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", README, re.DOTALL)
    return [Block(commands, shown.splitlines()) for commands, shown in found]


def options(words: list[str]) -> tuple[str, set[str]]:
    """The command that these words name, and the options that it takes."""
    command = typer.main.get_command(app)
    path = "fleet"
    for word in words:
        inner = getattr(command, "commands", {}).get(word)
        if inner is None:
            break
        command, path = inner, f"{path} {word}"
    return path, {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def alike(line: str) -> str:
    """The line without what differs from run to run: names made of hex, times, numbers, spaces."""
    line = re.sub(r"\b[0-9a-f]{8,}(-[0-9a-f]{4,})*\b", "X", line)
    line = re.sub(r"\b(?:\d+[dhm] )*\d+s\b", "T", line)
    return " ".join(re.sub(r"\d[\d,.]*\d|\d", "N", line).split())


@contextmanager
def first_terminal(commands: str, directory: Path) -> Iterator[dict[str, str]]:
    """The sandbox of the tutorial, on free ports; the addresses that it printed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FLEET_"))}
    environment = clean | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    commands = commands.replace("--port 4510 --s3-port 4511", "--port 0 --s3-port 0")
    with subprocess.Popen(
        ["bash", "-c", commands],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            lines = itertools.takewhile(lambda line: line.startswith("export "), process.stdout or ())
            said = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
            yield environment | said
        finally:
            os.killpg(process.pid, signal.SIGTERM)


@pytest.mark.timeout(300)
def test_the_tutorial_prints_what_it_shows(tmp_path: Path) -> None:
    """Every block that is not marked runs, in order, against a real sandbox; each shown line is one that it prints."""
    first, *rest = [block for block in shell_blocks() if not block.marked]
    script = ["exec 2>&1", "trap 'echo \"@exit $?\"' ERR"]
    for block in rest:
        script += [block.commands, "echo @end"]

    with first_terminal(first.commands, tmp_path) as environment:
        text = "\n".join(script)
        for port, name in (("4510", "AWS_ENDPOINT_URL_COMPREHEND"), ("4511", "AWS_ENDPOINT_URL_S3")):
            text = text.replace(f"http://127.0.0.1:{port}", environment[name])
        done = subprocess.run(
            ["bash", "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    printed = done.stdout.split("@end\n")
    assert len(printed) == len(rest) + 1, done.stdout
    for block, output in zip(rest, printed[:-1], strict=True):
        lines = {"...", *map(alike, output.splitlines())}
        assert [line for line in block.shown if alike(line) not in lines] == [], output
    assert set(re.findall(r"@exit (\d+)", done.stdout)) == {"1"}, done.stdout


def test_what_cannot_run_here_is_marked_and_its_words_are_right() -> None:
    """Of a block that needs AWS, root or minutes: every command, option and target exists."""
    marked = [block for block in shell_blocks() if block.marked]
    extras = (ROOT / "pyproject.toml").read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    for line in "".join(block.commands for block in marked).splitlines():
        program, *words = shlex.split(line, comments=True) or [""]
        if program == "fleet":
            path, known = options(words)
            assert path != "fleet", line
            assert {word for word in words if word.startswith("--")} <= known, line
        elif program == "make":
            assert set(words) <= targets, line
        elif program == "pip":
            assert f"{words[-1].partition('[')[2].removesuffix(']')} = [" in extras, line
        else:
            assert program in ("", "aws"), line
    assert marked


def test_commands_in_the_text_exist() -> None:
    """Whatever stands between backticks and begins with `fleet` can be typed."""
    for said in re.findall(r"`fleet ((?:[a-z]|--)[^`|]*)", README):
        words = said.split()
        path, known = options(words)
        assert path != "fleet", said
        assert {word for word in words if word.startswith("--")} <= known | {"--help"}, said


def test_the_tables_are_those_that_the_code_makes() -> None:
    """Settings, metrics, exit codes and paths: `python -m docs.reference` would change nothing."""
    assert regenerated(README) == README
    assert settings_rows() == meanings().keys()


def test_the_diagram_is_the_table() -> None:
    """Every arrow of the state diagram is a transition, and every transition has its arrow."""
    (diagram,) = blocks("mermaid", INSIDE)

    drawn = re.findall(r"(\w+) --> (\w+): (\w+)", diagram)

    table = [(state, after, event) for state, row in TRANSITIONS.items() for event, after in row.items()]
    assert drawn == table


def test_the_manifest_example_is_the_shipped_one() -> None:
    """The README's manifest is config/manifest.example.jsonl, and every line of it is an entry."""
    (example,) = blocks("jsonl")
    shipped = (ROOT / "config" / "manifest.example.jsonl").read_text()

    assert [json.loads(line) for line in example.splitlines()] == [json.loads(line) for line in shipped.splitlines()]
    assert all(isinstance(item, Entry) for item in entries(example.encode().splitlines(keepends=True)))


@pytest.mark.parametrize("name", ["README.md", "docs/inside.md", "docs/sandbox.md"])
def test_links_lead_somewhere(name: str) -> None:
    """Every file that is linked to exists, and holds the test that the link names."""
    page = ROOT / name
    for said, target in re.findall(r"\[`?([^`\]]+)`?\]\(([^)#]+)\)", page.read_text()):
        path = page.parent / target
        assert path.exists(), target
        if said.startswith("test_") and not said.endswith(".py"):
            assert f"def {said}(" in path.read_text(), said


def test_every_command_is_in_the_readme() -> None:
    """The commands of the command line and those of the README's table are the same."""
    named = {command.callback.__name__ for command in app.registered_commands if command.callback}

    assert named == set(re.findall(r"^\| `fleet (\w+)", README, re.MULTILINE))


def test_the_picture_needs_nothing_from_elsewhere() -> None:
    """It is a well-formed SVG of the live display, without a script, a font or an address to load."""
    text = (ROOT / "docs" / "run.svg").read_text()

    words = " ".join(ElementTree.fromstring(text).itertext())  # noqa: S314 - our own file

    assert all(word in words for word in ("jobs done", "slots", "elapsed"))
    assert not re.search(r"href|url\(|@import|<script|<image", text)
    assert text.count("http") == 1  # the name space


def test_the_recorder_sees_what_a_person_sees() -> None:
    """A frame that is drawn anew replaces the last one, colours stay, and a cut sequence waits for its end."""
    terminal = Terminal()

    for piece in ("log\r\none\r\ntwo", "\r\x1b[2K\x1b[1A\x1b[", "2K\x1b[1mnew\x1b[0m\r\nframe\x1b[?25h"):
        terminal.feed(piece)

    assert terminal.lines == ["log", "\x1b[1mnew\x1b[0m", "frame"]
