"""Counts -> the summary that ends a run: text for a person, JSON for a machine, and the exit code of both."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from fleet.core.eta import Eta
from fleet.core.job import ENDED, IN_FLIGHT, State, Verdict

__all__ = [
    "Calls",
    "KindSummary",
    "Reason",
    "RejectedLine",
    "Summary",
    "as_json",
    "as_text",
    "duration",
    "plural",
    "printable",
    "rejected_lines",
    "table",
]

_SCHEMA: Final = 1
_LINES_SHOWN: Final = 50
_HEAD: Final = (
    *("kind", "jobs", "pending", "in flight", "verified", "partial", "discarded", "cancelled"),
    *("documents", "failed docs"),
)
_ALWAYS: Final = frozenset({"kind", "jobs", "verified", "documents"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSummary:
    """What became of the jobs of one kind. `documents` were analysed; `failed_documents` were not."""

    kind: str
    states: Mapping[State, int]
    verdicts: Mapping[Verdict, int]
    documents: int = 0
    failed_documents: int = 0

    @property
    def jobs(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why some jobs are where they are, grouped by the reason's text."""

    state: State
    reason: str
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedLine:
    """A manifest line that asks for something impossible."""

    source: str
    line: int
    field: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Requests that this process sent to one operation, and how many of them AWS throttled."""

    operation: str
    requests: int
    throttled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything a run or a report has to say."""

    kinds: Sequence[KindSummary]
    reasons: Sequence[Reason]
    rejected: Sequence[RejectedLine]
    calls: Sequence[Calls] = ()
    elapsed_s: float | None = None
    eta: Eta | None = None

    def total(self, state: State) -> int:
        """Jobs in this state, over all kinds."""
        return sum(kind.states.get(state, 0) for kind in self.kinds)

    @property
    def jobs(self) -> int:
        return sum(kind.jobs for kind in self.kinds)

    @property
    def unfinished(self) -> int:
        """Jobs that fleet will still do something about."""
        return sum(jobs for kind in self.kinds for state, jobs in kind.states.items() if state not in ENDED)

    @property
    def exit_code(self) -> int:
        """0 when every line became jobs and every job is verified; else 1."""
        return int(bool(self.rejected) or self.total(State.VERIFIED) < self.jobs)


def as_json(summary: Summary) -> str:
    """The summary as one JSON object; `schema` changes when a member changes its meaning."""
    return json.dumps(
        {
            "schema": _SCHEMA,
            "jobs": summary.jobs,
            "states": {state: summary.total(state) for state in State},
            "kinds": {
                kind.kind: {
                    "jobs": kind.jobs,
                    "states": dict(kind.states),
                    "verdicts": dict(kind.verdicts),
                    "documents": kind.documents,
                    "failed_documents": kind.failed_documents,
                }
                for kind in summary.kinds
            },
            "reasons": [asdict(reason) for reason in summary.reasons],
            "rejected": [asdict(line) for line in summary.rejected],
            "calls": [asdict(call) for call in summary.calls],
            "elapsed_s": summary.elapsed_s,
            "eta": asdict(summary.eta) if summary.eta else None,
            "exit_code": summary.exit_code,
        }
    )


def as_text(summary: Summary) -> str:
    """The summary as lines of at most some 100 columns: the table, then what needs a person, then the calls."""
    parts = (_table(summary), _eta(summary), _reasons(summary), rejected_lines(summary.rejected), _calls(summary))
    return "\n".join(line for part in parts for line in part)


def printable(text: str) -> str:
    """The text without anything that could move a cursor, break a line or turn the reading direction."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def duration(seconds: float | None) -> str:
    """`3d 04h`, `2h 05m`, `3m 07s`, `12s`; `-` for None."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours:02}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"


def plural(count: int, noun: str) -> str:
    """`1 job`, `2,000 jobs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of equal columns: the first to the left, the others to the right."""
    shown = [head, *rows]
    widths = [max(len(row[column]) for row in shown) for column in range(len(head))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in shown
    ]


def rejected_lines(rejected: Sequence[RejectedLine]) -> list[str]:
    """A heading and one line per rejection, with manifest, line number, field and reason; empty for none."""
    if not rejected:
        return []
    lines = [
        f"  {printable(line.source)}:{line.line}: {line.field + ': ' if line.field else ''}{_cut(line.reason)}"
        for line in rejected
    ]
    return ["", f"Rejected lines ({len(lines):,}):", *_shortened(lines)]


def _table(summary: Summary) -> list[str]:
    rows = [_row(kind.kind, kind) for kind in summary.kinds]
    if len(rows) > 1:
        rows.append(("total", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True))))
    told = [column for column in range(len(_HEAD)) if _HEAD[column] in _ALWAYS or any(row[column] for row in rows)]
    cells = [[cell if isinstance(cell, str) else f"{cell:,}" for cell in row] for row in rows]
    return table([_HEAD[column] for column in told], [[row[column] for column in told] for row in cells])


def _row(name: str, kind: KindSummary) -> tuple[str | int, ...]:
    states = kind.states
    in_flight = sum(states.get(state, 0) for state in (*IN_FLIGHT, State.FINISHED))
    return (
        name,
        kind.jobs,
        states.get(State.PENDING, 0),
        in_flight,
        states.get(State.VERIFIED, 0),
        kind.verdicts.get(Verdict.PARTIAL, 0),
        states.get(State.DISCARDED, 0),
        states.get(State.CANCELLED, 0),
        kind.documents,
        kind.failed_documents,
    )


def _eta(summary: Summary) -> list[str]:
    if summary.eta is None:
        return []
    low, expected, high = (
        duration(seconds) for seconds in (summary.eta.low_s, summary.eta.expected_s, summary.eta.high_s)
    )
    guess = "" if summary.eta.known else ", a guess until some jobs have ended"
    return ["", f"Done in about {expected} ({low} to {high}{guess})."]


def _reasons(summary: Summary) -> list[str]:
    if not summary.reasons:
        return []
    lines = [f"  {reason.jobs:>5,} {reason.state}: {_cut(reason.reason)}" for reason in summary.reasons]
    return ["", "Why:", *lines]


def _calls(summary: Summary) -> list[str]:
    if not summary.calls:
        return []
    families: dict[str, tuple[int, int]] = {}
    for call in summary.calls:
        family = next(name for name in ("Start", "Describe", "List", "Stop") if call.operation.startswith(name))
        requests, throttled = families.get(family, (0, 0))
        families[family] = (requests + call.requests, throttled + call.throttled)
    parts = [
        f"{requests:,} {family}" + (f" ({throttled:,} throttled)" if throttled else "")
        for family, (requests, throttled) in families.items()
    ]
    took = f" in {summary.elapsed_s:,.1f} s" if summary.elapsed_s is not None else ""
    return ["", f"Calls to AWS{took}: {', '.join(parts)}"]


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= _LINES_SHOWN:
        return lines
    return [*lines[:_LINES_SHOWN], f"  ... and {len(lines) - _LINES_SHOWN:,} more (--json shows all)"]


def _cut(text: str, width: int = 160) -> str:
    safe = printable(text)
    return safe if len(safe) <= width else safe[: width - 3] + "..."
