"""Commands that need no AWS account: `sandbox`, `demo`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from fleet.core.errors import Misconfigured

__all__ = ["add_emulate"]


def add_emulate(app: typer.Typer) -> None:
    """The commands are there."""
    app.command()(sandbox)
    app.command()(demo)


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
    """Serve a Comprehend and an S3 on this machine.

    For any AWS client: the AWS CLI, boto3, Airflow.

    Example: fleet sandbox --port 4510 --s3-port 4511 --set active_jobs=20
    """
    with _sandbox_extra():
        from fleet.cli.sandbox import sandbox_command

    raise typer.Exit(sandbox_command(port, s3_port, switches, settings or [], listing=list_switches, corpus=corpus))


def demo(
    directory: Annotated[Path, typer.Option("--directory", help="Where its files go; emptied first.")] = Path(".demo"),
    prefixes: Annotated[int, typer.Option(min=20, help="How many S3 prefixes the corpus has.")] = 320,
) -> None:
    """Run the main job on the sandbox, in a minute.

    A corpus of hundreds of prefixes, all five kinds, no AWS account.

    Example: fleet demo
    """
    with _sandbox_extra():
        from fleet.cli.demo import demo_command

    raise typer.Exit(demo_command(directory, prefixes))


@contextmanager
def _sandbox_extra() -> Iterator[None]:
    """Import the sandbox, or say how to get what it needs."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("fleet"):
            raise
        raise Misconfigured(f"the sandbox needs {error.name}: pip install 'comprehend-fleet[sandbox]'") from None
