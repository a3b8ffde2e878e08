"""The dashboard *Fleet internals*: why it is as it is: calls to AWS, tracking, limiter, ledger, process, replicas."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from grafana import replicas, resources
from grafana.panels import Levels, figure, frame, graph
from grafana.variables import (
    KINDS,
    LANES,
    PROCESS,
    common_variables,
    lane_variable,
    mark_events,
    operation_variable,
    quantiles,
    taken_once,
)

__all__ = ["dashboard"]

_OPERATIONS: Final = f'operation=~"$operation",{PROCESS}'
_STAGES: Final = f'stage!~"reconcile.*",{PROCESS}'  # a lane is reconciled once, and that stage ends
_REQUESTS: Final = "sum by (operation) (rate(fleet_api_requests_total{{{only}}}[$__rate_interval]))"
_GOOD: Final[Levels] = ((None, "red"), (1, "green"))
_WRONG: Final[Levels] = ((None, "green"), (1, "orange"))


def dashboard() -> Dashboard:
    """The whole dashboard, top to bottom."""
    about = "The causes: calls to AWS, tracking, limiter, ledger, process and replicas. The work itself is in Fleet."
    variables = (*common_variables(), lane_variable(), operation_variable())
    builder = frame("Fleet internals", "fleet-internals", about, variables)
    mark_events(builder)
    _answer(builder)
    _calls(builder)
    _tracking(builder)
    resources.add(builder)
    replicas.add(builder)
    return builder


def _answer(builder: Dashboard) -> None:
    builder.with_row(Row("Is it all right?"))
    builder.with_panel(
        figure(
            "Version",
            "The version of each process; more than one only while a new one is rolled out.",
            (f"count by (version) (fleet_build_info{{{PROCESS}}})", "{{version}}"),
        )
    )
    builder.with_panel(
        figure(
            "Running since",
            "When the youngest process began.",
            (f"max(process_start_time_seconds{{{PROCESS}}}) * 1000", ""),
            unit="dateTimeFromNow",
            alert="FleetDown",
        )
    )
    builder.with_panel(
        figure(
            "Ledger writable",
            "Whether the last commit worked; without it nothing is started.",
            (f"min(fleet_ledger_writable{{{PROCESS}}})", ""),
            unit="bool_yes_no",
            levels=_GOOD,
            alert="FleetLedgerUnwritable",
        )
    )
    builder.with_panel(
        figure(
            "Configuration good",
            "Whether the configuration was good when it was last read.",
            (f"min(fleet_config_last_reload_successful{{{PROCESS}}})", ""),
            unit="bool_yes_no",
            levels=_GOOD,
            alert="FleetConfigReloadFailed",
        )
    )
    builder.with_panel(
        figure(
            "Credentials end in",
            "Until the first of the targets' AWS credentials expire; none where they do not, or are not used yet.",
            (f"min((fleet_credentials_expiry_timestamp_seconds{{{PROCESS}}} > 0) - time())", ""),
            unit="s",
            levels=((None, "red"), (300, "green")),
            none="never",
            alert="FleetCredentialsExpiring",
        )
    )
    builder.with_panel(
        figure(
            "Longest without progress",
            "How long ago the stage last moved that has not moved for the longest time.",
            (f"max(time() - max by (stage) (fleet_last_progress_timestamp_seconds{{{_STAGES}}} > 0))", ""),
            unit="s",
            none="no stage",
            alert="FleetNotMakingProgress",
        )
    )
    _oddities(builder)


def _oddities(builder: Dashboard) -> None:
    def counted(title: str, description: str, metric: str, only: str, alert: str | None = None) -> None:
        query = (f"sum(increase({metric}{{{only}}}[$__range]))", "")
        builder.with_panel(figure(title, description, query, decimals=0, levels=_WRONG, alert=alert))

    counted(
        "Ambiguous Starts",
        "Starts of which nobody could tell whether AWS took them; each is looked up in AWS before it is sent again.",
        "fleet_ambiguous_starts_total",
        KINDS,
    )
    counted(
        "Adoptions",
        "AWS jobs found under fleet's names and taken on: after a lost answer, a crash or a lost ledger.",
        "fleet_adoptions_total",
        KINDS,
    )
    counted(
        "Duplicates detected",
        "AWS jobs beyond the first for one job of the ledger. Must stay 0.",
        "fleet_duplicates_detected_total",
        KINDS,
        "FleetDuplicateDetected",
    )
    counted(
        "Unknown statuses",
        "Answers with a JobStatus that fleet does not know: AWS has changed something.",
        "fleet_unknown_statuses_total",
        KINDS,
    )
    counted(
        "Failed looks into the ledger",
        "Where the numbers of the ledger could not be read, so that they are those of the last good look.",
        "fleet_collector_errors_total",
        PROCESS,
    )
    builder.with_panel(
        figure(
            "Manifest last read",
            "When a manifest was last read to its end.",
            (f"max(fleet_manifest_last_read_timestamp_seconds{{{PROCESS}}} > 0) * 1000", ""),
            unit="dateTimeFromNow",
            none="not yet",
        )
    )


def _calls(builder: Dashboard) -> None:
    builder.with_row(Row("RED: calls to AWS"))
    builder.with_panel(
        graph(
            "Requests",
            "Requests sent to Comprehend a second, by operation.",
            (_REQUESTS.format(only=_OPERATIONS), "{{operation}}"),
            unit="reqps",
        )
    )
    errors = (
        f'sum by (operation, outcome) (rate(fleet_api_requests_total{{outcome!="ok",{_OPERATIONS}}}[$__rate_interval]))'
    )
    builder.with_panel(
        graph(
            "Errors",
            "Requests that did not get what they asked for, by operation and outcome.",
            (f"{errors} > 0", "{{operation}} {{outcome}}"),
            unit="reqps",
        )
    )
    builder.with_panel(
        graph(
            "Duration",
            "Time that requests took: median and 99th percentile, by operation. The wait for the limiter is not in it.",
            *quantiles("fleet_api_request_duration_seconds", _OPERATIONS, "operation"),
            unit="s",
        )
    )


def _tracking(builder: Dashboard) -> None:
    builder.with_row(Row("The jobs' way through the stages"))
    builder.with_panel(
        graph(
            "Detection latency",
            "From AWS's EndTime to fleet's knowing of it, by kind: as long as this a slot stands empty.",
            *quantiles("fleet_detection_latency_seconds", KINDS, "kind", "1h"),
            unit="s",
        )
    )
    builder.with_panel(
        graph(
            "Events per minute",
            "The facts that moved jobs: claimed, accepted, finished, verified, and what came in between.",
            (f"sum by (event) (rate(fleet_job_events_total{{{KINDS}}}[$__rate_interval])) * 60 > 0", "{{event}}"),
        )
    )
    builder.with_panel(
        graph(
            "Since each stage last moved",
            "Since each stage began or ended a tick. Idle stages look in now and then; one that only rises hangs.",
            (f"time() - max by (stage) (fleet_last_progress_timestamp_seconds{{{_STAGES}}} > 0)", "{{stage}}"),
            unit="s",
            alert="FleetNotMakingProgress",
        )
    )
    builder.with_panel(
        graph(
            "Adoptions and ambiguous Starts per hour",
            "Answers that were lost, and AWS jobs that were found and taken on: the second follows the first.",
            (f"sum(rate(fleet_ambiguous_starts_total{{{KINDS}}}[$__rate_interval])) * 3600", "ambiguous"),
            (f"sum(rate(fleet_adoptions_total{{{KINDS}}}[$__rate_interval])) * 3600", "adopted"),
        )
    )
    builder.with_panel(
        graph(
            "Stuck jobs by lane",
            "Jobs that AWS has been running for longer than [track] stuck_after_s.",
            (taken_once("fleet_stuck_jobs", LANES, "lane"), "{{lane}}"),
            alert="FleetStuckJobs",
        )
    )
    builder.with_panel(
        graph(
            "Log messages per minute",
            "By level. Warnings are trouble that fleet lives with; errors want a look.",
            (f"sum by (level) (rate(fleet_log_messages_total{{{PROCESS}}}[$__rate_interval])) * 60", "{{level}}"),
        )
    )
