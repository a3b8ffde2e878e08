"""Figures as an aligned table: one row for each contender, medians over its runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from statistics import median
from typing import Any, Final

from tests.bench.judge import Figures

__all__ = ["medians", "table"]

# title, field, format
_COLUMNS: Final = (
    ("done", "done", "{:,.0f}"),
    ("lost", "lost", "{:,.0f}"),
    ("double", "duplicates", "{:,.0f}"),
    ("unseen", "unseen", "{:,.0f}"),
    ("refused", "refused", "{:,.0f}"),
    ("later", "refused_later", "{:.1%}"),
    ("slots used", "used", "{:.3f}"),
    ("rate used", "start_share", "{:.3f}"),
    ("makespan s", "makespan_s", "{:,.1f}"),
    ("/ideal", "ratio", "{:.3f}"),
    ("refill p50", "refill_p50_s", "{:.2f}"),
    ("p95", "refill_p95_s", "{:.2f}"),
    ("seen p50", "seen_p50_s", "{:.2f}"),
    ("p95", "seen_p95_s", "{:.2f}"),
    ("told p95", "told_p95_s", "{:.2f}"),
    ("status/job", "status_calls", "{:.1f}"),
    ("CPU s/1k", "cpu_s", "{:.2f}"),
    ("RSS MiB", "peak_rss_mib", "{:,.0f}"),
)

_WORST: Final[dict[str, Callable[[Sequence[float]], float]]] = {
    "done": min,
    "lost": max,
    "duplicates": max,
    "unseen": max,
}


def medians(runs: Sequence[Figures]) -> Figures:
    """Each figure's median over the runs that have it; of what must never happen, the worst run's."""
    found: dict[str, Any] = {}
    for column in fields(Figures):
        values = [value for run in runs if (value := getattr(run, column.name)) is not None]
        found[column.name] = _WORST.get(column.name, median)(values) if values else None
    return Figures(**found)


def table(rows: Mapping[str, Figures]) -> str:
    """The rows under their titles, numbers to the right, `-` where there is none."""
    lines = [["", *(title for title, _, _ in _COLUMNS)]]
    for name, figures in rows.items():
        lines.append([name, *(_cell(getattr(figures, field), form) for _, field, form in _COLUMNS)])
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "".join(
        f"{line[0]:<{widths[0]}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True))
        + "\n"
        for line in lines
    )


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
