"""`fleet version`: which fleet this is, and what it runs on."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from fleet import __version__
from fleet.cli.streams import put

__all__ = ["version_command"]

_PARTS: Final = ("aioboto3", "botocore", "anyio", "pydantic", "typer", "moto")


def version_command(*, as_json: bool, verbose: bool) -> int:
    """Print the version; 0."""
    parts = {name: found for name in _PARTS if (found := _version_of(name))}
    about = {"python": platform.python_version(), "platform": platform.platform(), **parts}
    if as_json:
        put(json.dumps({"schema": 1, "fleet": __version__, **about}) + "\n")
    else:
        lines = [f"fleet {__version__}"]
        lines += [f"{name:<10}{value}" for name, value in about.items()] if verbose else []
        put("\n".join(lines) + "\n")
    return 0


def _version_of(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
