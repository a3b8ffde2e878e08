"""Programs of Debian that a test needs and the machine may lack: unpacked from their packages into `.tools/`.

Nothing is installed: what is fetched stays in a folder that git ignores, and a second call finds it there.
"""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

__all__ = ["ROOT", "TOOLS", "Missing", "fetch", "found", "load_script", "program"]

ROOT: Final = Path(__file__).parent.parent.parent
TOOLS: Final = ROOT / ".tools"

_FETCH_S: Final = 120


class Missing(Exception):
    """A program is neither on this machine nor to be had from the distribution."""


def fetch(name: str, packages: Sequence[str]) -> Path:
    """The folder that holds these packages' files; fetched where it is not there yet, else `Missing`."""
    root = TOOLS / name
    if root.is_dir():
        return root
    for needed in ("apt-get", "dpkg-deb"):
        if shutil.which(needed) is None:
            raise Missing(f"{needed} is not on this machine, so {', '.join(packages)} cannot be fetched")
    debs, unpacked = TOOLS / f"{name}.debs", TOOLS / f"{name}.part"
    for leftover in (debs, unpacked):
        shutil.rmtree(leftover, ignore_errors=True)
        leftover.mkdir(parents=True)
    try:
        _download(packages, debs)
        for deb in sorted(debs.glob("*.deb")):
            _run(["dpkg-deb", "--extract", str(deb), str(unpacked)], debs)
    finally:
        shutil.rmtree(debs)
    unpacked.rename(root)
    return root


def program(name: str, *packages: str) -> list[str]:
    """The words that start a program: this machine's, or one unpacked with its libraries; `Missing` where none is."""
    if present := shutil.which(name):
        return [present]
    unpacked = fetch(packages[0], packages)
    libraries = sorted({str(path.parent) for path in unpacked.glob("**/lib*.so*")})
    (path,) = [path for path in unpacked.glob(f"**/*bin/{name}") if path.is_file()]
    return ["env", f"LD_LIBRARY_PATH={':'.join(libraries)}", str(path)] if libraries else [str(path)]


def found(name: str, *packages: str) -> list[str]:
    """As `program`, for a test: where there is no way to it the test is skipped with the reason, but fails in CI."""
    try:
        return program(name, *packages)
    except Missing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no {name}: {missing}")


def load_script(name: str) -> ModuleType:
    """A script of deploy/, which is no package."""
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), ROOT / "deploy" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _download(packages: Sequence[str], directory: Path) -> None:
    command = ["apt-get", "--quiet", "download", *packages]
    try:
        _run(command, directory)
    except Missing:  # a fresh container has no lists of packages yet
        _run(["apt-get", "--quiet", "update"], directory)
        _run(command, directory)


def _run(command: Sequence[str], directory: Path) -> None:
    try:
        subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True, timeout=_FETCH_S)
    except subprocess.CalledProcessError as error:
        raise Missing(f"{' '.join(command)}: {error.stderr.strip()[-300:]}") from None
    except subprocess.TimeoutExpired:
        raise Missing(f"{' '.join(command)}: no answer after {_FETCH_S} s") from None
