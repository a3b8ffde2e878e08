"""The rules by Prometheus' own tool: valid, tested one by one, and each alert says what to do."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from fleet.cli.main import app
from grafana import runbook
from tests.grafana.prometheus import promtool
from tests.grafana.rooms import GRAFANA, RULES, alerts, rules

TESTS = sorted((GRAFANA / "prometheus" / "tests").glob("*.yml"))
SEVERITIES = {"critical", "warning", "info"}
PROMISED = {"doctor"}  # commands of the contract with users that are still to come
SECTION = "grafana/runbook.md#"


def said_of(path: Path) -> dict[str, list[list[bool]]]:
    """For each alert, and each test with series of its own that asks for it: at which times in turn it fires."""
    said: dict[str, list[list[bool]]] = defaultdict(list)
    for test in yaml.safe_load(path.read_text())["tests"]:
        of_test: dict[str, list[bool]] = defaultdict(list)
        for asked in test.get("alert_rule_test", []):
            of_test[asked["alertname"]].append(bool(asked.get("exp_alerts")))
        for name, fires in of_test.items():
            said[name].append(fires)
    return said


@pytest.fixture(scope="module")
def said() -> dict[str, list[list[bool]]]:
    """What all test files say of each alert."""
    together: dict[str, list[list[bool]]] = defaultdict(list)
    for path in TESTS:
        for name, tests in said_of(path).items():
            together[name] += tests
    return together


def test_promtool_finds_no_fault_in_the_rules() -> None:
    """`promtool check rules`, with every lint an error."""
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_of_a_configuration_is_one() -> None:
    """`promtool check config` on the example, with the rules that it names."""
    done = promtool("check", "config", GRAFANA / "prometheus" / "prometheus.example.yml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_every_alert_does_what_its_tests_say(path: Path) -> None:
    """`promtool test rules` on each file."""
    done = promtool("test", "rules", path)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", alerts())
def test_each_alert_is_shown_to_fire_to_resolve_and_to_stay_quiet(name: str, said: dict[str, list[list[bool]]]) -> None:
    """In one test it fires and is quiet again later; in another one it never fires."""
    assert any(True in fires and fires[-1] is False for fires in said[name])
    assert any(not any(fires) for fires in said[name])


@pytest.mark.parametrize("name", alerts())
def test_each_alert_says_what_is_wrong_and_what_to_do(name: str) -> None:
    """A severity, a summary in one sentence, a description, and the runbook's section."""
    alert = alerts()[name]
    notes: dict[str, Any] = alert["annotations"]

    assert alert["labels"]["severity"] in SEVERITIES
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert notes["summary"].endswith(".")
    assert len(notes["description"]) > len(notes["summary"])
    assert notes["runbook_url"] == f"{SECTION}{name.lower()}"


@pytest.mark.parametrize(("name", "text"), runbook.sections().items())
def test_each_section_of_the_runbook_answers_three_questions(name: str, text: str) -> None:
    """What it means, what to look at, what to do: in that order."""
    places = [text.find(f"**{question}.**") for question in ("What it means", "What to look at", "What to do")]

    assert -1 not in places, name
    assert places == sorted(places)


def test_recorded_names_say_level_metric_and_operation() -> None:
    """level:metric:operations, as the Prometheus documentation wants it."""
    recorded = [rule["record"] for rule in rules() if "record" in rule]

    assert recorded
    assert all(name.count(":") == 2 for name in recorded)


def test_every_command_that_people_are_told_exists() -> None:
    """Each `fleet ...` of the runbook, the alerts and the panels is a command with these options."""
    texts = [(GRAFANA / "runbook.md").read_text(), RULES.read_text()]
    texts += [path.read_text() for path in sorted((GRAFANA / "dashboards").glob("*.json"))]
    told = {" ".join(line.split()) for text in texts for line in re.findall(r"`fleet ([a-z][^`]*)`", text)}

    assert told
    for words in map(str.split, sorted(told)):
        command: Any = get_command(app)
        if words[0] in PROMISED - set(command.commands):
            continue
        while words and hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, command.name
