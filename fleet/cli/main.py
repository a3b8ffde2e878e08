"""The command line: it registers the commands, and turns every error into one plain message and its exit code.

What a command takes is in `commands/`, what it does in a module of its own, which is imported when it is called, so
that help appears at once. The exit codes are the table in `exits.py`.
"""

import gc
import signal
import sys
from typing import Annotated, Final

import typer

from fleet import __version__
from fleet.cli.commands import add_change, add_configure, add_diagnose, add_emulate, add_look, add_work
from fleet.cli.exits import leave
from fleet.cli.ledger import ledger_app
from fleet.cli.streams import finish_output, secure_streams

__all__ = ["app", "main"]

_COLLECT_AFTER: Final = 50_000  # new objects; at Python's 700 a sixth of a short command's time is the collector's

app = typer.Typer(
    name="fleet",
    help="The job fleet manager for Amazon Comprehend's asynchronous analysis.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

add_work(app)
add_diagnose(app)
add_look(app)
add_change(app)
app.add_typer(ledger_app)
add_configure(app)
add_emulate(app)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """The job fleet manager for Amazon Comprehend's asynchronous analysis."""
    if version:
        typer.echo(f"fleet {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line and leave with its exit code."""
    secure_streams()
    gc.set_threshold(_COLLECT_AFTER)
    try:
        try:
            code = app(standalone_mode=False)
        finally:
            finish_output()
    except BrokenPipeError:
        sys.exit(128 + signal.SIGPIPE)  # what a shell reports of a program that nobody listens to
    except SystemExit:
        raise
    except BaseException as error:  # a group that holds a KeyboardInterrupt is no Exception
        leave(error, as_json="--json" in sys.argv[1:])
    sys.exit(code if isinstance(code, int) else 0)
