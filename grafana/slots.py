"""The rows of *Fleet* about the slots of each lane: how many are used, and why not more."""

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from grafana.panels import graph, grid
from grafana.variables import LANES, PROCESS, taken_once, throttled

__all__ = ["add"]


def add(builder: Dashboard) -> None:
    """These rows, below what is there."""
    builder.with_row(Row("USE: the slots of each lane"))
    utilisation = (
        f"{taken_once('fleet_slots_in_use', LANES, 'lane')} / ({taken_once('fleet_slots_quota', LANES, 'lane')} > 0)"
    )
    builder.with_panel(
        graph(
            "Slot utilisation by lane",
            "Slots that our jobs hold, of the lane's quota: near 100 % while jobs wait is as good as it gets.",
            (utilisation, "{{lane}}"),
            unit="percentunit",
            high=1,
        )
    )
    builder.with_panel(
        graph(
            "Jobs of other programs by lane",
            "Active jobs that fleet did not start, as the last complete List showed them.",
            (taken_once("fleet_foreign_jobs", LANES, "lane"), "{{lane}}"),
        )
    )
    builder.with_panel(
        graph(
            "Throttled Starts by operation",
            "The part of each operation's Starts that AWS refused for their rate or for the slots.",
            (throttled('operation=~"Start.*",' + PROCESS, "$__rate_interval", "operation"), "{{operation}}"),
            unit="percentunit",
            high=1,
            alert="FleetThrottledPersistently",
        )
    )
    names = ("fleet_slots_in_use", "fleet_slots", "fleet_slots_quota", "fleet_foreign_jobs")
    in_use, allowed, quota, foreign = (f"max by (lane) ({name}{{{LANES}}})" for name in names)
    builder.with_panel(
        grid(
            "Lanes",
            "Every lane now: its slots, its rate of Starts, and whether it is paused.",
            (in_use, "In use", "short"),
            (allowed, "Allowed", "short"),
            (quota, "Quota", "short"),
            (foreign, "Other programs", "short"),
            (f"{in_use} / ({quota} > 0)", "Utilisation", "percentunit"),
            (f"max by (lane) (fleet_start_rate_per_second{{{LANES}}})", "Starts allowed", "reqps"),
            (f"max by (lane) (fleet_lane_paused{{{LANES}}})", "Paused", "bool_yes_no"),
            (f"max by (lane) (fleet_stuck_jobs{{{LANES}}})", "Stuck jobs", "short"),
            by=(("lane", "Lane"),),
            alert="FleetLanePaused",
        )
    )
