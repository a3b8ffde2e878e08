"""The real command line in this process, in a directory of its own."""

import contextlib
import importlib
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

__all__ = ["Said", "run"]


@dataclass(frozen=True)
class Said:
    """What one command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(directory: Path, *words: str, variables: Mapping[str, str] | None = None, stdin: bytes = b"") -> Said:
    """Run `fleet` with these words in the directory, with nothing of FLEET_ in its environment but `variables`."""
    cli = importlib.import_module("fleet.cli.main")  # as an attribute of its package, `main` is the function
    out, err = _stream(), _stream()
    code = 0
    with (
        _surroundings(directory, words, variables or {}, stdin),
        mock.patch.object(cli, "secure_streams"),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as left:
            code = int(left.code or 0)
    return Said(code, _text(out), _text(err))


@contextlib.contextmanager
def _surroundings(
    directory: Path, words: tuple[str, ...], variables: Mapping[str, str], stdin: bytes
) -> Iterator[None]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLEET_")}
    with (
        contextlib.chdir(directory),
        mock.patch.object(sys, "argv", ["fleet", *words]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
        mock.patch.dict(os.environ, environment | dict(variables), clear=True),
    ):
        yield


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.detach().getvalue().decode()  # type: ignore[attr-defined,no-any-return]
