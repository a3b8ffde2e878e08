"""All metric names and all log set-up, in one place. One event has one name: in the log, the metrics and the ledger."""

import logging
import sys
from collections.abc import Iterator
from typing import Any, Final, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from fleet.core.job import Event, Job

__all__ = ["Telemetry", "set_up_logs"]

disable_created_metrics()  # type: ignore[no-untyped-call] # else every counter is exported twice

_LATENCY_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_QUIET: Final = frozenset({Event.CLAIMED, Event.ACCEPTED, Event.SNOOZED, Event.FINISHED})

log = structlog.get_logger()


class Telemetry:
    """The metrics of one process, in a registry of their own. Labels are words from small sets, never names of jobs."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.job_events = Counter(
            "fleet_job_events_total", "Facts that moved a job", ["kind", "event"], registry=self.registry
        )
        self.api_requests = Counter(
            "fleet_api_requests_total", "Requests to AWS", ["operation", "outcome"], registry=self.registry
        )
        self.api_request_duration = Histogram(
            "fleet_api_request_duration_seconds",
            "Time a request to AWS took",
            ["operation"],
            buckets=_LATENCY_S,
            registry=self.registry,
        )

    def api_counts(self) -> Iterator[tuple[str, str, int]]:
        """Requests so far: (operation, outcome, count)."""
        for metric in self.api_requests.collect():
            for sample in metric.samples:
                yield sample.labels["operation"], sample.labels["outcome"], int(sample.value)

    def moved(self, job: Job, event: Event, **fields: Any) -> None:
        """Count the event, and log it with the job's identity. What every job goes through is logged at DEBUG."""
        self.job_events.labels(job.lane.kind, event).inc()
        emit = log.debug if event in _QUIET else log.info
        emit(f"job.{event}", key=job.key, kind=job.lane.kind, attempt=job.attempt, prefix=job.prefix, **fields)


def set_up_logs(*, level: str = "info", json: bool | None = None, stream: TextIO | None = None) -> None:
    """Log to `stream` (standard error): for people on a terminal, else one JSON object a line. No locals, ever."""
    out = stream or sys.stderr
    as_json = not out.isatty() if json is None else json
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    renderers: list[Any] = (
        [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
