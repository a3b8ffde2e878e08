"""`fleet ledger ...`: look after the ledger. Everything but `copy` and `rebuild` works beside a running fleet."""

import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Annotated, Any, Final

import anyio
import typer

from fleet.cli.screen import Screen
from fleet.core.errors import InvalidInput
from fleet.core.report import plural

__all__ = ["ledger_app"]

_BAR_COLUMNS: Final = 24
_REDRAW_S: Final = 0.2

ledger_app = typer.Typer(
    name="ledger", help="Check, back up, copy, export or rebuild the ledger.", no_args_is_help=True
)

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", envvar="FLEET_CONFIG", help="Configuration file. Default: fleet.toml, if it exists."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


@ledger_app.command()
def check(config: Config = None, as_json: AsJson = False) -> None:
    """Read the whole ledger and say whether it is sound: its file, its counts, and each job against its history.

    Exit code 0 if it is, 65 if not.

    Example: fleet ledger check
    """
    from fleet.app import check_ledger
    from fleet.settings import load

    checked = anyio.run(check_ledger, load(config))
    if as_json:
        _print_json({"sound": checked.sound, "jobs": checked.jobs, "findings": checked.findings})
    elif checked.sound:
        sys.stdout.write(f"The ledger is sound: {checked.jobs:,} jobs.\n")
    else:
        sys.stdout.write("".join(f"{finding}\n" for finding in checked.findings))
        sys.stderr.write("fleet: the ledger is not sound: restore a backup, or see fleet ledger rebuild --help\n")
    raise typer.Exit(0 if checked.sound else 65)


@ledger_app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy; nothing may have this name yet.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Copy the ledger as it is now, also while fleet writes it. The copy is for its owner alone (0600).

    To restore it, stop fleet, move fleet.db* aside and copy it to the ledger's path: the next run adopts what AWS has
    started since then.

    Example: fleet ledger backup fleet-2025-01-31.db
    """
    from fleet.app import back_up_ledger
    from fleet.settings import load

    size_bytes = anyio.run(back_up_ledger, load(config), file)
    if as_json:
        _print_json({"file": str(file), "size_bytes": size_bytes})
    else:
        sys.stdout.write(f"{file}: {size_bytes:,} bytes\n")


@ledger_app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="sqlite:///fleet.db or postgresql://user@host/name.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The same; an empty database, or a file to be made.")],
    source_password_file: Annotated[
        Path | None, typer.Option("--from-password-file", metavar="FILE", help="Holds the password of FROM.")
    ] = None,
    target_password_file: Annotated[
        Path | None, typer.Option("--to-password-file", metavar="FILE", help="Holds the password of TO.")
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Copy a ledger into another, empty one: from a file to PostgreSQL, or back. No fleet may work on either.

    TO then has all of FROM, compared row by row, or it is as empty as before. Where a URL is that of [ledger] url,
    [ledger] password_file serves it. Keep the old ledger, but let no fleet work with it again.

    Example: fleet ledger copy sqlite:///fleet.db postgresql://fleet@db.example.internal/fleet
    """
    from fleet.app import copied
    from fleet.settings import load

    settings = load(config)
    line = _ProgressLine(Screen(sys.stderr))
    try:
        found = anyio.run(copied, settings, source, target, source_password_file, target_password_file, line)
    finally:
        line.end()
    if as_json:
        contents = {table: {"rows": rows, "digest": digest} for table, (rows, digest) in found.contents.items()}
        _print_json({"from": found.source, "to": found.target, "same": True, "tables": contents})
        return
    jobs, events = (plural(found.contents[f"{noun}s"].rows, noun) for noun in ("job", "event"))
    sys.stdout.write(f"Copied {jobs} with {events} from {found.source} to {found.target}; both are the same.\n")


@ledger_app.command()
def export(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where to; standard output if nothing is said.")
    ] = None,
    config: Config = None,
) -> None:
    """Write every job with all that happened to it: one JSON object a line.

    Example: fleet ledger export jobs.jsonl
    """
    from fleet.settings import load

    if file is None:
        anyio.run(_export, load(config), sys.stdout)
        return
    try:
        stream = os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{file}: cannot be made ({error.strerror})") from None
    try:
        with stream:
            anyio.run(_export, load(config), stream)
    except BaseException as error:
        with suppress(OSError):
            file.unlink()  # half an export must not pass for a whole one
        if isinstance(error, OSError):
            raise InvalidInput(f"{file}: cannot be written ({error.strerror})") from None
        raise


@ledger_app.command()
def rebuild(
    manifests: Annotated[
        list[str], typer.Argument(metavar="MANIFEST...", help="All manifests of the lost ledger: paths or s3://.")
    ],
    config: Config = None,
    as_json: AsJson = False,
    force: Annotated[bool, typer.Option("--force", help="Also where the ledger that is there is sound.")] = False,
) -> None:
    """Make a new ledger from the manifests and from what AWS has under fleet's names. Starts nothing.

    What is at the ledger's path is kept as <name>.damaged-<time>. Only the jobs that AWS still lists can be adopted.

    Example: fleet ledger rebuild corpus.jsonl
    """
    from fleet.app import rebuild_ledger, set_up_logs
    from fleet.settings import load

    set_up_logs(level="warning")
    rebuilt = anyio.run(rebuild_ledger, load(config), manifests, force)
    if as_json:
        _print_json(
            {
                "moved_to": rebuilt.moved_to,
                "jobs": rebuilt.jobs,
                "adopted": rebuilt.adopted,
                "rejected": rebuilt.rejected,
                "orphans": rebuilt.orphans,
            }
        )
        return
    if rebuilt.moved_to:
        sys.stdout.write(f"The old ledger is now {rebuilt.moved_to}\n")
    sys.stdout.write(f"{rebuilt.jobs:,} jobs; {rebuilt.adopted:,} of them adopted from AWS")
    sys.stdout.write(f"; {rebuilt.rejected:,} rejected lines\n" if rebuilt.rejected else "\n")
    if rebuilt.orphans:
        sys.stdout.write(
            f"AWS has {rebuilt.orphans:,} more jobs of fleet's names that these manifests do not ask for: they are "
            "adopted when a manifest does\n"
        )
    sys.stdout.write(f"Go on with: fleet run {' '.join(manifests)}\n")


async def _export(settings: Any, stream: IO[str]) -> None:
    from fleet.app import exported

    async for record in exported(settings):
        stream.write(json.dumps(record, separators=(",", ":")) + "\n")


class _ProgressLine:
    """One line on the terminal that says how far a copy is; nothing where there is no terminal."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._drawn_at = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._screen.live and now - self._drawn_at >= _REDRAW_S:
            # each row is read once and compared once
            what = "copied" if 2 * done <= total else "compared"
            rows = f"{done if 2 * done <= total else done - total // 2:,} of {total // 2:,} rows {what}"
            self._screen.stream.write(f"\r\x1b[K{self._screen.bar(done, total, _BAR_COLUMNS)} {rows}")
            self._screen.stream.flush()
            self._drawn_at = now

    def end(self) -> None:
        """What follows begins on a line of its own."""
        if self._drawn_at:
            self._screen.stream.write("\n")


def _print_json(found: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
