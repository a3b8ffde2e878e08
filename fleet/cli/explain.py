"""`fleet explain`: one job's story, as a timeline with what can be done about it."""

import json
import time
from pathlib import Path
from typing import Any

import anyio

from fleet.app.explanation import Explanation, explanations
from fleet.cli.jobs import as_dict, job_table
from fleet.cli.screen import Screen
from fleet.cli.streams import put
from fleet.core.columns import cut, wrap
from fleet.core.identity import job_name, request_token
from fleet.core.report import duration
from fleet.core.timeline import commands, document_errors, happenings, standing
from fleet.settings import Settings, load

__all__ = ["explain_command"]


def explain_command(name: str, config: Path | None, *, kind: str | None, as_json: bool) -> int:
    """Print all that is known of the job, or a list to choose from where a prefix has several; 0."""
    found: list[Explanation] = anyio.run(_explained, load(config), name, kind)
    screen = Screen()
    if as_json:
        put("".join(json.dumps(_as_dict(one)) + "\n" for one in found))
    elif len(found) == 1:
        screen.say(*_lines(found[0], screen))
    else:
        screen.say(f"{len(found)} jobs read {cut(found[0].job.prefix, None)}:", "")
        screen.say(*job_table([one.job for one in found], found[0].around.now, screen))
        screen.say("", screen.paint(f"Next: fleet explain {found[0].job.key[:12]}", "cyan"))
    return 0


async def _explained(settings: Settings, name: str, kind: str | None) -> list[Explanation]:
    return await explanations(settings, name, kind=kind)


def _lines(one: Explanation, screen: Screen) -> list[str]:
    job = one.job
    lines = [screen.paint(cut(f"{job.lane.kind} of {job.prefix}", screen.columns), "bold"), ""]
    lines += wrap(standing(job, one.around), screen.columns)
    lines += ["", *_facts(one, screen), "", screen.paint("Timeline", "bold")]
    lines += _timeline(one, screen)
    if errors := document_errors(one.events):
        lines += ["", screen.paint("Documents that were not analysed", "bold")]
        lines += [f"  {line}" for error in errors for line in wrap(error, _inner(screen, 2), indent="    ")]
    if can := commands(job):
        lines += ["", screen.paint("What you can do", "bold")]
        for command, why in can:
            # a command is never cut: it is there to be copied
            lines.append(f"  {screen.paint(cut(command, None), 'cyan')}")
            lines.append(screen.paint(f"      {why}", "dim"))
    return lines


def _facts(one: Explanation, screen: Screen) -> list[str]:
    job = one.job
    documents = None
    if job.documents is not None:
        documents = f"{job.documents:,}" + (f", {job.failed_documents:,} not analysed" if job.failed_documents else "")
    facts = {
        "key": job.key,
        "state": f"{job.state}{f' ({job.verdict})' if job.verdict else ''}, attempt {job.attempt}",
        "lane": str(job.lane),
        "target": job.target,
        "label": job.label,
        "input": f"{job.size_bytes:,} bytes" if job.size_bytes is not None else None,
        "JobId": job.remote_id,
        "JobName": job_name(job.key, job.attempt) if job.intent else None,
        "output": job.output_uri,
        "documents": documents,
        "reason": job.reason,
    }
    lines = []
    for name, value in facts.items():
        if value:
            first, *others = wrap(value, _inner(screen, 12))
            lines += [f"{screen.paint(f'{name:<10}', 'dim')}  {first}", *(" " * 12 + line for line in others)]
    return lines


def _timeline(one: Explanation, screen: Screen) -> list[str]:
    lines, day, attempt = [], "", 0
    for happened in happenings(one.events):
        when = time.localtime(happened.at)
        if (today := time.strftime("%Y-%m-%d", when)) != day:
            day = today
            lines.append(screen.paint(f"  {day}", "dim"))
        if happened.attempt != attempt and attempt:
            lines.append(screen.paint(f"  attempt {happened.attempt}", "dim"))
        attempt = happened.attempt
        after = f"+{duration(happened.after_s)}" if happened.after_s is not None else ""
        head = f"  {time.strftime('%H:%M:%S', when)} {after:>8}  {happened.event:<9}"
        first, *others = wrap(happened.told, _inner(screen, len(head) + 2))
        lines.append(f"{head}  {first}".rstrip())
        lines += [" " * (len(head) + 2) + line for line in others]
    return lines or ["  nothing has happened yet"]


def _inner(screen: Screen, indent: int) -> int | None:
    return None if screen.columns is None else max(16, screen.columns - indent)


def _as_dict(one: Explanation) -> dict[str, Any]:
    job = one.job
    return as_dict(job) | {
        "schema": 1,
        "standing": standing(job, one.around),
        "job_name": job_name(job.key, job.attempt),
        "request_token": request_token(job.key, job.attempt),
        "request": json.loads(job.intent) if job.intent else None,
        "events": [recorded._asdict() for recorded in one.events],
        "document_errors": document_errors(one.events),
        "next": [{"command": command, "does": why} for command, why in commands(job)],
        "running": one.around.running,
    }
