"""The metrics of one process, in a registry of their own, with every known label at 0 from the start."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any, Final

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from fleet.core.failures import Cause, cause_of
from fleet.core.job import ENDED, Event, Job, State, Verdict
from fleet.core.kinds import KINDS
from fleet.telemetry.catalogue import CATALOGUE
from fleet.telemetry.feed import Feed

__all__ = ["CallSeries", "Telemetry"]

disable_created_metrics()  # type: ignore[no-untyped-call] # else every counter is exported twice

_QUIET: Final = frozenset({Event.CLAIMED, Event.ACCEPTED, Event.SNOOZED, Event.FINISHED})
_FAILED: Final = frozenset({Event.RETRIED, Event.DISCARDED})
_KNOWN: Final[dict[str, Iterable[str]]] = {
    "kind": tuple(KINDS),
    "state": tuple(State),
    "event": tuple(Event),
    "verdict": tuple(Verdict),
    "cause": tuple(Cause),
    "transition": ("taken", "handed_over", "lost", "stepped_down"),
    "level": ("debug", "info", "warning", "error", "critical"),
    "bound": ("low", "likely", "high"),
    # what Comprehend documents for text (facts sheet, 4.4); codes come from outputs, so all others are one
    "code": ("DOCUMENT_SIZE_EXCEEDED", "UNSUPPORTED_ENCODING", "other"),
}
"""The labels whose every value is known beforehand, so that a rate over them is right from the first scrape on."""

_OUTCOMES: Final = ("ok", "throttled", "denied", "rejected", "lost", "unavailable", "ambiguous")

log = structlog.get_logger()


class Telemetry:
    """All metrics of `CATALOGUE`, each under its name without `fleet_` and `_total`."""

    jobs: Gauge
    job_verdicts: Gauge
    documents: Gauge
    failed_documents: Gauge
    oldest_job_age_seconds: Gauge
    eta_seconds: Gauge
    manifest_rejected_lines: Gauge
    manifest_last_read_timestamp_seconds: Gauge
    job_events: Counter
    job_failures: Counter
    job_duration_seconds: Histogram
    detection_latency_seconds: Histogram
    document_errors: Counter
    adoptions: Counter
    ambiguous_starts: Counter
    duplicates_detected: Counter
    unknown_statuses: Counter
    slots: Gauge
    slots_quota: Gauge
    slots_in_use: Gauge
    foreign_jobs: Gauge
    start_rate_per_second: Gauge
    start_quota_per_second: Gauge
    lane_paused: Gauge
    stuck_jobs: Gauge
    leases_held: Gauge
    lease_transitions: Counter
    fenced_writes: Counter
    lanes_without_holder: Gauge
    replicas: Gauge
    api_requests: Counter
    api_request_duration_seconds: Histogram
    rate_limit_wait_seconds: Histogram
    build_info: Gauge
    config_last_reload_successful: Gauge
    config_last_reload_success_timestamp_seconds: Gauge
    credentials_expiry_timestamp_seconds: Gauge
    ledger_commit_duration_seconds: Histogram
    ledger_size_bytes: Gauge
    ledger_free_bytes: Gauge
    ledger_writable: Gauge
    last_progress_timestamp_seconds: Gauge
    event_loop_lag_seconds: Histogram
    log_messages: Counter
    collector_duration_seconds: Gauge
    collector_errors: Counter

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.feed = Feed()
        for row in CATALOGUE:
            common: dict[str, Any] = {"labelnames": row.labels, "registry": self.registry}
            metric: Counter | Gauge | Histogram
            if row.type == "histogram":
                metric = Histogram(row.name, row.help, buckets=row.buckets, **common)
            else:
                metric = (Counter if row.type == "counter" else Gauge)(row.name, row.help, **common)
            setattr(self, row.attribute, metric)
            if row.labels and all(label in _KNOWN for label in row.labels):
                for values in product(*(_KNOWN[label] for label in row.labels)):
                    metric.labels(*values)

    def export_process(self) -> None:
        """The registry tells of the process and its Python too: CPU, memory, file descriptors, garbage."""
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def may_call(self, operation: str) -> "CallSeries":
        """This operation of AWS may be called: all its series are there, at 0, before the first call."""
        return CallSeries(self, operation)

    def documents_failed(self, kind: str, codes: Mapping[str, int]) -> None:
        """An output that was read names so many documents by ErrorCode that were not analysed."""
        for code, documents in codes.items():
            self.document_errors.labels(kind, code if code in _KNOWN["code"] else "other").inc(documents)

    def api_counts(self) -> Iterator[tuple[str, str, int]]:
        """Requests so far: (operation, outcome, count)."""
        for metric in self.api_requests.collect():
            for sample in metric.samples:
                yield sample.labels["operation"], sample.labels["outcome"], int(sample.value)

    def moved(self, job: Job, event: Event, *, cause: Cause | None = None, **fields: Any) -> None:
        """Count the event, and log it with the job's identity. What every job goes through is logged at DEBUG.

        A failure counts for its cause; where none is given, for what the job's reason begins with.
        """
        kind = job.lane.kind
        self.job_events.labels(kind, event).inc()
        if event in _FAILED:
            self.job_failures.labels(kind, cause or cause_of(job.reason)).inc()
        if event is Event.FINISHED and job.ended_at is not None:
            self.detection_latency_seconds.labels(kind).observe(max(0.0, job.updated_at - job.ended_at))
            if job.submitted_at is not None:
                self.job_duration_seconds.labels(kind).observe(max(0.0, job.ended_at - job.submitted_at))
        if self.feed:
            self.feed.tell(
                {"at": job.updated_at, "event": event, "key": job.key, "kind": kind, "state": job.state}
                | {"attempt": job.attempt, "prefix": job.prefix, **fields}
            )
        emit = log.debug if event in _QUIET else log.info
        told = _canonical(job) if job.state in ENDED else {"attempt": job.attempt} | fields
        emit(f"job.{event}", key=job.key, kind=kind, **told)


class CallSeries:
    """The series of one operation of AWS, looked up once: by its labels it would be three times a call."""

    def __init__(self, telemetry: Telemetry, operation: str) -> None:
        self._requests = {outcome: telemetry.api_requests.labels(operation, outcome) for outcome in _OUTCOMES}
        self._took = telemetry.api_request_duration_seconds.labels(operation)
        self._waited = telemetry.rate_limit_wait_seconds.labels(operation)

    def granted(self, waited_s: float) -> None:
        """The limiter let a call leave after this wait."""
        self._waited.observe(waited_s)

    def ended(self, outcome: str, took_s: float) -> None:
        """A call was answered, failed or was given up after this time."""
        self._requests[outcome].inc()
        self._took.observe(took_s)


def _canonical(job: Job) -> dict[str, Any]:
    """All that one line can tell of a job that has ended. No prefix: names of objects may hold personal data."""
    known = job.submitted_at is not None and job.ended_at is not None
    told = {
        "attempts": job.attempt,
        "waits": job.snoozes,
        "ran_s": round((job.ended_at or 0.0) - (job.submitted_at or 0.0), 1) if known else None,
        "settled_s": round(job.updated_at - job.ended_at, 1) if job.ended_at is not None else None,
        "verdict": job.verdict,
        "documents": job.documents,
        "failed_documents": job.failed_documents or None,
        "remote_id": job.remote_id,
        "reason": job.reason,
    }
    return {name: value for name, value in told.items() if value is not None}
