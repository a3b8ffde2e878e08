"""`fleet doctor`: a checkup before the work, as lines that say what is wrong and what to do about it."""

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio

from fleet.app.doctor.examine import Diagnosis, examine, open_visit
from fleet.app.doctor.prepare import ProbePlan, prepare
from fleet.app.doctor.probe import Probe, probe
from fleet.app.doctor.writing import QuotaEdit
from fleet.cli.asking import agreed
from fleet.cli.exits import CannotCreate
from fleet.cli.screen import Screen, Style
from fleet.cli.streams import put
from fleet.core.checkup import Finding, Outcome, exit_code
from fleet.core.columns import fit, width, wrap
from fleet.core.errors import FleetError
from fleet.core.probe import probe_findings, probe_quotas, switches_text
from fleet.settings import Settings, load

__all__ = ["ProbeWishes", "doctor_command"]

_STYLES: Final[dict[Outcome, Style]] = {
    Outcome.PASS: "green",
    Outcome.WARN: "yellow",
    Outcome.FAIL: "red",
    Outcome.SKIPPED: "dim",
}
_WORST: Final = (Outcome.FAIL, Outcome.WARN, Outcome.SKIPPED, Outcome.PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeWishes:
    """Whether to probe, with which input and kind (None: the first there is), and where to write switches."""

    wanted: bool = False
    prefix: str | None = None
    kind: str | None = None
    switches: Path | None = None


@dataclass(slots=True)
class _Told:
    """What the command has found and done so far."""

    diagnosis: Diagnosis
    probe: Probe | None = None
    written: bool = False
    switches: list[str] = field(default_factory=list)


def doctor_command(
    config: Path | None,
    manifests: Sequence[str],
    *,
    targets: Sequence[str],
    wishes: ProbeWishes,
    write_quotas: bool,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Print what was found; 0 if nothing failed, 78 if the configuration is wrong, else 1."""
    screen = Screen(sys.stderr if as_json else None)
    told = _Told(anyio.run(lambda: examine(config, manifests, only=targets)))
    if not as_json:
        screen.say(*_lines(told.diagnosis.findings, screen, quiet=quiet))
    if wishes.wanted:
        begun = len(told.diagnosis.findings)
        _probe(told, config, targets, wishes, yes=yes, screen=Screen(sys.stderr))
        if not as_json:
            screen.say(*_lines(told.diagnosis.findings[begun:], screen, quiet=False))  # what was asked for
    if write_quotas:
        _write(told, config, yes=yes, screen=screen)
    code = exit_code(told.diagnosis.findings)
    if as_json:
        put(json.dumps(_as_dict(told, code)) + "\n")
    else:
        screen.say(*_summary(told.diagnosis.findings, screen))
    return code


def _probe(
    told: _Told, config: Path | None, targets: Sequence[str], wishes: ProbeWishes, *, yes: bool, screen: Screen
) -> None:
    if exit_code(told.diagnosis.findings):
        found = "mend what failed above first"
        told.diagnosis.findings.append(Finding(check="probe", outcome=Outcome.SKIPPED, found=found))
        return
    settings = load(config)
    name = next(iter(targets or settings.targets))
    kind = wishes.kind or next(iter(settings.defaults.kinds), "entities")
    if wishes.switches is not None and (wishes.switches.exists() or wishes.switches.is_symlink()):
        raise CannotCreate(f"{wishes.switches}: there already; give another name")
    try:
        told.probe = anyio.run(_probed, settings, name, kind, wishes.prefix or "", yes, screen)
    except FleetError as error:
        told.diagnosis.findings.append(Finding(check="probe", outcome=Outcome.FAIL, found=str(error), target=name))
        return
    if told.probe is None:
        told.diagnosis.findings.append(Finding(check="probe", outcome=Outcome.SKIPPED, found="not wanted after all"))
        return
    told.diagnosis.findings += [*probe_findings(told.probe.seen, name), *_outcome(told.probe, name)]
    quotas = probe_quotas(told.probe.seen)
    if quotas:
        told.diagnosis.quotas[name] = told.diagnosis.quotas.get(name, {}) | quotas
    if wishes.switches is not None:
        _write_new(wishes.switches, switches_text(told.probe.seen))
        screen.say(f"Wrote {wishes.switches}: fleet sandbox --switches {wishes.switches}")


async def _probed(settings: Settings, name: str, kind: str, prefix: str, yes: bool, screen: Screen) -> Probe | None:
    async with open_visit(settings, name) as visit:
        plan = await prepare(visit, settings, prefix, kind)
        screen.say(*_plan(plan))
        if not agreed("Go on?", yes=yes):
            return None
        return await probe(visit, plan, tell=lambda what: screen.say(f"  {what} ..."))


def _plan(plan: ProbePlan) -> list[str]:
    money = "an unknown amount: no price of this kind could be read"
    if plan.cost is not None:
        money = f"at most {plan.cost:.2f} {plan.currency}" if plan.cost >= 0.01 else f"less than 0.01 {plan.currency}"
    return [
        f"The probe starts at most {plan.jobs_max} jobs of kind {plan.kind} at target {plan.target} with",
        f"{plan.prefix} ({plan.size_bytes:,} bytes), and stops them again. It takes some minutes,",
        f"uses all slots of this kind meanwhile, and costs {money}.",
    ]


def _outcome(done: Probe, target: str) -> list[Finding]:
    found = f"{done.started} jobs were started"
    if done.unstopped:
        left = f"{found}; {len(done.unstopped)} could not be stopped: {', '.join(done.unstopped)}"
        then = "stop them by hand, or let them end"
        return [Finding(check="probe", outcome=Outcome.WARN, found=left, next=then, target=target)]
    if done.trouble:
        found = f"{found}, and stopped again; it ended early: {done.trouble}"
        return [Finding(check="probe", outcome=Outcome.FAIL, found=found, target=target)]
    return [Finding(check="probe", outcome=Outcome.PASS, found=f"{found}, and stopped again", target=target)]


def _write(told: _Told, config: Path | None, *, yes: bool, screen: Screen) -> None:
    """The quotas that differ are in the configuration, if somebody agrees."""
    edit = QuotaEdit.of(config, told.diagnosis.quotas) if told.diagnosis.quotas else None
    if edit is None or not edit.diff():
        screen.say("No quota needs to be written.")
        return
    styles = {"+": "green", "-": "red", "@": "cyan"}
    screen.say(*(screen.paint(line, styles.get(line[:1], "")) for line in edit.diff()))
    if agreed(f"Write this into {edit.path.name}?", yes=yes):
        edit.write()
        told.written = True
        screen.say(f"Wrote {edit.path}")


def _write_new(path: Path, text: str) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CannotCreate(f"{path}: cannot be made ({error.strerror}); give another name") from None


def _lines(findings: Sequence[Finding], screen: Screen, *, quiet: bool) -> list[str]:
    """Each finding: how it ended, what was looked at, what was seen; below what is not well, what to do."""
    shown = [one for one in findings if not quiet or one.outcome in (Outcome.FAIL, Outcome.WARN)]
    checks = [f"{one.target}: {one.check}" if one.target else one.check for one in shown]
    column = min(28, max((width(check) for check in checks), default=0))
    indent = " " * (9 + column + 2)
    lines = []
    for one, check in zip(shown, checks, strict=True):
        head = f"{fit(one.outcome, 7)}  {fit(check, column)}  "
        first, *more = wrap(f"{head}{one.found}", screen.columns, indent=indent)
        lines += [screen.paint(first[:7], _STYLES[one.outcome]) + first[7:], *more]
        if one.next and one.outcome is not Outcome.PASS:
            lines += wrap(f"{indent}next: {one.next}", screen.columns, indent=f"{indent}  ")
    return lines


def _summary(findings: Sequence[Finding], screen: Screen) -> list[str]:
    counts = Counter(one.outcome for one in findings)
    words = {Outcome.FAIL: "failed", Outcome.WARN: "warned", Outcome.SKIPPED: "skipped", Outcome.PASS: "passed"}
    said = [screen.paint(f"{counts[one]} {words[one]}", _STYLES[one]) for one in _WORST if counts[one]]
    return ["", f"{', '.join(said)}."]


def _as_dict(told: _Told, code: int) -> dict[str, Any]:
    found = told.diagnosis
    counts = Counter(one.outcome for one in found.findings)
    return {
        "schema": 1,
        "exit_code": code,
        "counts": {outcome.value: counts[outcome] for outcome in Outcome},
        "findings": [
            {
                "check": one.check,
                "target": one.target,
                "outcome": one.outcome.value,
                "found": one.found,
                "next": one.next,
            }
            for one in found.findings
        ],
        "quotas": found.quotas,
        "quotas_written": told.written,
        "probe_jobs": told.probe.started if told.probe else 0,
    }
