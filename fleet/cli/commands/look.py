"""Commands that look and change nothing, beside a running fleet too: `status`, `jobs`, `explain`, `report`."""

from enum import StrEnum
from typing import Annotated

import typer

from fleet.cli.options import AsJson, AsJsonLines, Config, InManifests, Kinds, Quiet, SomeManifests, Targets
from fleet.core.job import State, Verdict

__all__ = ["add_look"]


class Sort(StrEnum):
    """In which order jobs are shown."""

    MANIFEST = "manifest"
    UPDATED = "updated"
    ATTEMPT = "attempt"
    SIZE = "size"
    PREFIX = "prefix"


def add_look(app: typer.Typer) -> None:
    """The commands are there."""
    for command in (status, jobs, explain, report):
        app.command()(command)


def status(
    config: Config = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Redraw until Ctrl-C.")] = False,
    every_s: Annotated[float, typer.Option("--every", min=0.2, help="Seconds between two looks with --watch.")] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Show where all jobs are now and what is in the way.

    Example: fleet status --watch
    """
    from fleet.cli.status import status_command

    raise typer.Exit(status_command(config, watch=watch, every_s=every_s, as_json=as_json))


def jobs(
    state: Annotated[list[State] | None, typer.Option("--state", help="In this state; may be repeated.")] = None,
    kind: Kinds = None,
    target: Targets = None,
    verdict: Annotated[
        list[Verdict] | None, typer.Option("--verdict", help="With this verdict; may be repeated.")
    ] = None,
    failed_like: Annotated[
        str | None, typer.Option("--failed-like", metavar="TEXT", help="Whose reason contains this text.")
    ] = None,
    manifest: InManifests = None,
    sort: Annotated[
        Sort, typer.Option(help="In which order: the newest, largest or most tried first.")
    ] = Sort.MANIFEST,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most this many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="JOB", help="Go on after this job, in the same order.")] = None,
    config: Config = None,
    as_json: AsJsonLines = False,
) -> None:
    """List jobs.

    Example: fleet jobs --state discarded --failed-like ACCESS
    """
    from fleet.app.choice import Choice
    from fleet.cli.jobs import jobs_command

    choice = Choice(
        states=tuple(state or ()),
        kinds=tuple(kind or ()),
        targets=tuple(target or ()),
        verdicts=tuple(verdict or ()),
        reason_like=failed_like,
        manifests=tuple(manifest or ()),
    )
    raise typer.Exit(jobs_command(choice, config, sort=sort.value, limit=limit, after=after, as_json=as_json))


def explain(
    job: Annotated[
        str, typer.Argument(metavar="JOB", help="A key or its beginning, an AWS JobId, or an s3:// prefix.")
    ],
    kind: Annotated[str | None, typer.Option("--kind", help="Where a prefix has jobs of several kinds.")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell a job's story and what can be done about it.

    Example: fleet explain 3f2a
    """
    from fleet.cli.explain import explain_command

    raise typer.Exit(explain_command(job, config, kind=kind, as_json=as_json))


def report(
    manifests: SomeManifests = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, one object a line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV; no cell can be taken for a formula.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="A Markdown table.")] = False,
    quiet: Quiet = False,
) -> None:
    """Tell what became of every manifest line.

    Example: fleet report corpus.jsonl --csv > report.csv
    """
    from fleet.cli.report import report_command

    chosen = [name for name, wanted in (("json", as_json), ("csv", as_csv), ("markdown", as_markdown)) if wanted]
    if len(chosen) > 1:
        raise typer.BadParameter(f"choose one of --{' and --'.join(chosen)}")
    raise typer.Exit(report_command(manifests or [], config, form=chosen[0] if chosen else "text", quiet=quiet))
