"""Odd environments: streams that are closed, broken or full, locales, users and directories that are not there."""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.bench.service import Service
from tests.faults.process.conftest import ACCOUNTS, FOREIGN_WORDS
from tests.faults.process.place import Place, prefixes

SHELL = ("sh", "-c")
ENDS_S = 50


def full_pipe(stack: ExitStack) -> int:
    """The end to write to of a pipe that is full and that nobody reads."""
    unread, end = os.pipe()
    stack.callback(os.close, unread)
    stack.callback(os.close, end)
    os.set_blocking(end, False)
    size_bytes = fcntl.fcntl(end, fcntl.F_GETPIPE_SZ)
    assert os.write(end, b"x" * size_bytes) == size_bytes
    os.set_blocking(end, True)
    return end


def broken_pipe(stack: ExitStack) -> int:
    """The end to write to of a pipe whose reader has left."""
    unread, end = os.pipe()
    os.close(unread)
    stack.callback(os.close, end)
    return end


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """One environment: what runs the command, the variables (None: not set), and what its streams are."""

    within: Sequence[str] = ()
    variables: Mapping[str, str | None] = field(default_factory=dict)
    streams: Mapping[str, Callable[[ExitStack], int]] = field(default_factory=dict)


CASES = {
    "standard output is closed": Odd(within=(*SHELL, 'exec "$0" "$@" >&-')),
    "standard output has lost its reader": Odd(streams={"stdout": broken_pipe}),
    "standard error is a full pipe": Odd(streams={"stderr": full_pipe}),
    "standard error has lost its reader": Odd(streams={"stderr": broken_pipe}),
    "all standard streams are closed": Odd(within=(*SHELL, 'exec "$0" "$@" <&- >&- 2>&-')),
    "the locale is C": Odd(variables={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "the time zone does not exist": Odd(variables={"TZ": "Nowhere/At/All"}),
    "the time zone is absurd": Odd(variables={"TZ": "XYZ-167:59:59ABC,J1/-167,J365/167"}),
    "there is no home": Odd(variables={"HOME": None, "USER": None, "LOGNAME": None}),
    "the home cannot be read": Odd(variables={"HOME": "/proc/1/cwd/nowhere"}),
    "the user has no passwd entry": Odd(
        within=("unshare", "--user", "--map-user=54321", "--map-group=54321"), variables={"HOME": None, "USER": None}
    ),
    "/tmp cannot be written": Odd(
        within=(
            *("unshare", "--user", "--map-root-user", "--mount"),
            *(*SHELL, 'mount --bind /tmp /tmp && mount -o remount,ro,bind /tmp && exec "$0" "$@"'),
        ),
        variables={"TMPDIR": None},
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one run ended; `code` None: not at all."""

    place: Place
    code: int | None


@pytest.fixture(scope="module")
def runs(shared_service: Service) -> Iterator[dict[str, Ended]]:
    """All cases at the same time, each with an account and a directory of its own."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        running = {name: _start(case, shared_service, root, stack) for name, case in CASES.items()}
        yield {name: _end(place, process) for name, (place, process) in running.items()}


def _start(case: Odd, service: Service, root: Path, stack: ExitStack) -> "tuple[Place, subprocess.Popen[bytes] | None]":
    account = str(next(ACCOUNTS))
    uris = [*prefixes(1), FOREIGN_WORDS]
    place = Place(directory=root / account, service=service, account=account, uris=uris, kinds=("entities",))
    if case.within[:1] == ("unshare",) and not _can_unshare():
        return place, None
    streams: dict[str, Any] = {name: make(stack) for name, make in case.streams.items()}
    process = place.start(within=case.within, environment=case.variables, **streams)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return place, process


def _can_unshare() -> bool:
    probe = ("unshare", "--user", "--map-root-user", "--mount", "true")
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def _end(place: Place, process: "subprocess.Popen[bytes] | None") -> Ended:
    if process is None:
        return Ended(place=place, code=None)
    try:
        return Ended(place=place, code=process.wait(ENDS_S))
    except subprocess.TimeoutExpired:
        return Ended(place=place, code=-1)


@pytest.mark.parametrize("case", CASES)
def test_a_run_does_its_work_although(case: str, runs: dict[str, Ended]) -> None:
    """Exit code 0, every job started once and verified, no traceback; whatever cannot be printed is dropped."""
    ended = runs[case]
    if ended.code is None:
        pytest.skip("this machine allows no user namespaces")

    said = ended.place.said()

    assert ended.code == 0, said
    assert "Traceback" not in said
    assert ended.place.violations() == []
