"""`fleet discover`: a manifest of a corpus's real prefixes, written as they are found."""

import json
import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import anyio

from fleet.app.discovery import Discovery, discover
from fleet.cli.exits import CannotCreate
from fleet.cli.screen import Screen
from fleet.core.columns import cut, wrap
from fleet.settings import Settings, load

__all__ = ["discover_command"]


def discover_command(
    corpus: str,
    config: Path | None,
    *,
    depth: int,
    min_bytes: int,
    target: str | None,
    output: Path | None,
    quiet: bool,
) -> int:
    """Write a manifest line for every prefix; 0, or 1 where none was found. Half a manifest is never left behind."""
    settings = load(config)
    seen = Discovery()
    if output is None:
        anyio.run(_write, settings, corpus, depth, min_bytes, target, seen, sys.stdout)
    else:
        try:
            file = os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8")
        except OSError as error:
            raise CannotCreate(f"{output}: cannot be made ({error.strerror}); give another name") from None
        try:
            with file:
                anyio.run(_write, settings, corpus, depth, min_bytes, target, seen, file)
        except BaseException:
            with suppress(OSError):
                output.unlink()
            raise
    if not quiet:
        _tell(seen, corpus, depth, output)
    return 0 if seen.found else 1


async def _write(
    settings: Settings,
    corpus: str,
    depth: int,
    min_bytes: int,
    target: str | None,
    seen: Discovery,
    file: TextIO,
) -> None:
    found = discover(settings, corpus, depth=depth, min_bytes=min_bytes, target=target, seen=seen)
    async for prefix in found:
        file.write(json.dumps({"prefix": prefix}) + "\n")


def _tell(seen: Discovery, corpus: str, depth: int, output: Path | None) -> None:
    screen = Screen(sys.stderr)
    said = [f"{seen.found:,} prefixes at depth {depth} of {cut(corpus, None)}; {seen.folders:,} folders listed."]
    if seen.small:
        said.append(f"{seen.small:,} smaller ones are left out (--min-bytes).")
    if seen.loose:
        examples = ", ".join(seen.loose_examples)
        said.append(
            f"{seen.loose:,} objects lie beside folders, above that depth, and are in no prefix: {examples}; a smaller "
            "--depth takes them in."
        )
    if not seen.found:
        said.append("Nothing was found: is the prefix right? A smaller --depth looks nearer.")
    elif output is not None:
        said.append(f"Next: fleet plan {shlex.quote(str(output))}")
    screen.say(*(line for one in said for line in wrap(one, screen.columns)))
