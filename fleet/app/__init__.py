"""Builds everything once from the settings: the one place that knows every room."""

from fleet.app.fleet import App
from fleet.app.forecast import forecast
from fleet.app.opening import open_app, open_ledger
from fleet.app.preview import LanePreview, Preview, preview
from fleet.app.summary import Line, lines, summarise
from fleet.telemetry import set_up_logs

__all__ = [
    "App",
    "LanePreview",
    "Line",
    "Preview",
    "forecast",
    "lines",
    "open_app",
    "open_ledger",
    "preview",
    "set_up_logs",
    "summarise",
]
