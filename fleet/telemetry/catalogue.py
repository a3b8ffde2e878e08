"""Every metric of fleet: its name, what kind of number it is, its labels, what it says. The only place for names.

Labels are words from small sets; a lane's is `account/Region/kind`. No job, prefix, bucket, token or message is one.
Dashboards, rules and the README are checked against this list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["CATALOGUE", "Metric", "as_markdown"]

_COMMIT_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_LAG_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
_LATENCY_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SEEN_S: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_JOB_S: Final = (30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200, 86_400)


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue. `buckets` only for a histogram, in the unit of its name."""

    attribute: str
    name: str
    type: Literal["counter", "gauge", "histogram"]
    labels: Sequence[str]
    help: str
    buckets: Sequence[float] = ()


CATALOGUE: Final = tuple(
    Metric(name.removeprefix("fleet_").removesuffix("_total"), name, kind, labels, text, *buckets)  # type: ignore[arg-type]
    for name, kind, labels, text, *buckets in (
        # the work
        ("fleet_jobs", "gauge", ("kind", "state"), "Jobs in the ledger"),
        ("fleet_job_verdicts", "gauge", ("kind", "verdict"), "Verified jobs by how whole their output is"),
        ("fleet_documents", "gauge", ("kind",), "Documents in the outputs of verified jobs"),
        (
            "fleet_failed_documents",
            "gauge",
            ("kind",),
            "Documents that failed or are not in the output",
        ),
        ("fleet_oldest_job_age_seconds", "gauge", ("state",), "Since when the oldest job has been in its state"),
        ("fleet_eta_seconds", "gauge", ("bound",), "Time until all jobs have ended: low, likely, high"),
        ("fleet_manifest_rejected_lines", "gauge", (), "Manifest lines that were rejected"),
        ("fleet_manifest_last_read_timestamp_seconds", "gauge", (), "When a manifest was last read to its end"),
        ("fleet_job_events_total", "counter", ("kind", "event"), "Facts that moved a job"),
        (
            "fleet_job_failures_total",
            "counter",
            ("kind", "cause"),
            "Failures of jobs, by cause",
        ),
        ("fleet_job_duration_seconds", "histogram", ("kind",), "From SubmitTime to EndTime, as AWS tells them", _JOB_S),
        ("fleet_detection_latency_seconds", "histogram", ("kind",), "From AWS's EndTime to our knowing of it", _SEEN_S),
        ("fleet_document_errors_total", "counter", ("kind", "code"), "Failed documents by the output's error code"),
        ("fleet_adoptions_total", "counter", ("kind",), "AWS jobs found under our name and taken on"),
        (
            "fleet_ambiguous_starts_total",
            "counter",
            ("kind",),
            "Starts that AWS may or may not have taken",
        ),
        ("fleet_duplicates_detected_total", "counter", ("kind",), "Live AWS jobs beyond the first under one name"),
        ("fleet_unknown_statuses_total", "counter", ("kind",), "Answers with a JobStatus that fleet does not know"),
        # the lanes
        ("fleet_slots", "gauge", ("lane",), "Jobs that the lane may have active now"),
        ("fleet_slots_quota", "gauge", ("lane",), "Jobs that the lane may have active by its quota"),
        ("fleet_slots_in_use", "gauge", ("lane",), "Jobs of ours that hold a slot"),
        ("fleet_foreign_jobs", "gauge", ("lane",), "Active jobs of other programs"),
        ("fleet_start_rate_per_second", "gauge", ("lane",), "Starts a second that the limiter allows now"),
        ("fleet_start_quota_per_second", "gauge", ("lane",), "Starts a second that the quota allows"),
        ("fleet_lane_paused", "gauge", ("lane",), "1 while the lane starts nothing but a probe now and then"),
        ("fleet_stuck_jobs", "gauge", ("lane",), "Jobs that AWS runs for longer than [track] stuck_after_s"),
        # the replicas
        ("fleet_leases_held", "gauge", (), "Lanes that this replica holds"),
        ("fleet_lease_transitions_total", "counter", ("transition",), "Leases that this replica took or gave up"),
        ("fleet_fenced_writes_total", "counter", (), "Writes refused, for the lane had another holder by then"),
        ("fleet_lanes_without_holder", "gauge", (), "Lanes that no replica holds"),
        ("fleet_replicas", "gauge", (), "Replicas that share the ledger and were seen lately"),
        # the calls
        ("fleet_api_requests_total", "counter", ("operation", "outcome"), "Requests to AWS"),
        ("fleet_api_request_duration_seconds", "histogram", ("operation",), "Time a request to AWS took", _LATENCY_S),
        (
            "fleet_rate_limit_wait_seconds",
            "histogram",
            ("operation",),
            "Wait of a request for its limiter",
            _LATENCY_S,
        ),
        # the process
        ("fleet_build_info", "gauge", ("version",), "1, with the version"),
        ("fleet_config_last_reload_successful", "gauge", (), "1 if the configuration was good when last read"),
        (
            "fleet_config_last_reload_success_timestamp_seconds",
            "gauge",
            (),
            "When a configuration was taken over",
        ),
        ("fleet_credentials_expiry_timestamp_seconds", "gauge", ("target",), "When the credentials end, where they do"),
        (
            "fleet_ledger_commit_duration_seconds",
            "histogram",
            (),
            "Time a durable commit took",
            _COMMIT_S,
        ),
        ("fleet_ledger_size_bytes", "gauge", (), "Size of the ledger with its log"),
        ("fleet_ledger_free_bytes", "gauge", (), "Free space where the ledger is"),
        ("fleet_ledger_writable", "gauge", (), "1 if the last commit worked"),
        ("fleet_last_progress_timestamp_seconds", "gauge", ("stage",), "When a stage last moved"),
        ("fleet_event_loop_lag_seconds", "histogram", (), "How much later than asked the event loop wakes", _LAG_S),
        ("fleet_log_messages_total", "counter", ("level",), "Log messages, also those that were not shown"),
        ("fleet_collector_duration_seconds", "gauge", (), "Time the last look into the ledger took"),
        ("fleet_collector_errors_total", "counter", (), "Looks into the ledger that failed"),
    )
)


def as_markdown() -> str:
    """The catalogue as the README shows it."""
    rows = [
        f"| `{row.name}` | {row.type} | {', '.join(f'`{label}`' for label in row.labels)} | {row.help} |"
        for row in CATALOGUE
    ]
    return "\n".join(["| metric | type | labels | what it says |", "| --- | --- | --- | --- |", *rows]) + "\n"
