"""The row of *Fleet internals* about replicas that share a ledger: who holds how many lanes, and what changed hands.

On a ledger in a file there is one replica, which holds all lanes, and nothing ever changes hands.
"""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from grafana.panels import Levels, figure, graph, stack
from grafana.variables import PROCESS

__all__ = ["add"]

_WRONG: Final[Levels] = ((None, "green"), (1, "red"))
_ODD: Final[Levels] = ((None, "green"), (1, "orange"))
# what a replica saw before it lost the ledger is no news
_READING: Final = f"and on (job, instance) fleet_ledger_writable{{{PROCESS}}} == 1"


def add(builder: Dashboard) -> None:
    """This row, below what is there."""
    builder.with_row(Row("Replicas"))
    _now(builder)
    _over_time(builder)


def _now(builder: Dashboard) -> None:
    builder.with_panel(
        figure(
            "Replicas seen",
            "Replicas that share the ledger and were seen lately, as those know that reach it.",
            (f"sum(max by (job) (fleet_replicas{{{PROCESS}}} {_READING}))", ""),
            width=8,
            none="no replica reaches the ledger",
            alert="FleetDown",
        )
    )
    builder.with_panel(
        figure(
            "Lanes without a holder",
            "Lanes that no replica holds, so that nothing is started there: for seconds after a replica was lost.",
            (f"sum(max by (job) (fleet_lanes_without_holder{{{PROCESS}}} {_READING}))", ""),
            width=8,
            levels=_WRONG,
            none="no replica reaches the ledger",
            alert="FleetLaneWithoutHolder",
        )
    )
    builder.with_panel(
        figure(
            "Fenced writes",
            "Writes of replicas that had lost the lane meanwhile, all refused, in the time shown.",
            (f"sum(increase(fleet_fenced_writes_total{{{PROCESS}}}[$__range]))", ""),
            width=8,
            decimals=0,
            levels=_ODD,
            alert="FleetFencedWrites",
        )
    )


def _over_time(builder: Dashboard) -> None:
    builder.with_panel(
        stack(
            graph(
                "Lanes by replica",
                "How many lanes each replica holds: as many as the others, or one more or less, soon after any change.",
                (f"max by (instance) (fleet_leases_held{{{PROCESS}}})", "{{instance}}"),
                alert="FleetLaneWithoutHolder",
            )
        )
    )
    builder.with_panel(
        graph(
            "Lease transitions per minute",
            "Leases taken, handed over in order, lost to another replica, and given up for want of a renewal in time.",
            (
                f"sum by (transition) (rate(fleet_lease_transitions_total{{{PROCESS}}}[$__rate_interval])) * 60",
                "{{transition}}",
            ),
        )
    )
    builder.with_panel(
        graph(
            "Fenced writes per minute",
            "By the replica that tried: one that was paused or cut off for longer than a lease lasts.",
            (
                f"sum by (instance) (rate(fleet_fenced_writes_total{{{PROCESS}}}[$__rate_interval])) * 60",
                "{{instance}}",
            ),
            alert="FleetFencedWrites",
        )
    )
