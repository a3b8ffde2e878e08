"""The commands and their options. Errors of users end in one plain message and their own exit code, never a traceback.

Exit codes: 0 all verified; 1 some discarded, cancelled or rejected; 2 usage; 65 bad data; 75 ledger held by another
process; 78 configuration; 130/143 signals.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from fleet import __version__
from fleet.core.errors import Corrupt, FleetError, InvalidInput, Locked, Misconfigured, leaves

__all__ = ["app", "main"]

app = typer.Typer(
    name="fleet",
    help="The job fleet manager for Amazon Comprehend's asynchronous analysis.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

_EXIT_CODES: Final[tuple[tuple[type[FleetError], int], ...]] = (
    (Misconfigured, 78),
    (InvalidInput, 65),
    (Corrupt, 65),
    (Locked, 75),
)

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", envvar="FLEET_CONFIG", help="Configuration file. Default: fleet.toml, if it exists."
    ),
]
Manifests = Annotated[
    list[str], typer.Argument(metavar="MANIFEST...", help="JSONL or CSV, also .gz: a path, - or s3://bucket/key.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
LogLevel = Annotated[
    str | None, typer.Option("--log-level", envvar="FLEET_LOG_LEVEL", help="debug, info, warning or error.")
]


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """The job fleet manager for Amazon Comprehend's asynchronous analysis."""
    if version:
        typer.echo(f"fleet {__version__}")
        raise typer.Exit


@app.command()
def run(manifests: Manifests, config: Config = None, as_json: AsJson = False, log_level: LogLevel = None) -> None:
    """Run the manifests to the end: every line's jobs verified or given up with a reason, then a summary.

    Interrupt it as you like, even with kill -9: the same command goes on where it stopped.

    Example: fleet run corpus.jsonl --config fleet.toml
    """
    from fleet.cli.run import run_command

    raise typer.Exit(run_command(manifests, config, as_json=as_json, log_level=log_level))


@app.command()
def plan(manifests: Manifests, config: Config = None, as_json: AsJson = False) -> None:
    """Show what would be started, which lines are rejected, and how long it may take. Touches nothing.

    Example: fleet plan corpus.jsonl
    """
    from fleet.cli.plan import plan_command

    raise typer.Exit(plan_command(manifests, config, as_json=as_json))


@app.command()
def status(config: Config = None, as_json: AsJson = False) -> None:
    """Show where the ledger's jobs are now. Works while fleet runs.

    Example: fleet status
    """
    from fleet.cli.status import status_command

    raise typer.Exit(status_command(config, as_json=as_json))


@app.command()
def report(
    manifests: Annotated[list[str] | None, typer.Argument(metavar="[MANIFEST...]", help="Default: all.")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell, for every manifest line, what became of its jobs and where the output is.

    Example: fleet report corpus.jsonl --json > report.json
    """
    from fleet.cli.status import report_command

    raise typer.Exit(report_command(manifests or [], config, as_json=as_json))


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Port of the Comprehend endpoint; 0 picks a free one.")] = 4510,
    s3_port: Annotated[int, typer.Option("--s3-port", help="Port of the S3 endpoint; 0 picks a free one.")] = 4511,
    switches: Annotated[
        Path | None, typer.Option("--switches", help="TOML file of switches (see --list-switches).")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One switch; may be repeated.")
    ] = None,
    list_switches: Annotated[bool, typer.Option("--list-switches", help="Print every switch and leave.")] = False,
    corpus: Annotated[bool, typer.Option("--corpus", help="Upload the demo corpus to the sandbox's S3.")] = False,
) -> None:
    """Serve an Amazon Comprehend and an S3 of our own on this machine, for any AWS client.

    Example: fleet sandbox --port 4510 --s3-port 4511 --set active_jobs=20
    """
    with _sandbox_extra():
        from fleet.cli.sandbox import sandbox_command

    raise typer.Exit(sandbox_command(port, s3_port, switches, settings or [], listing=list_switches, corpus=corpus))


@app.command()
def demo(
    directory: Annotated[Path, typer.Option("--directory", help="Where its files go; emptied first.")] = Path(".demo"),
    prefixes: Annotated[int, typer.Option(min=20, help="How many S3 prefixes the corpus has.")] = 320,
) -> None:
    """Run the main job on the sandbox: a corpus of hundreds of prefixes, all five kinds, no AWS account, one minute.

    Example: fleet demo
    """
    with _sandbox_extra():
        from fleet.cli.demo import demo_command

    raise typer.Exit(demo_command(directory, prefixes))


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app()
    except BaseException as error:
        known = [leaf for leaf in leaves(error) if isinstance(leaf, FleetError)]
        code = next((code for leaf in known for kind, code in _EXIT_CODES if isinstance(leaf, kind)), None)
        if code is None:
            raise
        for leaf in known:
            sys.stderr.write(f"fleet: {leaf}\n")
        sys.exit(code)


@contextmanager
def _sandbox_extra() -> Iterator[None]:
    """Import the sandbox, or say how to get what it needs."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("fleet"):
            raise
        raise Misconfigured(f"the sandbox needs {error.name}: pip install 'comprehend-fleet[sandbox]'") from None
