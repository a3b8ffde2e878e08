"""A Debian that boots in a container, for proofs that need a real systemd. Needs root on Linux; changes nothing on it.

The root file system is built once (`debootstrap`) and kept in `.tools/`; each boot lays a file system in memory over
it and has a network of its own with nothing but a loopback, so that what happens inside leaves no trace.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from tests.deploy.tools import ROOT, TOOLS, Missing, fetch

__all__ = ["Machine", "booted", "build_root", "until", "wheelhouse"]

_PACKAGES: Final = "systemd,systemd-sysv,dbus,python3,python3-venv,ca-certificates,procps"
_SUITE: Final = "bookworm"
_BOOT_S: Final = 60.0
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_FETCH: Final = "import sys, urllib.request as r; sys.stdout.buffer.write(r.urlopen(sys.argv[1], timeout=10).read())"


class Machine:
    """A booted container. `leader` is the process id of its systemd."""

    def __init__(self, leader: int) -> None:
        self.leader = leader

    def run(self, *words: str, check: bool = True, env: Mapping[str, str] | None = None) -> str:
        """Run a command inside as root; what it printed. `RuntimeError` where it fails, unless `check` is off."""
        variables = {"PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8", **(env or {})}
        clean = ["env", "-i", *(f"{name}={value}" for name, value in variables.items())]
        done = subprocess.run(
            [*self._entered("-m", "-u", "-i", "-n", "-p"), *clean, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(words)} left with {done.returncode}:\n{done.stdout}")
        return done.stdout.strip()

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file inside holds this text."""
        command = [*self._entered("-m", "-p"), "install", "-D", "-m", f"{mode:o}", "/dev/stdin", path]
        subprocess.run(command, input=text, text=True, check=True)

    def beside(self, *words: str, stdout: IO[bytes] | int | None = None) -> "subprocess.Popen[bytes]":
        """A program of the host on the container's network, that ends with this process."""
        return subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *self._entered("-n"), *words], stdout=stdout)

    def get(self, url: str) -> bytes:
        """What an address on the container's network answers."""
        command = [*self._entered("-n"), sys.executable, "-c", _FETCH, url]
        return subprocess.run(command, check=True, capture_output=True).stdout

    def _entered(self, *namespaces: str) -> list[str]:
        return ["nsenter", "-t", str(self.leader), *namespaces, "--"]


def build_root() -> Path:
    """The root file system, built where it is not there yet (a minute or two); `Missing` where it cannot be."""
    if os.geteuid() != 0 or sys.platform != "linux":
        raise Missing("a container needs root on Linux")
    root = TOOLS / "machine"
    if root.is_dir():
        return root
    made = TOOLS / "machine.part"
    shutil.rmtree(made, ignore_errors=True)
    tool = fetch("debootstrap", ["debootstrap"])
    command = [str(tool / "usr/sbin/debootstrap"), "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(made)]
    environment = os.environ | {"DEBOOTSTRAP_DIR": str(tool / "usr/share/debootstrap")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"debootstrap: {done.stdout.strip()[-500:]}")
    made.rename(root)
    return root


def wheelhouse() -> Path:
    """Every distribution of the installation's locks, fetched once by pip with hashes checked."""
    locks = [ROOT / "deploy" / "requirements.lock", ROOT / "deploy" / "docker" / "build.lock"]
    house, stamp = TOOLS / "wheels", TOOLS / "wheels" / "locks"
    wanted = "".join(lock.read_text() for lock in locks)
    if stamp.is_file() and stamp.read_text() == wanted:
        return house
    shutil.rmtree(house, ignore_errors=True)
    for lock in locks:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", str(house)]
        subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
    stamp.write_text(wanted)
    return house


@contextmanager
def booted(root: Path, binds: Mapping[Path, str], console: Path) -> Iterator[Machine]:
    """The machine while the context lasts, up to its multi-user target; all its processes have ended after it."""
    unpacked = fetch("systemd-container", ["systemd-container", "libsystemd-shared"])
    libraries = {str(path.parent) for path in unpacked.glob("**/libsystemd-*.so")}
    command = [
        *("setpriv", "--pdeathsig", "TERM", str(unpacked / "usr/bin/systemd-nspawn"), "--quiet", "--boot"),
        *("--register=no", "--keep-unit", "--private-network", "--volatile=overlay", "--console=read-only"),
        *(f"--bind-ro={path}:{inside}" for path, inside in binds.items()),
        *("--directory", str(root)),
    ]
    environment = os.environ | {
        "LD_LIBRARY_PATH": ":".join(libraries),
        "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
    }
    with (
        console.open("wb") as log,
        subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as container,
    ):
        try:
            machine = Machine(_leader(container))
            until(lambda: "running" in _state(machine) or "degraded" in _state(machine), _BOOT_S, "the machine to boot")
            yield machine
        finally:
            container.terminate()
            try:
                container.wait(30)
            except subprocess.TimeoutExpired:
                container.kill()


def until(holds: Callable[[], bool], within_s: float, what: str) -> float:
    """Wait for it, and tell for how long, in seconds; `TimeoutError` after the given time."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within_s:
            raise TimeoutError(f"waited {within_s:g} s for {what}")
        time.sleep(0.2)
    return time.monotonic() - began


def _state(machine: Machine) -> str:
    return machine.run("systemctl", "is-system-running", check=False)


def _leader(container: "subprocess.Popen[bytes]") -> int:
    """The process id of the container's first process, as soon as there is one."""
    children = Path(f"/proc/{container.pid}/task/{container.pid}/children")
    found: Sequence[str] = []

    def born() -> bool:
        nonlocal found
        if container.poll() is not None:
            raise Missing(f"systemd-nspawn left with {container.returncode}")
        found = children.read_text().split()
        return bool(found)

    until(born, _BOOT_S, "systemd-nspawn to start")
    return int(found[0])
