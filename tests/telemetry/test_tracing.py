"""Tracing: spans of stages and AWS calls against the real sandbox, and nothing of what was asked or answered."""

import random
import subprocess
import sys
from collections.abc import Iterator

import anyio
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from fleet.core.job import State
from fleet.stages.loop import run
from fleet.stages.progress import Progress
from fleet.telemetry.tracing import endpoint_of, span, start_tracing
from tests.conftest import ROLE, Rig

PASSES = 3


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    """Where spans go while a test runs; they are there once tracing has been stopped, at the latest."""
    exporter = InMemorySpanExporter()
    stop = start_tracing(None, exporter=exporter)
    exporter.stop = stop  # type: ignore[attr-defined]
    yield exporter
    stop()


class Passes:
    """A stage of the rig, run by the real loop for some passes."""

    def __init__(self, rig: Rig, name: str, stopping: anyio.Event) -> None:
        self._rig = rig
        self._word = name
        self._stopping = stopping
        self._left = PASSES
        self.name = f"{name} {rig.calls.lane}"

    async def tick(self, now: float) -> float:
        self._left -= 1
        if not self._left:
            self._stopping.set()
        return await self._rig.tick(self._word)

    async def wait(self) -> None:
        await anyio.sleep_forever()


async def work(rig: Rig, stage: str) -> None:
    """Some passes of this stage."""
    stopping = anyio.Event()
    passes = Passes(rig, stage, stopping)
    await run(passes, clock=rig.clock, stopping=stopping, wake=passes, rng=random.Random(1), progress=Progress())


async def spans(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    await anyio.to_thread.run_sync(exporter.stop)  # type: ignore[attr-defined]
    return list(exporter.get_finished_spans())


async def test_each_call_to_aws_is_a_span_in_that_of_its_pass(rig: Rig, exported: InMemorySpanExporter) -> None:
    """`fleet.submit` of a lane holds `Comprehend.StartEntitiesDetectionJob`, with AWS's request id and status."""
    await rig.plan("secret-prefix/")

    await work(rig, "submit")

    found = await spans(exported)
    passes = [span for span in found if span.name == "fleet.submit"]
    (start,) = [span for span in found if span.name == "Comprehend.StartEntitiesDetectionJob"]
    assert len(passes) == PASSES
    assert passes[0].attributes == {"lane": str(rig.calls.lane)}
    assert start.parent is not None
    assert start.parent.span_id in {span.context.span_id for span in passes}
    assert start.attributes is not None
    assert start.attributes["http.status_code"] == 200
    assert start.attributes["aws.request_id"]
    assert [job.state for job in await rig.jobs()] == [State.RUNNING]


async def test_no_payload_is_in_a_span(rig: Rig, exported: InMemorySpanExporter) -> None:
    """No prefix, role, token, document or text of an error: also where AWS refuses, and where it does not answer."""
    job, *_ = await rig.plan("secret-prefix/", "other/")
    await work(rig, "submit")
    await rig.complete()
    await work(rig, "track")
    await work(rig, "verify")

    found = await spans(exported)
    told = "".join(span.to_json() for span in found)
    assert {"fleet.submit", "fleet.track", "fleet.verify"} <= {span.name for span in found}
    for secret in ("secret-prefix", ROLE, job.key, "Anna Smith", "corpus-in"):
        assert secret not in told


async def test_why_a_span_failed_is_not_told(exported: InMemorySpanExporter) -> None:
    """AWS quotes requests in its errors: the span says that it failed, and no more."""
    with pytest.raises(ValueError, match="canary"), span("fleet.submit", lane="a"):
        raise ValueError("the canary in an error")

    (failed,) = await spans(exported)
    assert failed.status.status_code is StatusCode.ERROR
    assert "canary" not in failed.to_json()


def test_tracing_is_off_where_nothing_is_said() -> None:
    """No endpoint: no span, and OpenTelemetry is not even imported."""
    code = (
        "import sys; from fleet.telemetry.tracing import span, start_tracing; stop = start_tracing(None)\n"
        "with span('fleet.submit', lane='a'): pass\n"
        "stop(); sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("setting", "environment", "endpoint"),
    [
        (None, {}, None),
        ("http://collector:4318/", {}, "http://collector:4318/v1/traces"),
        (None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318"}, "http://a:4318/v1/traces"),
        (None, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a:4318/own"}, "http://a:4318/own"),
        ("http://b:4318", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a:4318/own"}, "http://b:4318/v1/traces"),
        ("http://b:4318", {"OTEL_SDK_DISABLED": "true"}, None),
    ],
)
def test_where_spans_go(setting: str | None, environment: dict[str, str], endpoint: str | None) -> None:
    """The setting, or the standard variables; OTEL_SDK_DISABLED switches all of it off."""
    assert endpoint_of(setting, environment) == endpoint
