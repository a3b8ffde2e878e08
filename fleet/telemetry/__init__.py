"""What the outside sees of a running fleet: every metric's name, and all log set-up. One event has one name."""

from fleet.telemetry.catalogue import CATALOGUE, Metric
from fleet.telemetry.logs import on_record, set_up_logs, tell_held_back
from fleet.telemetry.metrics import CallSeries, Telemetry

__all__ = ["CATALOGUE", "CallSeries", "Metric", "Telemetry", "on_record", "set_up_logs", "tell_held_back"]
