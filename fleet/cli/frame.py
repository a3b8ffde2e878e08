"""The picture of work in progress: the headline, a bar for each lane, when it ends. `status` and `run` draw it."""

import shlex
import time
from collections.abc import Sequence
from typing import Final

from fleet.cli.screen import Screen
from fleet.core.columns import Column, cut, wrap
from fleet.core.eta import Eta
from fleet.core.job import State, Verdict
from fleet.core.overview import LaneView, Overview
from fleet.core.reasons import ReasonGroup
from fleet.core.report import duration, plural

__all__ = ["clock", "eta_text", "headline", "lane_lines", "next_lines", "reason_lines", "replica_lines", "status_lines"]

_BAR_COLUMNS: Final = 18
_SHORT_BAR_COLUMNS: Final = 10  # on terminals of less than 100 columns
_REASONS_SHOWN: Final = 8
_COLUMNS: Final = (
    Column(name="kind", least=18),
    Column(name="", drop=7),
    Column(name="done", right=True),
    Column(name="jobs", right=True),
    Column(name="waiting", right=True, drop=2),
    Column(name="slots", right=True, drop=1),
    Column(name="given up", right=True, drop=3),
    Column(name="per min", right=True, drop=4),
    Column(name="starts/min", right=True, drop=8),
    Column(name="throttled", right=True, drop=6),
)
_REPLICA_COLUMNS: Final = (
    Column(name="replica", least=18),
    Column(name="holds", right=True),
    Column(name="version", right=True, drop=2),
    Column(name="seen", right=True, drop=1),
)


def status_lines(view: Overview, screen: Screen) -> list[str]:
    """Everything that `fleet status` shows."""
    lines = [*headline(view, screen), ""]
    if view.lanes:
        lines += [*lane_lines(view, screen), *_documents(view), *reason_lines(view.reasons, screen)]
    lines += [*replica_lines(view, screen), *next_lines(view, screen)]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def headline(view: Overview, screen: Screen) -> list[str]:
    """One or two sentences: what goes on, how far it is, when it ends."""
    told = _state_of_affairs(view)
    style = "bold" if view.running or view.done == view.jobs else "yellow"
    lines = [screen.paint(line, style) for line in wrap(told, screen.columns)]
    if view.eta is not None and view.done < view.jobs:
        said = f"Done in about {eta_text(view.eta)}." if view.running else f"It would take about {eta_text(view.eta)}."
        lines += wrap(said, screen.columns)
    if trouble := _trouble(view):
        lines += [screen.paint(line, "yellow") for line in wrap(trouble, screen.columns)]
    return lines


def eta_text(eta: Eta) -> str:
    """`3h 12m (2h 50m to 3h 40m)`, and where nothing is known yet, that it is a guess."""
    low, expected, high = duration(eta.low_s), duration(eta.expected_s), duration(eta.high_s)
    if not eta.known:
        return f"{expected}, a guess until some jobs have ended"
    return expected if low == high else f"{expected} ({low} to {high})"


def lane_lines(view: Overview, screen: Screen) -> list[str]:
    """A row for each lane that has jobs, and their sum where there are several."""
    rows = [_row(_name(lane, view), lane, view, screen) for lane in view.lanes]
    styles = [_styles(lane) for lane in view.lanes]
    if len(view.lanes) > 1:
        total = _total(view)
        rows.append(_row("total", total, view, screen))
        styles.append(_styles(total))
    # what would be empty in every row says nothing
    told = [place for place in range(len(_COLUMNS)) if place < 2 or any(row[place] for row in rows)]
    return screen.table(
        [_COLUMNS[place] for place in told],
        [[row[place] for place in told] for row in rows],
        styles=[[style[place] for place in told] for style in styles],
    )


def replica_lines(view: Overview, screen: Screen) -> list[str]:
    """The replicas that share the ledger, and what each of them holds; nothing where one fleet has it alone."""
    if not view.replicas:
        return []
    rows = [
        [replica.name, f"{len(replica.leases):,}", replica.version, f"{duration(replica.seen_s)} ago"]
        for replica in view.replicas
    ]
    lines = ["", *screen.table(_REPLICA_COLUMNS, rows)]
    held = {lane.lane for lane in view.lanes if lane.holder is not None}
    if unheld := [str(lane.lane) for lane in view.lanes if lane.lane not in held and lane.done < lane.jobs]:
        told = f"No replica holds {', '.join(unheld[:3])}{' ...' if len(unheld) > 3 else ''}."
        lines += [screen.paint(line, "yellow") for line in wrap(told, screen.columns)]
    return lines


def reason_lines(groups: Sequence[ReasonGroup], screen: Screen) -> list[str]:
    """Why jobs wait or ended without whole output, and for those that ended the command that does them again."""
    if not groups:
        return []
    lines = ["", screen.paint("Why:", "bold")]
    for group in groups[:_REASONS_SHOWN]:
        head = f"{group.jobs:>6,} {group.state}  "
        room = None if screen.columns is None else max(10, screen.columns - len(head))
        lines.append(head + cut(group.reason, room))
        if command := _command(group):
            lines.append(" " * 8 + screen.paint(cut(command, None), "cyan"))  # never cut: it is there to be copied
    if len(groups) > _REASONS_SHOWN:
        lines.append(f"  ... and {len(groups) - _REASONS_SHOWN:,} more reasons (--json shows all)")
    return lines


def _command(group: ReasonGroup) -> str | None:
    """What a person can do about these jobs."""
    match group.state:
        case State.DISCARDED:
            return f"fleet retry --reason {shlex.quote(group.word)}"
        case State.CANCELLED:
            return "fleet retry --state cancelled"
        case State.VERIFIED:
            return f"fleet jobs --failed-like {shlex.quote(group.word)}"
        case _:
            return None


def next_lines(view: Overview, screen: Screen) -> list[str]:
    """What a person can do now, where there is something."""
    said: list[str] = []
    if not view.jobs:
        said = ["fleet run MANIFEST"]
    elif view.running is None and view.done < view.jobs:
        said = [f"fleet run {' '.join(shlex.quote(source) for source in view.manifests[:3] if source != '-')}".strip()]
    elif any(group.state is State.DISCARDED for group in view.reasons):
        said = ["fleet jobs --state discarded"]
    return ["", *(screen.paint(cut(f"Next: {line}", screen.columns), "cyan") for line in said)] if said else []


def _state_of_affairs(view: Overview) -> str:
    if not view.jobs:
        return "The ledger has no jobs yet."
    share = f"{view.done:,} of {view.jobs:,} jobs done ({100 * view.done // view.jobs} %)"
    if view.done == view.jobs:
        parts = [f"{view.total(State.VERIFIED):,} verified"]
        parts += [f"{view.total(state):,} {state}" for state in (State.DISCARDED, State.CANCELLED) if view.total(state)]
        return f"All {view.jobs:,} jobs are done: {', '.join(parts)}."
    if view.running is None:
        return f"Nothing is running. {share}."
    who = f" (process {view.running.pid})" if view.running.pid else ""
    if view.replicas:
        who = f" in {plural(len(view.replicas), 'replica')}"
    return f"Running{who}. {share}."


def _trouble(view: Overview) -> str | None:
    """What is in the way, as far as the ledger tells."""
    parts = []
    if view.cancelling:
        parts.append(f"{view.cancelling:,} jobs are being cancelled.")
    if view.rejected:
        parts.append(f"{view.rejected:,} manifest lines are rejected (fleet report tells which).")
    waiting = [lane for lane in view.lanes if lane.states.get(State.PENDING) and not lane.in_flight]
    stuck = [lane for lane in waiting if not lane.started and not lane.ended]
    why = next((group for group in view.reasons if group.state is State.PENDING), None)
    if view.running and stuck and why:
        parts.append(f"{len(stuck)} of {len(view.lanes)} lanes start nothing: {why.reason}")
    if unserved := [lane for lane in view.lanes if lane.slots is None and lane.done < lane.jobs]:
        parts.append(f"This configuration does not serve {', '.join(str(lane.lane) for lane in unserved[:3])}.")
    return " ".join(parts) or None


def _row(name: str, lane: LaneView, view: Overview, screen: Screen) -> list[str]:
    full, empty = ("█", "░") if screen.unicode else ("#", ".")
    columns = _SHORT_BAR_COLUMNS if screen.columns is not None and screen.columns < 100 else _BAR_COLUMNS
    filled = columns * lane.done // lane.jobs if lane.jobs else 0
    minutes = view.window_s / 60
    starts = f"{lane.started / minutes:.0f}/{lane.start_per_s * 60:.0f}" if lane.start_per_s else ""
    return [
        name,
        full * filled + empty * (columns - filled),
        f"{100 * lane.done // lane.jobs if lane.jobs else 100} %",
        f"{lane.jobs:,}",
        f"{lane.states.get(State.PENDING, 0):,}",
        f"{lane.in_flight}/{lane.slots}" if lane.slots is not None else f"{lane.in_flight}/-",
        f"{lane.given_up:,}" if lane.given_up else "",
        f"{lane.ended / minutes:,.0f}" if lane.ended else "",
        starts if lane.started else "",
        f"{lane.throttled:,}" if lane.throttled else "",
    ]


def _styles(lane: LaneView) -> list[str]:
    return ["", "green" if lane.done else "dim", "", "", "", "", "red", "", "", "yellow"]


def _total(view: Overview) -> LaneView:
    lanes = view.lanes
    rates = [lane.start_per_s or 0.0 for lane in lanes]
    return LaneView(
        lane=lanes[0].lane,
        states={state: view.total(state) for state in State},
        slots=sum(lane.slots or 0 for lane in lanes),
        start_per_s=sum(rates) or None,
        started=sum(lane.started for lane in lanes),
        throttled=sum(lane.throttled for lane in lanes),
        ended=sum(lane.ended for lane in lanes),
    )


def _name(lane: LaneView, view: Overview) -> str:
    """The kind alone, where one account and Region has all the jobs."""
    places = {(other.lane.account, other.lane.region) for other in view.lanes}
    return lane.lane.kind if len(places) == 1 else f"{lane.lane.kind} {lane.lane.account}/{lane.lane.region}"


def _documents(view: Overview) -> list[str]:
    if not view.verdicts:
        return []
    documents = sum(tally.documents for tally in view.verdicts.values())
    failed = sum(tally.failed_documents for tally in view.verdicts.values())
    bad = [f"{tally.jobs:,} {verdict}" for verdict, tally in view.verdicts.items() if verdict is not Verdict.COMPLETE]
    said = f"{documents:,} documents analysed" + (f", {failed:,} not" if failed else "")
    if bad:
        said += f" (jobs whose output is not whole: {', '.join(bad)})"
    return ["", said + "."]


def clock(seconds: float) -> str:
    """A time of day, as this machine's clock has it."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))
