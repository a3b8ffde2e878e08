"""All log set-up: for people on a terminal, else one JSON object a line; never a local variable, never a secret.

Records of libraries (botocore, aiohttp, asyncio, warnings) take the same way, from WARNING on. A warning that repeats
itself is told once a minute, then as a count.
"""

import contextlib
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, TextIO

import structlog

from fleet.core.report import printable
from fleet.core.secrets import is_secret, known_secrets, redacted
from fleet.telemetry.repeats import Repeats

__all__ = ["on_record", "set_up_logs", "tell_held_back"]

_TEXT_CHARACTERS: Final = 16_384  # of one value: a record is for people, and no place for a document
_DEPTH: Final = 12
_LIMITED: Final = frozenset({"warning", "error"})
_SUMMARY: Final = "log.held_back"

Listener = Callable[[str], object]

_listeners: list[Listener] = []
_counts: Counter[str] = Counter()
_repeats = Repeats(time.monotonic)


def set_up_logs(*, level: str = "info", json: bool | None = None, stream: TextIO | None = None) -> None:
    """Log to `stream` (standard error): for people on a terminal, else one JSON object a line. No locals, ever.

    `json`, or else FLEET_LOG_FORMAT with `json` or `text`, decides it where a terminal does not.
    Secrets that the environment holds now, and all that looks like one, never reach the stream.
    """
    global _repeats
    _repeats = Repeats(time.monotonic)
    out = stream or sys.stderr
    form = os.environ.get("FLEET_LOG_FORMAT", "")
    as_json = (form == "json" or (form != "text" and not out.isatty())) if json is None else json
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=30)
    exceptions: Any = (
        structlog.processors.ExceptionRenderer(tracebacks) if as_json else structlog.processors.format_exc_info
    )
    colours = out.isatty() and not os.environ.get("NO_COLOR")
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=colours)
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _counted,
            _once_a_minute,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            exceptions,
            _Redaction(known_secrets(os.environ), terminal=not as_json),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _route_libraries(max(least, logging.WARNING))


def on_record(listener: Listener) -> Callable[[], None]:
    """`listener` hears the level of every record from now on, and of those that came before, held back or not.

    Until what is returned is called.
    """
    for level, times in _counts.items():
        for _ in range(times):
            listener(level)
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def tell_held_back() -> None:
    """What was held back until now is told as counts: for the end of the process."""
    _summarise(all_rounds=True)


def _counted(_: Any, method: str, record: Any) -> Any:
    level = record["level"]
    _counts[level] += 1
    for listener in _listeners:
        listener(level)
    return record


def _once_a_minute(_: Any, method: str, record: Any) -> Any:
    if record["event"] == _SUMMARY:
        return record
    _summarise()
    if record["level"] in _LIMITED and _repeats.hold_back(record["level"], record):
        raise structlog.DropEvent
    return record


def _summarise(*, all_rounds: bool = False) -> None:
    log = structlog.get_logger()
    for summary in _repeats.over(all_rounds=all_rounds):
        names = {name: value for name, value in summary.names.items() if name != "logger"}
        tell = log.error if summary.level == "error" else log.warning
        tell(_SUMMARY, of=summary.event, held_back=summary.held_back, over_s=summary.over_s, **names)


class _Redaction:
    """The processor that lets no secret pass, wherever in the record it is, and to a terminal nothing that moves it."""

    def __init__(self, known: list[str], *, terminal: bool) -> None:
        self._known = known
        self._terminal = terminal

    def __call__(self, _: Any, method: str, record: Any) -> Any:
        return {name: self._clean(value, name) for name, value in record.items()}

    def _clean(self, value: Any, name: str = "", depth: int = 0) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if name and is_secret(name):
            return "***"
        if depth < _DEPTH and isinstance(value, Mapping):
            return {str(inner): self._clean(item, str(inner), depth + 1) for inner, item in value.items()}
        if depth < _DEPTH and isinstance(value, list | tuple | set | frozenset):
            return [self._clean(item, "", depth + 1) for item in value]
        text = redacted(_short(str(value)), self._known)
        return "\n".join(map(printable, text.split("\n"))) if self._terminal else text


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_CHARACTERS else f"{text[:_TEXT_CHARACTERS]}... ({len(text)} characters)"


def _route_libraries(least: int) -> None:
    """What libraries log comes here, and nowhere else."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Libraries)]:
        root.removeHandler(handler)
    root.addHandler(_Libraries(least))
    root.setLevel(least)
    logging.raiseExceptions = False
    for name in ("botocore", "aiobotocore", "aiohttp", "asyncio", "urllib3"):
        logging.getLogger(name).setLevel(least)  # botocore at DEBUG prints headers and signatures
    logging.captureWarnings(True)


class _Libraries(logging.Handler):
    """Hands the records of the standard library's logging to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(Exception):
            tell = structlog.get_logger().error if record.levelno >= logging.ERROR else structlog.get_logger().warning
            tell("library.says", logger=record.name, message=record.getMessage(), exc_info=record.exc_info)
