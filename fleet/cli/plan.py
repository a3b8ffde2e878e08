"""`fleet plan`: what a run would start, for a person or as JSON."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import anyio

from fleet.app.preview import Findings, LanePreview, Preview, preview
from fleet.cli.screen import Screen
from fleet.cli.streams import put
from fleet.core.columns import Column, cut, wrap
from fleet.core.job import State
from fleet.core.report import duration, plural
from fleet.settings import load

__all__ = ["plan_command"]

_JOB_S: Final = 480.0  # SubmitTime to EndTime of small inputs is 6 to 10 minutes (facts sheet, 3.3)
_SHOWN: Final = 10
_COLUMNS: Final = (
    Column(name="lane", least=18, end=True),
    Column(name="new", right=True),
    Column(name="waiting", right=True),
    Column(name="under way", right=True, drop=1),
    Column(name="done", right=True, drop=2),
    Column(name="given up", right=True, drop=3),
    Column(name="other settings", right=True, drop=4),
    Column(name="about", right=True),
)


def plan_command(
    manifests: Sequence[str],
    config: Path | None,
    *,
    strict: bool,
    measure: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Print what a run would do; 1 where lines are rejected, 65 where a manifest is refused for them, else 0."""
    found: Preview = anyio.run(_preview, config, manifests, measure, strict)
    if as_json:
        put(json.dumps(_as_dict(found)) + "\n")
    else:
        screen = Screen()
        screen.say(*(_headline(found, screen) if quiet else _lines(found, manifests, screen, verbose=verbose)))
    return 65 if found.refused else 1 if found.rejected else 0


async def _preview(config: Path | None, manifests: Sequence[str], measure: bool, strict: bool) -> Preview:
    settings = load(config)
    strict = strict or settings.manifest.strict
    return await preview(settings, manifests, job_s=_JOB_S, measure=measure, strict=strict)


def _lines(found: Preview, manifests: Sequence[str], screen: Screen, *, verbose: bool) -> list[str]:
    shown = 1_000_000 if verbose else _SHOWN
    parts = [
        _table(found, screen),
        _headline(found, screen),
        _estimates(found, screen),
        _changes(found, screen, shown),
        _warnings(found, screen, shown),
        _rejected(found, screen, shown),
        _next(found, manifests, screen),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part).split("\n")


def _table(found: Preview, screen: Screen) -> list[str]:
    lanes = sorted(found.lanes.values(), key=lambda lane: lane.lane)
    if not lanes:
        return []
    rows = [_row(lane) for lane in lanes]
    told = [place for place in range(len(_COLUMNS)) if place in (0, 1, 7) or any(row[place] != "0" for row in rows)]
    styles = [["", "green" if lane.new else "dim"] for lane in lanes]
    return screen.table(
        [_COLUMNS[place] for place in told], [[row[place] for place in told] for row in rows], styles=styles
    )


def _row(lane: LanePreview) -> list[str]:
    under_way = lane.known[State.SUBMITTING] + lane.known[State.RUNNING] + lane.known[State.FINISHED]
    return [
        str(lane.lane),
        f"{lane.new:,}",
        f"{lane.known[State.PENDING]:,}",
        f"{under_way:,}",
        f"{lane.known[State.VERIFIED]:,}",
        f"{lane.known[State.DISCARDED] + lane.known[State.CANCELLED]:,}",
        f"{lane.changed:,}",
        duration(lane.estimate_s) if lane.estimate_s else "-",
    ]


def _headline(found: Preview, screen: Screen) -> list[str]:
    known = sum(sum(lane.known.values()) for lane in found.lanes.values())
    done = sum(lane.known[State.VERIFIED] for lane in found.lanes.values())
    said = f"Plan: {plural(found.new, 'job')} to start"
    if known:
        said += f", {known:,} already in the ledger ({done:,} of them done)"
    said += f", {plural(found.rejections, 'rejection')}, from {plural(found.lines, 'manifest line')}."
    return [screen.paint(line, "bold") for line in wrap(said, screen.columns)]


def _estimates(found: Preview, screen: Screen) -> list[str]:
    """Time and money, each with what it assumes."""
    if not found.new and not found.pending:
        return []
    said = [
        f"Time: at least {duration(found.estimate_s)}, at the configured quotas and {found.job_s / 60:g} minutes a job."
    ]
    cost, prices = found.cost, found.prices
    if cost is None or prices is None or not cost.units:
        said.append("Cost: not told, because the sizes of the inputs are not known; fleet plan --measure lists them.")
    else:
        said.append(f"Cost: about {cost.units:,} units of {prices.unit_characters} characters{_money(found)}.")
        said.append(
            f"  A byte counts as a character, and a file as {prices.units_min} units at least; whether AWS "
            "counts these for each line of a file is not known; tiers, free tier and discounts are left out."
        )
        if cost.money:
            said.append(f"  Prices: {prices.source}, read on {prices.read_on}; yours may differ (config/prices.toml).")
        if cost.unmeasured:
            said.append(f"  {cost.unmeasured:,} jobs are not in it: their inputs could not be listed or were not.")
    return [line for one in said for line in wrap(one, screen.columns, indent="  ")]


def _money(found: Preview) -> str:
    assert found.cost is not None  # noqa: S101
    assert found.prices is not None  # noqa: S101
    cost = found.cost
    told = f", {cost.money:,.2f} {found.prices.currency}" if cost.money else ""
    if cost.unpriced_kinds:
        kinds = " and ".join(cost.unpriced_kinds)
        told += (
            f"{' and' if told else ', of which'} {cost.unpriced_units:,} units of {kinds} have no price that we know"
        )
    return told


def _changes(found: Preview, screen: Screen, shown: int) -> list[str]:
    changed = sum(lane.changed for lane in found.lanes.values())
    if not changed:
        return []
    ended = sum(lane.changed_ended for lane in found.lanes.values())
    head = f"Same work with other settings: {plural(changed, 'job')}: "
    head += f"{ended:,} have ended and stay as they are (fleet run --rerun-changed does them again)" if ended else ""
    head += "; " if ended and changed > ended else ""
    head += f"{changed - ended:,} take them over if AWS does not know them yet" if changed > ended else ""
    lines = wrap(head + ".", screen.columns, indent="  ")
    for change in found.changes[:shown]:
        what = f"  ~ {change.kind} {change.prefix} ({change.state}): {', '.join(change.members)}"
        lines.append(screen.paint(cut(what, screen.columns), "yellow"))
    return [*lines, *_more(min(changed, len(found.changes)), shown)]


def _warnings(found: Preview, screen: Screen, shown: int) -> list[str]:
    """What works, and may not be what was meant."""
    lines = _findings(found.findings, screen, shown)
    for source in found.empty:
        lines += wrap(f"{source} has no entries: it is empty, or has a header alone.", screen.columns, indent="  ")
    if len(found.outputs) > 1 or (found.outputs and lines):
        said = (
            f"Results go to {len(found.outputs):,} places; each job writes a folder of its own there, so none collide."
        )
        lines += wrap(said, screen.columns)
    return lines


def _findings(told: Findings, screen: Screen, shown: int) -> list[str]:
    lines = []
    if told.overlapping:
        verb = "lies" if told.overlapping_count == 1 else "lie"
        head = f"{plural(told.overlapping_count, 'input')} {verb} within another of the same kind: read and paid twice."
        lines += wrap(head, screen.columns, indent="  ")
        some = [f"{overlap.kind}: {overlap.outer} also reads {overlap.inner}" for overlap in told.overlapping[:shown]]
        lines += _examples(some, told.overlapping_count, screen)
        if any(not overlap.outer.endswith("/") for overlap in told.overlapping):
            lines += wrap("  A prefix that ends in / reads that folder alone.", screen.columns, indent="  ")
    if told.feeding:
        lines.append(f"{plural(told.feeding_count, 'input')} would read results of other jobs:")
        some = [f"{prefix} reads what is written below {output}" for prefix, output in told.feeding[:shown]]
        lines += _examples(some, told.feeding_count, screen)
    if told.twins:
        head = f"{plural(told.twins_count, 'pair')} of inputs look the same and are not (Unicode NFC and NFD):"
        lines += wrap(head, screen.columns, indent="  ")
        lines += _examples([f"{one!a} and {other!a}" for one, other in told.twins[:shown]], told.twins_count, screen)
    if told.duplicates:
        lines += wrap(f"Asked for more than once, and done once: {plural(told.duplicates, 'job')}.", screen.columns)
    return lines


def _examples(some: Sequence[str], count: int, screen: Screen) -> list[str]:
    return [*(screen.paint(cut(f"  ! {one}", screen.columns), "yellow") for one in some), *_more(count, len(some))]


def _rejected(found: Preview, screen: Screen, shown: int) -> list[str]:
    if not found.rejected:
        return []
    lines = [screen.paint(f"Rejected lines ({found.rejections:,}):", "red")]
    for line in found.rejected[:shown]:
        where = f"{line.field}: " if line.field else ""
        lines += wrap(f"  {line.source}:{line.line}: {where}{line.reason}", screen.columns, indent="    ")
    lines += _more(found.rejections, min(shown, len(found.rejected)))
    for source in found.refused:
        said = f"Refused as a whole, as --strict asks: {source}. Mend the lines above, or leave --strict out."
        lines += wrap(said, screen.columns, indent="  ")
    return lines


def _next(found: Preview, manifests: Sequence[str], screen: Screen) -> list[str]:
    if not found.new and not found.pending:
        return ["Nothing is to be done."] if found.lanes else []
    sources = " ".join(shlex.quote(source) for source in manifests)
    return [screen.paint(cut(f"Next: fleet run {sources}", None), "cyan")]


def _more(count: int, shown: int) -> list[str]:
    return [f"  ... and {count - shown:,} more (--verbose shows all)"] if count > shown else []


def _as_dict(found: Preview) -> dict[str, Any]:
    return {
        "schema": 1,
        "lines": found.lines,
        "new": found.new,
        "estimate_s": round(found.estimate_s),
        "assumed_job_s": found.job_s,
        "lanes": [
            {"lane": str(lane.lane), "new": lane.new, "known": dict(lane.known), "changed": lane.changed}
            | {"changed_ended": lane.changed_ended, "estimate_s": round(lane.estimate_s)}
            for lane in found.lanes.values()
        ],
        "rejected": [asdict(line) for line in found.rejected],
        "rejections": found.rejections,
        "refused": found.refused,
        "empty": found.empty,
        "duplicates": found.findings.duplicates,
        "changes": [asdict(change) for change in found.changes],
        "overlapping": [asdict(overlap) for overlap in found.findings.overlapping],
        "overlapping_count": found.findings.overlapping_count,
        "feeding_back": [{"prefix": prefix, "output": output} for prefix, output in found.findings.feeding],
        "feeding_back_count": found.findings.feeding_count,
        "twins": found.findings.twins,
        "outputs": dict(found.outputs),
        "cost": asdict(found.cost) if found.cost else None,
        "prices": asdict(found.prices) if found.prices else None,
    }
