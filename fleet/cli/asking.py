"""Showing what a command would do, and asking before it does it."""

import sys
from collections.abc import Mapping
from typing import Final

import typer

from fleet.cli.screen import Screen
from fleet.core.columns import Column

__all__ = ["agreed", "shown_groups"]

_ROWS: Final = 12
_COLUMNS: Final = (
    Column(name="jobs", right=True),
    Column(name="kind", least=12, drop=1),
    Column(name="now"),
    Column(name="why", least=12, drop=2),
)


def shown_groups(groups: Mapping[tuple[str, str, str], int], screen: Screen) -> list[str]:
    """How many jobs, of which kind, where they are now and why: the largest groups first."""
    largest = sorted(groups.items(), key=lambda item: (-item[1], item[0]))
    rows = [[f"{jobs:,}", kind, now, why] for (kind, now, why), jobs in largest[:_ROWS]]
    columns = _COLUMNS if any(row[3] for row in rows) else _COLUMNS[:3]
    lines = screen.table(columns, [row[: len(columns)] for row in rows])
    if len(largest) > _ROWS:
        lines.append(f"... and {sum(jobs for _, jobs in largest[_ROWS:]):,} more")
    return lines


def agreed(question: str, *, yes: bool) -> bool:
    """Whether the person says yes, on the terminal; a usage error where there is nobody to ask."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody is there to ask: add --yes, or --dry-run to see what it would do")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
