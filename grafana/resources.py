"""The rows of *Fleet internals* about what is used up: the limiter's rate, the ledger's disk, the process."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from grafana.panels import graph
from grafana.variables import LANES, PROCESS, quantiles, taken_once

__all__ = ["add"]

_OPERATIONS: Final = f'operation=~"$operation",{PROCESS}'


def add(builder: Dashboard) -> None:
    """These rows, below what is there."""
    builder.with_row(Row("USE: limiter, ledger, process"))
    _limiter(builder)
    _ledger(builder)
    _process(builder)


def _limiter(builder: Dashboard) -> None:
    builder.with_panel(
        graph(
            "Starts allowed and quota by lane",
            "What the limiter grants a second, and the quota: it falls when AWS refuses, and rises again step by step.",
            (taken_once("fleet_start_rate_per_second", LANES, "lane"), "{{lane}} allowed"),
            (taken_once("fleet_start_quota_per_second", LANES, "lane"), "{{lane}} quota"),
            unit="reqps",
            alert="FleetThrottledPersistently",
        )
    )
    builder.with_panel(
        graph(
            "Wait for the limiter",
            "Time that requests waited for their turn: median and 99th percentile, by operation.",
            *quantiles("fleet_rate_limit_wait_seconds", _OPERATIONS, "operation"),
            unit="s",
        )
    )
    builder.with_panel(
        graph(
            "Slots allowed and quota by lane",
            "How many jobs fleet may have active by its present belief, and by the quota.",
            (taken_once("fleet_slots", LANES, "lane"), "{{lane}} allowed"),
            (taken_once("fleet_slots_quota", LANES, "lane"), "{{lane}} quota"),
        )
    )


def _ledger(builder: Dashboard) -> None:
    builder.with_panel(
        graph(
            "Commit duration",
            "Time that a durable commit of the ledger took: median and 99th percentile. It bounds how fast jobs start.",
            *quantiles("fleet_ledger_commit_duration_seconds", PROCESS),
            unit="s",
        )
    )
    builder.with_panel(
        graph(
            "Ledger size and free space",
            "The ledger's file, and what is left where it lies. 0 on PostgreSQL, which watches its own files.",
            (f"max by (instance) (fleet_ledger_size_bytes{{{PROCESS}}})", "{{instance}} size"),
            (f"min by (instance) (fleet_ledger_free_bytes{{{PROCESS}}})", "{{instance}} free"),
            unit="bytes",
            alert="FleetLedgerNearlyFull",
        )
    )
    builder.with_panel(
        graph(
            "Look into the ledger",
            "Time that it took to read the numbers shown here from the ledger.",
            (f"max by (instance) (fleet_collector_duration_seconds{{{PROCESS}}})", "{{instance}}"),
            unit="s",
        )
    )


def _process(builder: Dashboard) -> None:
    builder.with_panel(
        graph(
            "Event loop lag",
            "How much later than asked the event loop wakes: median and 99th percentile. Everything waits as long.",
            *quantiles("fleet_event_loop_lag_seconds", PROCESS),
            unit="s",
            width=6,
        )
    )
    builder.with_panel(
        graph(
            "CPU",
            "Processor cores in use by the process.",
            (f"rate(process_cpu_seconds_total{{{PROCESS}}}[$__rate_interval])", "{{instance}}"),
            unit="short",
            width=6,
        )
    )
    builder.with_panel(
        graph(
            "Memory",
            "Resident memory of the process: flat, however large the corpus.",
            (f"process_resident_memory_bytes{{{PROCESS}}}", "{{instance}}"),
            unit="bytes",
            width=6,
        )
    )
    builder.with_panel(
        graph(
            "File descriptors",
            "Open file descriptors, and the most that the process may have.",
            (f"process_open_fds{{{PROCESS}}}", "{{instance}} open"),
            (f"process_max_fds{{{PROCESS}}}", "{{instance}} limit"),
            width=6,
        )
    )
