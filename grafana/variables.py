"""What a reader can narrow a dashboard to, and how a query says so."""

from collections.abc import Iterator
from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard, QueryVariable

from grafana.panels import marked, query_variable

__all__ = [
    "KINDS",
    "LANES",
    "PROCESS",
    "common_variables",
    "lane_variable",
    "mark_events",
    "operation_variable",
    "quantiles",
    "taken_once",
    "throttled",
]

PROCESS: Final = 'job=~"$job",instance=~"$instance"'
"""Selects the chosen processes."""

KINDS: Final = f'kind=~"$kind",{PROCESS}'
"""The same, and the chosen kinds."""

LANES: Final = f'lane=~"$lane",lane=~".*/$kind",{PROCESS}'
"""The same for what is told by lane, whose name ends in its kind."""


def taken_once(metric: str, only: str, *labels: str) -> str:
    """What the ledger or AWS says is the same in every process of one job, so that it must not be added up."""
    return f"max by (job, {', '.join(labels)}) ({metric}{{{only}}})"


def throttled(only: str, window: str, *labels: str) -> str:
    """The part of the requests that AWS refused for their rate or for the slots; nothing where there were none."""
    by = f" by ({', '.join(labels)})" if labels else ""
    refused, asked = (
        f"sum{by} (rate(fleet_api_requests_total{{{which}}}[{window}]))"
        for which in (f'outcome="throttled",{only}', only)
    )
    return f"{refused} / ({asked} > 0)"


def quantiles(metric: str, only: str, by: str = "", window: str = "$__rate_interval") -> tuple[tuple[str, str], ...]:
    """The median and the 99th percentile of a histogram, for each value of the label `by`."""
    labels = f"{by}, le" if by else "le"
    name = f"{{{{{by}}}}} " if by else ""
    buckets = f"sum by ({labels}) (rate({metric}_bucket{{{only}}}[{window}]))"
    return tuple(
        (f"histogram_quantile({q}, {buckets})", f"{name}{said}") for q, said in ((0.5, "median"), (0.99, "99 %"))
    )


def common_variables() -> Iterator[QueryVariable]:
    """Which fleets, which processes, which kinds."""
    yield query_variable("job", "Job", "Prometheus' name for a fleet", "label_values(fleet_build_info, job)")
    yield query_variable(
        "instance", "Instance", "A process of that fleet", 'label_values(fleet_build_info{job=~"$job"}, instance)'
    )
    yield query_variable("kind", "Kind", "Which Comprehend analysis", f"label_values(fleet_jobs{{{PROCESS}}}, kind)")


def mark_events(builder: Dashboard) -> None:
    """Fleet's alerts and the restarts of its processes, across all graphs of the dashboard."""
    marked(builder, "Fleet's alerts", "red", 'ALERTS{alertname=~"Fleet.*",alertstate="firing",job=~"$job"}')
    marked(builder, "Restarts", "blue", f"changes(process_start_time_seconds{{{PROCESS}}}[$__rate_interval]) > 0")


def lane_variable() -> QueryVariable:
    """Which lanes: account/Region/kind."""
    asked = f'label_values(fleet_slots_quota{{lane=~".*/$kind",{PROCESS}}}, lane)'
    return query_variable("lane", "Lane", "One account and Region and kind: what owns its quotas", asked)


def operation_variable() -> QueryVariable:
    """Which operations of AWS."""
    asked = f"label_values(fleet_api_requests_total{{{PROCESS}}}, operation)"
    return query_variable("operation", "Operation", "Which operation of Amazon Comprehend", asked)
