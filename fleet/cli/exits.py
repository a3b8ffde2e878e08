"""Exit codes, and how an error is told: what, where, what next; as text, or with --json as one JSON object.

Codes follow sysexits.h where it has one. The table is what the documentation shows and what a test walks.
"""

import errno
import json
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NoReturn

import typer

from fleet.core.errors import (
    Conflict,
    Corrupt,
    Denied,
    DiskFailed,
    FleetError,
    InvalidInput,
    Locked,
    Lost,
    Misconfigured,
    Rejected,
    Throttled,
    TooNew,
    Unavailable,
    Unwritable,
    leaves,
)
from fleet.core.report import printable
from fleet.core.secrets import known_secrets, redacted

__all__ = ["ERRORS", "EXIT_CODES", "CannotCreate", "Told", "leave", "told"]

_SCHEMA: Final = 1


class CannotCreate(FleetError):
    """A file that a command should make is there already, or cannot be made."""


EXIT_CODES: Final[dict[int, str]] = {
    0: "all is done: every job is verified, or what was asked for was shown",
    1: "some jobs are discarded, cancelled or not done, or some lines rejected; or a question was answered with no",
    2: "wrong usage: an unknown command, option or argument",
    65: "bad data: a manifest, a job that is not there, a damaged ledger",
    69: "AWS cannot be reached, or asks to slow down",
    70: "a bug in fleet",
    73: "a file cannot be made, or is there already",
    74: "reading or writing failed: a full or failing disk, or a database out of reach",
    75: "the ledger is held by another process: try again later",
    77: "permission denied, by AWS or by the operating system",
    78: "the configuration cannot work, or the ledger is of a newer fleet",
    130: "ended by SIGINT (Ctrl-C)",
    141: "ended by SIGPIPE: whoever read the output has left",
    143: "ended by SIGTERM",
}

ERRORS: Final[tuple[tuple[type[FleetError], int, str | None], ...]] = (
    (Misconfigured, 78, None),
    (CannotCreate, 73, None),
    (InvalidInput, 65, None),
    (Corrupt, 65, None),
    (Rejected, 65, None),
    (Lost, 65, None),
    (DiskFailed, 74, None),
    (Unwritable, 74, None),
    (Locked, 75, "status, jobs, explain, report, retry and cancel work beside it"),
    (Conflict, 75, "somebody else changed it first: run the command again"),
    (Denied, 77, "fleet doctor checks credentials and permissions"),
    (Throttled, 69, "run the command again later"),
    (Unavailable, 69, "run the command again; fleet doctor checks the way to AWS"),
    (TooNew, 78, None),
)
"""Each kind of error with its exit code, and what to do next where the error's text does not say it itself."""

_USAGE_ERROR: Final = typer.BadParameter.__mro__[2]  # what every wrong command line is; typer exports only this child


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a command ends: its exit code, the kind of error, its messages, and what to do next."""

    code: int
    kind: str
    messages: Sequence[str]
    hint: str | None = None
    trace: str | None = None
    bare: bool = False

    def as_text(self) -> str:
        """Lines for a terminal, in which nothing moves the cursor."""
        if self.bare:
            return "".join(f"{message}\n" for message in self.messages)
        lines = [f"fleet: {printable(line)}" for message in self.messages for line in message.split("\n")]
        if self.hint:
            lines.append(f"  next: {printable(self.hint)}")
        return (self.trace or "") + "".join(f"{line}\n" for line in lines)

    def as_json(self) -> str:
        """One JSON object on one line."""
        error = {"exit_code": self.code, "kind": self.kind, "message": "\n".join(self.messages), "next": self.hint}
        if self.trace:
            error["trace"] = self.trace
        return json.dumps({"schema": _SCHEMA, "error": error}) + "\n"


def told(error: BaseException) -> Told:
    """How to end after this error, whatever it is."""
    if isinstance(error, _USAGE_ERROR):
        return _usage(error)
    found = leaves(error)
    for kind, code, hint in ERRORS:
        known = list(dict.fromkeys(str(leaf) for leaf in found if isinstance(leaf, kind)))
        if known:
            return Told(code=code, kind=_snake(kind), messages=known, hint=hint)
    first = found[0]
    if isinstance(first, KeyboardInterrupt):
        return Told(code=130, kind="interrupted", messages=())
    if isinstance(first, OSError):
        denied = first.errno in (errno.EACCES, errno.EPERM)
        where = f"{first.filename}: " if first.filename else ""
        return Told(code=77 if denied else 74, kind="io", messages=[f"{where}{first.strerror or first}"])
    return Told(
        code=70,
        kind="bug",
        messages=[f"{type(first).__name__}: {first}"],
        hint="this is a bug in fleet: please report it with the lines above; nothing in the ledger is lost",
        trace="".join(traceback.format_exception(error)),
    )


def leave(error: BaseException, *, as_json: bool) -> NoReturn:
    """Tell the error on standard error, and end the process with its code."""
    found, known = told(error), known_secrets(os.environ)
    messages = [redacted(message, known) for message in found.messages]
    found = replace(found, messages=messages, trace=redacted(found.trace, known) if found.trace else None)
    sys.stderr.write(found.as_json() if as_json else found.as_text())
    sys.exit(found.code)


def _usage(error: BaseException) -> Told:
    message = str(getattr(error, "format_message", lambda: error)())
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the whole help
        return Told(code=2, kind="usage", messages=[message], bare=True)
    message = message.replace("\n", " ")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "fleet"
    return Told(
        code=2, kind="usage", messages=[_with_meant(message, error)], hint=f"{command} --help shows what there is"
    )


def _with_meant(message: str, error: BaseException) -> str:
    """`Possible options: --json` said as everywhere else: did you mean."""
    meant = sorted(getattr(error, "possibilities", None) or ())
    if not meant:
        return message
    return f"{message.partition(' (')[0]}. Did you mean {' or '.join(meant)}?"


def _snake(kind: type[BaseException]) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in kind.__name__).lstrip("_")
