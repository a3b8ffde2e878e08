"""The rows of *Fleet* about the jobs: how many, how fast, how many fail, and how whole their outputs are."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from grafana.panels import graph, stack
from grafana.variables import KINDS, PROCESS, taken_once

__all__ = ["add"]

_JOBS: Final = taken_once("fleet_jobs", KINDS, "kind", "state")
_VERDICTS: Final = taken_once("fleet_job_verdicts", KINDS, "kind", "verdict")


def add(builder: Dashboard) -> None:
    """These rows, below what is there."""
    builder.with_row(Row("RED: the jobs"))
    builder.with_panel(
        stack(
            graph(
                "Jobs by state",
                "Every job of the ledger, by its state.",
                (f"sum by (state) ({_JOBS})", "{{state}}"),
                width=12,
            )
        )
    )
    builder.with_panel(
        graph(
            "Time left over time",
            "How the estimate of the time left has moved: it should fall as fast as the clock runs.",
            (f"max by (bound) (fleet_eta_seconds{{{PROCESS}}}) > 0", "{{bound}}"),
            unit="s",
            width=12,
        )
    )
    _rates(builder)
    _outputs(builder)


def _rates(builder: Dashboard) -> None:
    events = 'sum by ({by}) (rate(fleet_job_events_total{{event=~"{event}",{only}}}[$__rate_interval])) * 3600'
    builder.with_panel(
        graph(
            "Jobs verified per hour",
            "How many jobs have come to a verdict, by kind.",
            (events.format(by="kind", event="verified", only=KINDS), "{{kind}}"),
            width=6,
        )
    )
    builder.with_panel(
        graph(
            "Jobs failed and given up per hour",
            "Retried: failed in AWS, with an attempt left. Discarded: given up. Cancelled: at your wish.",
            (events.format(by="event", event="retried|discarded|cancelled", only=KINDS), "{{event}}"),
            width=6,
            alert="FleetJobFailureRatioHigh",
        )
    )
    causes = f"sum by (cause) (rate(fleet_job_failures_total{{{KINDS}}}[$__rate_interval])) * 3600"
    builder.with_panel(
        graph(
            "Failures per hour by cause",
            "Access: the data access role. Input, request: what the manifest asks for. Output: missing or unreadable.",
            (causes, "{{cause}}"),
            width=6,
            alert="FleetJobFailureRatioHigh",
        )
    )
    quantile = "histogram_quantile({q}, sum by (kind, le) (rate(fleet_job_duration_seconds_bucket{{{only}}}[1h])))"
    builder.with_panel(
        graph(
            "How long jobs take in AWS",
            "Median and 95th percentile from SubmitTime to EndTime, of the jobs that ended within an hour.",
            (quantile.format(q=0.5, only=KINDS), "{{kind}} median"),
            (quantile.format(q=0.95, only=KINDS), "{{kind}} 95 %"),
            unit="s",
            width=6,
        )
    )


def _outputs(builder: Dashboard) -> None:
    documents = taken_once("fleet_documents", KINDS, "kind")
    failed = taken_once("fleet_failed_documents", KINDS, "kind")
    builder.with_panel(
        stack(
            graph(
                "Verdicts",
                "Verified jobs by how whole their output is. One missing or unreadable is read again, then given up.",
                (f"sum by (verdict) ({_VERDICTS})", "{{verdict}}"),
                alert="FleetPartialOutput",
            )
        )
    )
    builder.with_panel(
        graph(
            "Documents",
            "Documents in the outputs of verified jobs, and those that failed or are not in the output.",
            (f"sum({documents})", "analysed"),
            (f"sum({failed})", "failed"),
        )
    )
    builder.with_panel(
        graph(
            "Per-document errors per hour",
            "Documents that Comprehend could not analyse, by the error code in the output.",
            (f"sum by (code) (rate(fleet_document_errors_total{{{KINDS}}}[$__rate_interval])) * 3600", "{{code}}"),
        )
    )
