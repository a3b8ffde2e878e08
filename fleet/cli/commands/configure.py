"""Commands about fleet itself: `config show|check|schema`, `version`."""

import typer

from fleet.cli.options import AsJson, Config, Verbose

__all__ = ["add_configure"]

_config = typer.Typer(name="config", help="Show, check or describe the configuration.", no_args_is_help=True)


def add_configure(app: typer.Typer) -> None:
    """The commands are there."""
    app.add_typer(_config)
    app.command()(version)


@_config.command()
def show(config: Config = None, as_json: AsJson = False) -> None:
    """Print every setting with its value and where that comes from. Secrets are masked.

    Example: fleet config show
    """
    from fleet.cli.config import show_command

    raise typer.Exit(show_command(config, as_json=as_json))


@_config.command()
def check(config: Config = None, as_json: AsJson = False) -> None:
    """Check the configuration without a call to AWS; 78 where it cannot work.

    Example: fleet config check --config fleet.toml
    """
    from fleet.cli.config import check_command

    raise typer.Exit(check_command(config, as_json=as_json))


@_config.command()
def schema() -> None:
    """Print the JSON Schema of fleet.toml, for editors.

    Example: fleet config schema > fleet.schema.json
    """
    from fleet.cli.config import schema_command

    raise typer.Exit(schema_command())


def version(as_json: AsJson = False, verbose: Verbose = False) -> None:
    """Print the version; with --verbose what it runs on.

    Example: fleet version --verbose
    """
    from fleet.cli.version import version_command

    raise typer.Exit(version_command(as_json=as_json, verbose=verbose))
