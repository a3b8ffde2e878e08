"""The options that several commands share, so that one word means one thing everywhere."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AsJson",
    "AsJsonLines",
    "Config",
    "DryRun",
    "InManifests",
    "Kinds",
    "LogLevel",
    "Manifests",
    "Quiet",
    "SomeManifests",
    "Strict",
    "Targets",
    "Verbose",
    "Yes",
]

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", envvar="FLEET_CONFIG", help="Configuration file. Default: fleet.toml, if it exists."
    ),
]
Manifests = Annotated[
    list[str],
    typer.Argument(metavar="MANIFEST...", help="JSONL or CSV, also .gz: a file, a directory, - or s3://bucket/key."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse a manifest as a whole where one of its lines is rejected.")
]
SomeManifests = Annotated[
    list[str] | None, typer.Argument(metavar="[MANIFEST...]", help="As given to fleet run. Default: all.")
]
InManifests = Annotated[
    list[str] | None,
    typer.Option("--manifest", metavar="MANIFEST", help="Of this manifest, as given to fleet run; may be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
AsJsonLines = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
LogLevel = Annotated[
    str | None, typer.Option("--log-level", envvar="FLEET_LOG_LEVEL", help="debug, info, warning or error.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what was asked for, and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
Kinds = Annotated[list[str] | None, typer.Option("--kind", metavar="KIND", help="Of this kind; may be repeated.")]
Targets = Annotated[
    list[str] | None, typer.Option("--target", metavar="TARGET", help="Of this target; may be repeated.")
]
