"""Dashboards and rules speak of the metrics that fleet has, with the labels that they have; and of all of them."""

import re
from collections.abc import Iterable, Iterator

import pytest

from fleet.telemetry import CATALOGUE
from tests.grafana.rooms import Asked, dashboards, queries, rules

NOT_SHOWN = {
    "fleet_config_last_reload_success_timestamp_seconds": "whether it is good is shown; since when matters to nobody",
}
"""Metrics of the catalogue that are deliberately on no panel, with the reason."""

OF_PROMETHEUS = {"job", "instance", "namespace"}
OTHERS = {
    "up": set(),
    "ALERTS": {"alertname", "alertstate", "severity"},
    "process_cpu_seconds_total": set(),
    "process_max_fds": set(),
    "process_open_fds": set(),
    "process_resident_memory_bytes": set(),
    "process_start_time_seconds": set(),
}
"""Metrics that are not fleet's own, with their labels."""

SUFFIXES = ("_bucket", "_sum", "_count")
NAME = re.compile(r"\b(?:[a-z_]+:)?(?:fleet|process|python)_\w+(?::\w+)?\b|\bup\b|\bALERTS\b")
SELECTOR = re.compile(rf"(?P<name>{NAME.pattern})\{{(?P<matchers>[^}}]*)\}}")
MATCHER = re.compile(r"(\w+)(?:=~|!~|!=|=)")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring) ?\(([^)]*)\)")
MADE = re.compile(r"label_replace\(.*?, \"(\w+)\"", re.DOTALL)
LEGEND = re.compile(r"\{\{ ?(?:\$labels\.)?(\w+) ?\}\}")


def labels_of() -> dict[str, set[str]]:
    """The labels of every metric that an expression may name, those of the recorded ones too."""
    known = dict(OTHERS)
    for metric in CATALOGUE:
        known[metric.name] = set(metric.labels)
        if metric.type == "histogram":
            known |= {f"{metric.name}{suffix}": {*metric.labels} for suffix in SUFFIXES}
            known[f"{metric.name}_bucket"].add("le")
    for rule in (rule for rule in rules() if "record" in rule):
        level = rule["record"].split(":")[0]
        known[rule["record"]] = set(level.split("_"))
    return known


KNOWN = labels_of()


def names(expression: str) -> set[str]:
    """The metrics that an expression names: what stands in quotes and in brackets of labels is none."""
    bare = re.sub(r'"[^"]*"', "", expression)
    return set(NAME.findall(GROUPING.sub("", bare)))


def spoken_of(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each label that the expression uses, with those that there are at that place."""
    for found in SELECTOR.finditer(expression):
        for label in MATCHER.findall(re.sub(r'"[^"]*"', "", found["matchers"])):
            yield label, KNOWN[found["name"]] | OF_PROMETHEUS
    every = set().union(*(KNOWN[name] for name in names(expression))) | OF_PROMETHEUS | set(MADE.findall(expression))
    for grouping in GROUPING.findall(expression):
        for label in filter(None, re.split(r",\s*", grouping)):
            yield label, every


def expressions() -> Iterator[Asked]:
    """Everything that dashboards and rules ask, and the queries behind the variables."""
    yield from queries()
    for rule in rules():
        yield Asked(where=rule.get("alert") or rule["record"], expression=rule["expr"])
    for uid, dashboard in dashboards().items():
        for variable in (one for one in dashboard["templating"]["list"] if one["type"] == "query"):
            series, _, label = (
                variable["query"]["query"].removeprefix("label_values(").removesuffix(")").rpartition(", ")
            )
            yield Asked(where=f"{uid}: ${variable['name']}", expression=f"sum by ({label}) ({series})")


def unknown(found: Iterable[Asked]) -> set[tuple[str, str]]:
    """Where a metric is named that is not known, and which."""
    return {(asked.where, name) for asked in found for name in names(asked.expression) if name not in KNOWN}


def test_every_metric_named_is_in_the_catalogue() -> None:
    """A renamed metric is found here before a panel stays empty."""
    assert not unknown(expressions())


def test_a_misspelt_metric_would_be_found() -> None:
    """The check sees the name of a counter, of a histogram's part and of a recorded series."""
    wrong = ("rate(fleet_job_event_total[5m])", "fleet_job_duration_seconds_buckets", "job:fleet_jobs_end:ratio > 0")

    assert len(unknown(Asked(where=text, expression=text) for text in wrong)) == len(wrong)


def test_every_label_used_is_one_that_the_metric_has() -> None:
    """In selectors, in groupings and in the queries behind variables."""
    wrong = [
        (asked.where, label)
        for asked in expressions()
        for label, there in spoken_of(asked.expression)
        if label not in there
    ]

    assert not wrong


def test_every_label_in_a_legend_is_kept_by_its_query() -> None:
    """What a legend names is among the labels that the expression groups by, or that its metric has."""
    for dashboard in dashboards().values():
        for target in (target for panel in dashboard["panels"] for target in panel.get("targets", [])):
            grouped = {label for found in GROUPING.findall(target["expr"]) for label in re.split(r",\s*", found)}
            kept = grouped or set().union(*(KNOWN[name] for name in names(target["expr"]))) | OF_PROMETHEUS

            assert set(LEGEND.findall(target["legendFormat"])) <= kept, target


def test_every_label_in_a_text_of_an_alert_is_kept_by_its_expression() -> None:
    """`$labels.kind` says something only where the expression keeps the label."""
    for rule in (rule for rule in rules() if "alert" in rule):
        grouped = {label for found in GROUPING.findall(rule["expr"]) for label in re.split(r",\s*", found)}
        kept = grouped.union(*(KNOWN[name] for name in names(rule["expr"]) if ":" in name)) | OF_PROMETHEUS
        named = {label for text in rule["annotations"].values() for label in re.findall(r"\$labels\.(\w+)", text)}

        assert named <= kept, rule["alert"]


def test_every_metric_is_shown_or_left_out_on_purpose() -> None:
    """Each row of the catalogue is on some panel, or listed here with the reason why not."""
    shown = set().union(*(names(asked.expression) for asked in queries()))
    bare = {name.removesuffix(suffix) for name in shown for suffix in ("", *SUFFIXES)}
    missing = {metric.name for metric in CATALOGUE} - bare

    assert missing == set(NOT_SHOWN)


@pytest.mark.parametrize("name", sorted(NOT_SHOWN))
def test_what_is_not_shown_exists(name: str) -> None:
    """The list names no metric that is gone."""
    assert name in KNOWN
