"""The proof without a Grafana: every query of dashboards and rules, asked of a Prometheus that scrapes a fleet.

Both are real. The fleet is `fleet serve` under a load with throttles, failures, partial outputs, a stuck job and jobs
of others.
"""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from fleet.telemetry import CATALOGUE
from tests.grafana.prometheus import Refused, promtool, substituted
from tests.grafana.rooms import Asked, dashboards, queries, rules
from tests.grafana.world import DISCARDED, ENDED, FOREIGN, PARTIAL, RATE_INTERVAL, STUCK, World, opened

pytestmark = pytest.mark.timeout(240)  # the first test also waits for the load: 20 s on an idle machine

# Grafana's own variables, and ours once as "All" and once as the names of things
GRAFANAS = {"__rate_interval": RATE_INTERVAL, "__range": "10m"}
ALL = dict.fromkeys(("job", "instance", "kind", "lane", "operation"), ".*")
CHOSEN = ALL | {"job": "(fleet|other)", "kind": "(entities|sentiment)"}

MAY_BE_EMPTY = {
    "fleet: Alerts firing": "the load is no reason for an alert, which takes minutes",
    "fleet: Fleet's alerts": "the same",
    "fleet-internals: Fleet's alerts": "the same",
    "fleet: Restarts": "the process began once",
    "fleet-internals: Restarts": "the same",
    "fleet-internals: Credentials end in": "the sandbox's credentials never end",
}
"""What need not return data under this load; everything else must."""

FIGURES = {
    "Instances up": 1,
    "Jobs given up": DISCARDED,
    "Outputs not complete": PARTIAL,
    "Rejected manifest lines": 1,
    "Stuck jobs": STUCK,
    "Jobs of other programs": FOREIGN,
    "Paused lanes": 0,
    "Duplicates": 0,
}
"""What the sandbox was told to do, as the dashboard *Fleet* must show it."""

ALONE = {
    "Replicas seen": 1,
    "Lanes without a holder": 0,
    "Fenced writes": 0,
    "Lanes by replica": 5,
    "Fenced writes per minute": 0,
}
"""What *Fleet internals* shows of replicas where one process has the ledger in a file, with a lane for each kind."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world at the end of its load."""
    with opened(tmp_path_factory.mktemp("world")) as world:
        yield world


def numbers(world: World, asked: Asked, variables: dict[str, str]) -> list[float]:
    """What the query returns now, without what is not a number."""
    expression = substituted(asked.expression, GRAFANAS | variables)
    found = (float(sample["value"][1]) for sample in world.prometheus.query(expression))
    return [value for value in found if not math.isnan(value)]


def test_every_panel_has_data(world: World) -> None:
    """Each query of each panel parses, and returns numbers for all there is, but for those named with a reason."""
    empty = {asked.where for asked in queries() if not numbers(world, asked, ALL)}

    assert empty <= set(MAY_BE_EMPTY)


def test_what_is_no_query_would_be_found(world: World) -> None:
    """Prometheus refuses a bracket too few, and says so."""
    with pytest.raises(Refused, match="parse error"):
        numbers(world, Asked(where="nowhere", expression="sum(rate(fleet_jobs[$__range])"), ALL)


def test_every_panel_can_be_narrowed(world: World) -> None:
    """With some values chosen each query still parses."""
    for asked in queries():
        numbers(world, asked, CHOSEN)


def test_every_variable_has_values(world: World) -> None:
    """The queries behind the variables find something to choose."""
    for dashboard in dashboards().values():
        for variable in (one for one in dashboard["templating"]["list"] if one["type"] == "query"):
            series, _, label = (
                variable["query"]["query"].removeprefix("label_values(").removesuffix(")").rpartition(", ")
            )

            found = world.prometheus.query(substituted(series, ALL))

            assert {sample["metric"].get(label) for sample in found} - {None}, variable["name"]


@pytest.mark.parametrize(("title", "number"), FIGURES.items())
def test_the_figures_are_true(world: World, title: str, number: int) -> None:
    """What the sandbox did, and only that, is what the dashboard shows."""
    (asked,) = [asked for asked in queries() if asked.where == f"fleet: {title}"]

    assert numbers(world, asked, ALL) == [number]


@pytest.mark.parametrize(("title", "number"), ALONE.items())
def test_one_fleet_is_one_replica_that_holds_all_lanes(world: World, title: str, number: int) -> None:
    """With the ledger in a file the row *Replicas* is constant: nothing has another holder, nothing changes hands."""
    (asked,) = [asked for asked in queries() if asked.where == f"fleet-internals: {title}"]

    assert set(numbers(world, asked, ALL)) == {number}


def test_progress_and_throttling_are_seen(world: World) -> None:
    """All but the stuck job have ended, and some Starts were throttled."""
    shown = {asked.where: numbers(world, asked, ALL) for asked in queries()}

    assert shown["fleet: Progress"] == [pytest.approx(ENDED / (ENDED + STUCK))]
    (throttled,) = shown["fleet: Throttled Starts"]
    assert 0 < throttled < 1


def test_every_rule_is_evaluated_without_an_error(world: World) -> None:
    """Each rule's expression returns, Prometheus itself found no fault with it, and what is recorded is there."""
    groups: list[dict[str, Any]] = world.prometheus.get("rules")["groups"]

    assert {(rule["name"], rule["health"]) for group in groups for rule in group["rules"]} == {
        (rule.get("alert") or rule["record"], "ok") for rule in rules()
    }
    for rule in rules():
        found = world.prometheus.query(rule["expr"])
        assert found or "alert" in rule, rule["record"]


def test_promtool_finds_no_fault_in_the_metrics(world: World) -> None:
    """`promtool check metrics` on what `/metrics` says."""
    done = promtool("check", "metrics", stdin=world.metrics())

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_catalogue_is_what_the_fleet_says(world: World) -> None:
    """Every metric of the catalogue is on `/metrics`, and no other of that prefix."""
    said = {line.split()[2] for line in world.metrics().splitlines() if line.startswith("# TYPE fleet_")}

    assert said == {metric.name for metric in CATALOGUE}
