"""Commands by which a person changes what becomes of jobs: `retry`, `cancel`. Both work beside a running fleet."""

from typing import Annotated

import typer

from fleet.cli.options import AsJson, Config, DryRun, InManifests, Kinds, Quiet, Targets, Yes
from fleet.core.job import State, Verdict

__all__ = ["add_change"]

Jobs = Annotated[
    list[str] | None, typer.Argument(metavar="[JOB...]", help="Keys or their beginnings, AWS JobIds, s3:// prefixes.")
]


def add_change(app: typer.Typer) -> None:
    """The commands are there."""
    app.command()(retry)
    app.command()(cancel)


def retry(
    jobs: Jobs = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Whose reason contains this.")] = None,
    verdict: Annotated[
        list[Verdict] | None, typer.Option("--verdict", help="Verified with this verdict; may be repeated.")
    ] = None,
    state: Annotated[list[State] | None, typer.Option("--state", help="discarded or cancelled.")] = None,
    kind: Kinds = None,
    target: Targets = None,
    manifest: InManifests = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    config: Config = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Do ended jobs again, each in a new attempt.

    A running fleet starts them within seconds, or else the next fleet run does.

    Example: fleet retry --reason NO_READ_ACCESS_TO_INPUT
    """
    from fleet.app.choice import Choice
    from fleet.cli.retry import retry_command

    choice = Choice(
        jobs=tuple(jobs or ()),
        states=tuple(state or ()),
        kinds=tuple(kind or ()),
        targets=tuple(target or ()),
        verdicts=tuple(verdict or ()),
        reason_like=reason,
        manifests=tuple(manifest or ()),
    )
    raise typer.Exit(retry_command(choice, config, yes=yes, dry_run=dry_run, as_json=as_json, quiet=quiet))


def cancel(
    jobs: Jobs = None,
    everything: Annotated[bool, typer.Option("--all", help="Every job that has not ended.")] = False,
    state: Annotated[list[State] | None, typer.Option("--state", help="pending, submitting or running.")] = None,
    kind: Kinds = None,
    target: Targets = None,
    manifest: InManifests = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until all of them have ended.")] = True,
    yes: Yes = False,
    dry_run: DryRun = False,
    config: Config = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Cancel jobs, also those that run in AWS.

    Those that wait end at once; those that run by asking AWS to stop them, by default one a second and kind.

    Example: fleet cancel --kind sentiment
    """
    from fleet.app.choice import Choice
    from fleet.cli.cancel import cancel_command

    choice = Choice(
        jobs=tuple(jobs or ()),
        everything=everything,
        states=tuple(state or ()),
        kinds=tuple(kind or ()),
        targets=tuple(target or ()),
        manifests=tuple(manifest or ()),
    )
    raise typer.Exit(cancel_command(choice, config, wait=wait, yes=yes, dry_run=dry_run, as_json=as_json, quiet=quiet))
