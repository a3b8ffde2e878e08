"""sd_notify: what a supervisor hears, on a socket with a name in the file system and on an abstract one."""

import os
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fleet.app.notify import Notify


def listening(address: str) -> socket.socket:
    supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    supervisor.bind(address)
    supervisor.settimeout(5)
    return supervisor


@pytest.fixture(params=["path", "abstract"])
def names(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The address as the environment has it, and as the kernel has it."""
    if request.param == "path":
        path = str(tmp_path / "notify")
        return path, path
    return f"@fleet-test-{os.getpid()}", f"\0fleet-test-{os.getpid()}"


@pytest.mark.parametrize(
    ("tell", "heard"),
    [
        (lambda notify: notify.ready("0 of 3 jobs done"), "READY=1\nSTATUS=0 of 3 jobs done"),
        (lambda notify: notify.status("two\nlines"), "STATUS=two lines"),
        (lambda notify: notify.reloading(), "RELOADING=1\nMONOTONIC_USEC=42000\nSTATUS=Reloading"),
        (lambda notify: notify.stopping("Draining"), "STOPPING=1\nSTATUS=Draining"),
        (lambda notify: notify.extend(1.5), "EXTEND_TIMEOUT_USEC=1500000"),
        (lambda notify: notify.alive(), "WATCHDOG=1"),
    ],
)
def test_a_supervisor_hears_what_the_protocol_says(
    names: tuple[str, str], tell: Callable[[Notify], None], heard: str
) -> None:
    """One datagram each, in the words of sd_notify(3); a status is one line."""
    named, bound = names
    with closing(listening(bound)) as supervisor, closing(Notify(named, monotonic_ns=lambda: 42_000_000)) as notify:
        tell(notify)

        assert supervisor.recv(1024).decode() == heard


def test_the_variables_are_taken_out_of_the_environment() -> None:
    """A credential process that fleet starts must not speak for fleet."""
    environment = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}

    with closing(Notify.from_environment(environment)) as notify:
        assert notify.watchdog_s == 30.0

    assert environment == {"HOME": "/"}


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}],
)
def test_without_a_watchdog_nothing_is_fed(environment: dict[str, str]) -> None:
    """None is wanted, or it watches another process."""
    with closing(Notify.from_environment(environment)) as notify:
        assert notify.watchdog_s is None


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/notify", "@nobody-listens"])
def test_nobody_has_to_listen(address: str) -> None:
    """No supervisor, none at that address, or one that is gone: nothing is raised and nothing waits."""
    with closing(Notify(address)) as notify:
        notify.ready("ready")
        notify.alive()


def test_a_supervisor_that_does_not_read_is_not_waited_for(tmp_path: Path) -> None:
    """The kernel's queue of a socket is short; what does not fit is dropped."""
    address = str(tmp_path / "notify")
    with closing(listening(address)), closing(Notify(address)) as notify:
        for _ in range(10_000):
            notify.alive()
