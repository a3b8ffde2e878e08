"""`fleet sandbox`: the emulator in a terminal of its own, for any AWS client."""

import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio

from fleet.core.errors import InvalidInput
from fleet.sandbox import Sandbox, SwitchError, Switches, describe_switches, read_switches
from fleet.sandbox.corpus import make, upload
from fleet.sandbox.store import S3Store

__all__ = ["sandbox_command"]


def sandbox_command(
    port: int, s3_port: int, switches: Path | None, settings: Sequence[str], *, listing: bool, corpus: bool
) -> int:
    """Serve until SIGINT or SIGTERM, or print the switches; 0."""
    try:
        chosen = read_switches(switches, settings)
    except SwitchError as error:
        raise InvalidInput(f"sandbox: {error}") from None
    if listing:
        sys.stdout.write(_listing(chosen))
        return 0
    try:
        anyio.run(_serve, chosen, port, s3_port, corpus)
    except OSError as error:
        raise InvalidInput(f"sandbox: cannot listen: {error}; choose other ports with --port and --s3-port") from None
    return 0


async def _serve(switches: Switches, port: int, s3_port: int, corpus: bool) -> None:
    documents = make() if corpus else None
    if documents is not None and not switches.recognizers:
        terms = {
            arn: {word: tuple(said) for word, said in types.items()} for arn, types in documents.recognizers.items()
        }
        switches = replace(switches, recognizers=terms)
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with Sandbox(switches, port=port, s3_port=s3_port) as sandbox:
            if documents is not None:
                async with S3Store(sandbox.s3_url) as store:
                    await upload(documents, store)
            _say(*sandbox.exports())
            _say(
                f"# The sandbox serves Comprehend at {sandbox.comprehend_url} and S3 at {sandbox.s3_url}.",
                f"# What it saw: {sandbox.comprehend_url}/sandbox/truth · Ctrl-C ends it.",
            )
            async for _ in signals:
                return


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _listing(switches: Switches) -> str:
    rows = describe_switches(switches)
    return "".join(
        f"{row['name']} = {row['value']}    ({row['type']})\n    {row['about']}\n    AWS: {row['known']}\n"
        for row in rows
    )
