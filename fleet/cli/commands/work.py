"""Commands that lead to work: `init`, `discover`, `plan`, `run`, `serve`."""

from pathlib import Path
from typing import Annotated

import typer

from fleet.cli.options import AsJson, Config, LogLevel, Manifests, Quiet, Strict, Verbose

__all__ = ["add_work"]


def add_work(app: typer.Typer) -> None:
    """The commands are there."""
    for command in (init, discover, plan, run, serve):
        app.command()(command)


def init(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to; made if it is not there.")] = Path(),
    quiet: Quiet = False,
) -> None:
    """Write a commented fleet.toml and a sample manifest. Overwrites nothing.

    Example: fleet init migration
    """
    from fleet.cli.init import init_command

    raise typer.Exit(init_command(directory, quiet=quiet))


def discover(
    corpus: Annotated[str, typer.Argument(metavar="S3_URI", help="Where the corpus begins: s3://bucket/prefix/.")],
    depth: Annotated[
        int, typer.Option(min=0, max=20, help="How many folders below it a manifest line stands for.")
    ] = 1,
    min_bytes: Annotated[int, typer.Option(min=0, help="Leave out prefixes that hold fewer bytes than this.")] = 0,
    target: Annotated[str | None, typer.Option(help="Read with this target's credentials. Default: the first.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new file for the manifest. Default: standard output.")
    ] = None,
    config: Config = None,
    quiet: Quiet = False,
) -> None:
    """Write a manifest of the prefixes of a corpus in S3.

    Example: fleet discover s3://corpus-in/ --depth 2 --output manifest.jsonl
    """
    from fleet.cli.discover import discover_command

    raise typer.Exit(
        discover_command(corpus, config, depth=depth, min_bytes=min_bytes, target=target, output=output, quiet=quiet)
    )


def plan(
    manifests: Manifests,
    config: Config = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="List the inputs in S3 too, to tell their sizes and what they may cost.")
    ] = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show what a run would do, and what is wrong.

    Which jobs start, which lines are rejected, how long it may take, what it may cost. Touches nothing. Exit code 1
    where lines are rejected, 65 where --strict refuses a manifest for them.

    Example: fleet plan corpus.jsonl
    """
    from fleet.cli.plan import plan_command

    raise typer.Exit(
        plan_command(manifests, config, strict=strict, measure=measure, as_json=as_json, quiet=quiet, verbose=verbose)
    )


def run(
    manifests: Manifests,
    config: Config = None,
    rerun_changed: Annotated[
        bool, typer.Option("--rerun-changed", help="Do ended jobs again whose settings the manifest has changed.")
    ] = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_level: LogLevel = None,
) -> None:
    """Run the manifests to the end, then print a summary.

    Every line's jobs are verified, or given up with a reason.

    Interrupt it as you like, even with kill -9: the same command goes on where it stopped.

    Example: fleet run corpus.jsonl --config fleet.toml
    """
    from fleet.cli.run import run_command

    level = log_level or ("debug" if verbose else "error" if quiet else None)
    raise typer.Exit(
        run_command(
            manifests,
            config,
            rerun_changed=rerun_changed,
            strict=strict,
            as_json=as_json,
            quiet=quiet,
            log_level=level,
        )
    )


def serve(
    manifests: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MANIFEST...]", help="Files, directories of manifests, or s3://bucket/key: watched."),
    ] = None,
    config: Config = None,
    strict: Strict = False,
    verbose: Verbose = False,
    log_level: LogLevel = None,
) -> None:
    """Stay and work: take in what is new in the manifests, and answer on [http] listen (health, metrics, a page).

    SIGTERM drains and leaves; SIGHUP reads the configuration again.

    Example: fleet serve manifests/ --config fleet.toml
    """
    from fleet.cli.serve import serve_command

    level = log_level or ("debug" if verbose else None)
    raise typer.Exit(serve_command(manifests or [], config, strict=strict, log_level=level))
