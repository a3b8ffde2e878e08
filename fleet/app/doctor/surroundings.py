"""Checks of this machine: proxy variables, and the ledger with its directory. None of them asks AWS."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from anyio import to_thread

from fleet.app.doctor.server import check_server
from fleet.core.checkup import Finding, Outcome
from fleet.core.errors import FleetError, InvalidInput
from fleet.core.secrets import redacted
from fleet.ledger.ledger import Ledger
from fleet.ledger.place import is_shared
from fleet.settings import Settings

__all__ = ["check_ledger_file", "check_proxy"]

_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
_ROOM_BYTES_MIN: Final = 100 * 2**20  # a ledger of a hundred thousand jobs, with its log
_MB: Final = 10**6


def check_proxy(environment: Mapping[str, str] | None = None) -> Finding:
    """Which proxies the environment names, without their passwords."""
    surroundings = os.environ if environment is None else environment
    found = {
        name: surroundings[name] for upper in _PROXIES for name in (upper, upper.lower()) if surroundings.get(name)
    }
    if not found:
        return Finding(check="proxy", outcome=Outcome.PASS, found="none")
    said = ", ".join(f"{name}={redacted(value)}" for name, value in found.items())
    for name, value in found.items():
        if name.upper() != "NO_PROXY" and urlsplit(value if "://" in value else f"http://{value}").scheme not in (
            "http",
            "https",
        ):
            return Finding(
                check="proxy",
                outcome=Outcome.WARN,
                found=said,
                next=f"{name}: the AWS SDK speaks to http:// and https:// proxies alone",
            )
    return Finding(check="proxy", outcome=Outcome.PASS, found=said)


async def check_ledger_file(settings: Settings) -> list[Finding]:
    """The ledger opens, or one can be made; there is room, and nobody else holds it. Touches nothing."""
    url = settings.ledger.url
    try:
        if is_shared(url):
            return await check_server(settings)
        exists = Ledger.exists(url)
    except InvalidInput as error:
        return [Finding(check="ledger", outcome=Outcome.FAIL, found=str(error), configured=True)]
    except FleetError as error:
        return [Finding(check="ledger", outcome=Outcome.FAIL, found=str(error))]
    path = Path(url.partition("://")[2][1:])
    found = await _opened(url, path) if exists else _makeable(path)
    if found.outcome is Outcome.FAIL:
        return [found]
    return [found, await to_thread.run_sync(_room, path), *_held(url)]


async def _opened(url: str, path: Path) -> Finding:
    try:
        async with await Ledger.open(url, read_only=True) as ledger:
            jobs = sum(sum(states.values()) for states in (await ledger.counts()).values())
    except FleetError as error:
        return Finding(check="ledger", outcome=Outcome.FAIL, found=str(error))
    for place in (path, path.parent):
        if not os.access(place, os.W_OK):
            return Finding(
                check="ledger",
                outcome=Outcome.FAIL,
                found=f"{place}: may not be written by this user",
                next="give the file and its directory to the user that fleet runs as",
            )
    return Finding(check="ledger", outcome=Outcome.PASS, found=f"{path}: {jobs:,} jobs")


def _makeable(path: Path) -> Finding:
    directory = path.parent
    if not directory.is_dir():
        return Finding(
            check="ledger",
            outcome=Outcome.FAIL,
            found=f"{path}: its directory does not exist",
            next=f"mkdir -p {directory}, or another [ledger] url",
        )
    if not os.access(directory, os.W_OK | os.X_OK):
        return Finding(
            check="ledger",
            outcome=Outcome.FAIL,
            found=f"{directory}: may not be written by this user",
            next="give the directory to the user that fleet runs as",
        )
    return Finding(check="ledger", outcome=Outcome.PASS, found=f"{path}: not there yet; the first run makes it")


def _room(path: Path) -> Finding:
    """How much this user may still write where the ledger is."""
    room = os.statvfs(path.parent)
    free_bytes = room.f_bavail * room.f_frsize
    enough = free_bytes >= _ROOM_BYTES_MIN
    return Finding(
        check="ledger room",
        outcome=Outcome.PASS if enough else Outcome.WARN,
        found=f"{free_bytes / _MB:,.0f} MB free in {path.parent}",
        next=None if enough else f"less than {_ROOM_BYTES_MIN / _MB:,.0f} MB: make room, a full disk stops fleet",
    )


def _held(url: str) -> list[Finding]:
    holder = Ledger.holder(url)
    if holder is None:
        return [Finding(check="ledger holder", outcome=Outcome.PASS, found="nobody holds it")]
    who = f"process {holder.pid} on {holder.host} since {holder.started_at}" if holder.pid else "another process"
    return [
        Finding(
            check="ledger holder",
            outcome=Outcome.WARN,
            found=f"held by {who}",
            next="fleet run waits for nobody: it ends with 75 while another fleet holds the ledger",
        )
    ]
