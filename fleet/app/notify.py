"""Tell systemd how the service fares: sd_notify(3) and the watchdog, in a few lines of our own.

Where nobody listens (`NOTIFY_SOCKET` is not set) nothing is sent. Nothing here waits and nothing raises: a supervisor
that does not listen must not hold up the fleet.
"""

import os
import socket
import time
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Final

__all__ = ["Notify"]

_MICROSECONDS: Final = 1_000_000
_STATUS_CHARACTERS: Final = 200


class Notify:
    """What the supervisor of this process is told. `watchdog_s`: how often it wants a sign of life; None for never."""

    @classmethod
    def from_environment(cls, variables: MutableMapping[str, str] | None = None) -> "Notify":
        """The supervisor that these variables (the process's own) name.

        They are taken out of the environment: no child of ours shall speak for us.
        """
        environment = os.environ if variables is None else variables
        address = environment.pop("NOTIFY_SOCKET", "")
        watchdog_usec = environment.pop("WATCHDOG_USEC", "")
        watched_pid = environment.pop("WATCHDOG_PID", "")
        watched = watchdog_usec.isdecimal() and int(watchdog_usec) and watched_pid in ("", str(os.getpid()))
        return cls(address, watchdog_s=int(watchdog_usec) / _MICROSECONDS if watched else None)

    def __init__(
        self,
        address: str,
        *,
        watchdog_s: float | None = None,
        monotonic_ns: Callable[[], int] = lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC),
    ) -> None:
        self.watchdog_s = watchdog_s
        self._monotonic_ns = monotonic_ns
        self._address = f"\0{address[1:]}" if address.startswith("@") else address  # @: a name without a file
        self._socket: socket.socket | None = None
        if address.startswith(("/", "@")):
            with suppress(OSError):
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
                self._socket.setblocking(False)

    def ready(self, status: str) -> None:
        """The service works: it has started, or its configuration is loaded again."""
        self._send("READY=1", _status(status))

    def status(self, text: str) -> None:
        """What `systemctl status` shows."""
        self._send(_status(text))

    def reloading(self) -> None:
        """The configuration is being loaded again; `ready` says when that is over."""
        # a service of Type=notify-reload must say when, on the supervisor's clock
        self._send("RELOADING=1", f"MONOTONIC_USEC={self._monotonic_ns() // 1000}", _status("Reloading"))

    def stopping(self, status: str) -> None:
        """The service leaves."""
        self._send("STOPPING=1", _status(status))

    def extend(self, seconds: float) -> None:
        """Starting or stopping may take so long from now on; to be said again before that is over."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * _MICROSECONDS)}")

    def alive(self) -> None:
        """A sign of life for the watchdog."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Nothing is told any more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *lines: str) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.sendto("\n".join(lines).encode(), self._address)


def _status(text: str) -> str:
    return "STATUS=" + " ".join(text.split())[:_STATUS_CHARACTERS]
