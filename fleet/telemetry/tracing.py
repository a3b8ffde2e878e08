"""Optional OpenTelemetry: a span for every pass of a stage and every call to AWS, sent by OTLP over HTTP.

Off unless a setting or the standard `OTEL_EXPORTER_OTLP_...` variables name an endpoint, and then it needs the extra
`otel`. Spans carry names, Regions, request ids and status codes: no request, no answer, no text of an error.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from fleet import __version__
from fleet.core.errors import Misconfigured

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

__all__ = ["endpoint_of", "span", "start_tracing"]

_EXPORT_S: Final = 5.0
_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

_tracer: "Tracer | None" = None


def endpoint_of(setting: str | None, environment: Mapping[str, str]) -> str | None:
    """Where spans go, as a URL; None for nowhere. OTEL_SDK_DISABLED=true beats the setting, and that the variables."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    whole, base = (environment.get(name) for name in _VARIABLES)
    if setting is None and whole:
        return whole
    root = setting or base
    return f"{root.rstrip('/')}/v1/traces" if root else None


def span(name: str, **attributes: str) -> AbstractContextManager[object]:
    """A span around the block, the parent of all calls to AWS in it; nothing while tracing is off."""
    if _tracer is None:
        return nullcontext()
    return _tracer.start_as_current_span(name, attributes=attributes, record_exception=False)


def start_tracing(endpoint: str | None, *, exporter: "SpanExporter | None" = None) -> Callable[[], None]:
    """Spans go to the endpoint, or to the exporter, from now on; what is returned sends the last ones and ends it.

    With neither nothing happens. `Misconfigured` where the extra is not installed.
    """
    if endpoint is None and exporter is None:
        return lambda: None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.botocore import AiobotocoreInstrumentor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import SpanLimits, TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise Misconfigured(
            f"telemetry.otlp_endpoint: {error.name} is missing; install the extra: pip install 'comprehend-fleet[otel]'"
        ) from None
    global _tracer
    provider = TracerProvider(
        resource=Resource.create({"service.name": "fleet", "service.version": __version__}),
        span_limits=SpanLimits(max_events=0, max_links=0),  # events hold the text of errors
    )
    sink = exporter or OTLPSpanExporter(endpoint=endpoint, timeout=_EXPORT_S)
    provider.add_span_processor(BatchSpanProcessor(_discreet(sink)))
    instrumentor: Any = AiobotocoreInstrumentor()  # type: ignore[no-untyped-call]
    instrumentor.instrument(tracer_provider=provider)
    _tracer = provider.get_tracer("fleet", __version__)

    def stop() -> None:
        global _tracer
        _tracer = None
        instrumentor.uninstrument()
        provider.shutdown()

    return stop


def _discreet(exporter: "SpanExporter") -> "SpanExporter":
    """The exporter, which never sees why a span failed: AWS quotes requests in its errors."""
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Status

    class Discreet(SpanExporter):
        def export(self, spans: Any) -> Any:
            return exporter.export([quiet(found) for found in spans])

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    def quiet(found: ReadableSpan) -> ReadableSpan:
        return ReadableSpan(
            name=found.name,
            context=found.context,
            parent=found.parent,
            resource=found.resource,
            attributes=found.attributes,
            kind=found.kind,
            status=Status(found.status.status_code),
            start_time=found.start_time,
            end_time=found.end_time,
            instrumentation_scope=found.instrumentation_scope,
        )

    return Discreet()
