"""The status API as an OpenAPI 3.1 document."""

from functools import lru_cache
from typing import Any, Final

from fleet import __version__
from fleet.core.job import Event, State, Verdict
from fleet.core.kinds import KINDS

__all__ = ["document"]

_NUMBER: Final = {"type": "number"}
_WHOLE: Final = {"type": "integer"}
_TEXT: Final = {"type": "string"}
_TRUTH: Final = {"type": "boolean"}


def _maybe(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(words: Any) -> dict[str, Any]:
    return {"type": "string", "enum": [str(word) for word in words]}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _counts(words: Any) -> dict[str, Any]:
    return _object(**{str(word): _WHOLE for word in words})


_JOB: Final = {
    "key": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "lane": _TEXT,
    "kind": _one_of(KINDS),
    "target": _TEXT,
    "prefix": _TEXT,
    "label": _maybe(_TEXT),
    "state": _one_of(State),
    "attempt": _WHOLE,
    "snoozes": _WHOLE,
    "due_at": _NUMBER,
    "cancel_requested": _TRUTH,
    "remote_id": _maybe(_TEXT),
    "output_uri": _maybe(_TEXT),
    "submitted_at": _maybe(_NUMBER),
    "ended_at": _maybe(_NUMBER),
    "verdict": _maybe(_one_of(Verdict)),
    "documents": _maybe(_WHOLE),
    "failed_documents": _maybe(_WHOLE),
    "reason": _maybe(_TEXT),
    "updated_at": _NUMBER,
    "size_bytes": _maybe(_WHOLE),
}
_RECORDED: Final = _object(at=_NUMBER, event=_one_of(Event), attempt=_WHOLE, detail={"type": "object"})
_LANE: Final = _object(
    lane=_TEXT,
    holder=_maybe(_TEXT),
    states=_counts(State),
    slots=_maybe(_WHOLE),
    slots_quota=_WHOLE,
    in_flight=_WHOLE,
    foreign=_maybe(_WHOLE),
    start_rate_per_s=_maybe(_NUMBER),
    start_quota_per_s=_NUMBER,
    stuck=_maybe(_WHOLE),
    paused=_maybe(_object(reason=_TEXT, since=_NUMBER)),
)
_REPLICA: Final = _object(
    name=_TEXT,
    host=_TEXT,
    pid=_WHOLE,
    version=_TEXT,
    started_at=_NUMBER,
    seen_s=_NUMBER,
    leases={"type": "array", "items": _TEXT},
)
_STATUS: Final = _object(
    at=_NUMBER,
    version=_TEXT,
    healthy=_TRUTH,
    problems={"type": "array", "items": _TEXT},
    jobs=_WHOLE,
    done=_WHOLE,
    states=_counts(State),
    kinds={"type": "object", "additionalProperties": _counts(State)},
    lanes={"type": "array", "items": _LANE},
    replicas={"type": "array", "items": _REPLICA},
    eta=_maybe(_object(low_s=_NUMBER, expected_s=_NUMBER, high_s=_NUMBER, known=_TRUTH)),
    reasons={"type": "array", "items": _object(state=_one_of(State), reason=_TEXT, jobs=_WHOLE)},
    rejected=_WHOLE,
    manifests={"type": "array", "items": _TEXT},
)
_PROBLEM: Final = _object(status=_WHOLE, detail=_TEXT)


def _query(name: str, schema: dict[str, Any], about: str, *, many: bool = False) -> dict[str, Any]:
    shape = {"type": "array", "items": schema} if many else schema
    return {"name": name, "in": "query", "required": False, "description": about, "schema": shape}


def _answers(schema: dict[str, Any], *errors: int) -> dict[str, Any]:
    good = {"200": {"description": "The answer", "content": {"application/json": {"schema": schema}}}}
    bad = {"description": "What is wrong", "content": {"application/json": {"schema": _PROBLEM}}}
    return good | {str(status): bad for status in errors}


def _plain(about: str, media: str, *errors: int) -> dict[str, Any]:
    answer = {"description": about, "content": {media: {"schema": _TEXT}}}
    return {"200": answer} | {str(status): answer for status in errors}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Every path that the server answers, with its parameters and the shapes of its answers."""
    jobs_query = [
        _query("state", _one_of(State), "Only these states", many=True),
        _query("kind", _one_of(KINDS), "Only these kinds", many=True),
        _query("target", _TEXT, "Only these targets", many=True),
        _query("verdict", _one_of(Verdict), "Only these verdicts", many=True),
        _query("reason", _TEXT, "Only jobs whose reason holds this text"),
        _query("limit", {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}, "Jobs in a page"),
        _query("after", _TEXT, "The key of the job after which the page begins"),
    ]
    key = {
        "name": "key",
        "in": "path",
        "required": True,
        "description": "A key, or how it begins",
        "schema": _TEXT,
    }
    page = _object(jobs={"type": "array", "items": _object(**_JOB)}, next=_maybe(_TEXT))
    job = _object(**_JOB, events={"type": "array", "items": _RECORDED})
    paths = {
        "/livez": ("Whether the stages move", [], _plain("ok, or what has stalled", "text/plain", 503)),
        "/readyz": ("Whether the fleet can work", [], _plain("ok, or what keeps it from working", "text/plain", 503)),
        "/metrics": ("All metrics", [], _plain("Prometheus text or OpenMetrics", "text/plain")),
        "/api/v1/status": ("All of the work", [], _answers(_STATUS, 503)),
        "/api/v1/jobs": ("A page of jobs", jobs_query, _answers(page, 400)),
        "/api/v1/jobs/{key}": ("One job and its history", [key], _answers(job, 400, 404)),
        "/api/v1/events": ("Moves as they happen", [], _plain("Server-sent events", "text/event-stream", 503)),
        "/api/v1/openapi.json": ("This document", [], _answers({"type": "object"})),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "fleet", "version": __version__, "summary": "The status of a running fleet; reads only"},
        "paths": {
            path: {"get": {"summary": summary, "parameters": parameters, "responses": responses}}
            for path, (summary, parameters, responses) in paths.items()
        },
    }
