"""The command that looks whether everything is there that a run needs: `doctor`."""

from pathlib import Path
from typing import Annotated

import typer

from fleet.cli.options import AsJson, Config, Quiet, Yes

__all__ = ["add_diagnose"]


def add_diagnose(app: typer.Typer) -> None:
    """The command is there."""
    app.command()(doctor)


def doctor(
    manifests: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MANIFEST...]", help="Check the buckets and keys of these manifests too."),
    ] = None,
    config: Config = None,
    target: Annotated[
        list[str] | None, typer.Option("--target", metavar="TARGET", help="This target alone; may be repeated.")
    ] = None,
    write_quotas: Annotated[
        bool, typer.Option("--write-quotas", help="Write the quotas that AWS grants into the configuration file.")
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Start a few tiny jobs to learn how AWS behaves. Costs cents; asks first.")
    ] = False,
    probe_input: Annotated[
        str | None, typer.Option("--probe-input", metavar="S3_URI", help="A prefix with one small document.")
    ] = None,
    probe_kind: Annotated[
        str | None, typer.Option("--probe-kind", metavar="KIND", help="With jobs of this kind. Default: the first.")
    ] = None,
    probe_switches: Annotated[
        Path | None,
        typer.Option("--probe-switches", metavar="FILE", help="A new file: what a sandbox needs to behave so."),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Check all that a run needs: configuration, credentials, clock, ledger, role, buckets, quotas.

    Changes nothing, unless --write-quotas or --probe says so. Exit code 0 if nothing failed, 78 if the configuration is
    wrong, 1 if anything else is.

    Example: fleet doctor corpus.jsonl
    """
    if probe and not probe_input:
        raise typer.BadParameter("--probe needs --probe-input s3://bucket/prefix/ with one small document")
    if (probe_input or probe_kind or probe_switches) and not probe:
        raise typer.BadParameter("--probe-input, --probe-kind and --probe-switches go with --probe")
    from fleet.cli.doctor import ProbeWishes, doctor_command

    wishes = ProbeWishes(wanted=probe, prefix=probe_input, kind=probe_kind, switches=probe_switches)
    raise typer.Exit(
        doctor_command(
            config,
            manifests or [],
            targets=target or [],
            wishes=wishes,
            write_quotas=write_quotas,
            yes=yes,
            as_json=as_json,
            quiet=quiet,
        )
    )
