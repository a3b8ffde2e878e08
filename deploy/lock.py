"""Writes the locks of an installation from the project's own lock: the same versions and hashes, without its tools.

requirements.lock beside this file is what runs (with the extras below); docker/build.lock is what makes the wheel.
Run it with the project's environment after `make lock`: python deploy/lock.py
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_HERE: Final = Path(__file__).parent
_ROOT: Final = _HERE.parent
_EXTRAS: Final = ("postgres", "otel")
_PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")


def locks() -> dict[Path, str]:
    """The text of each lock, by its path."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    runtime = [*project["project"]["dependencies"]]
    for extra in _EXTRAS:
        runtime += project["project"]["optional-dependencies"][extra]
    return {
        _HERE / "requirements.lock": _subset(runtime),
        _HERE / "docker" / "build.lock": _subset(project["build-system"]["requires"]),
    }


def _subset(requirements: Iterable[str]) -> str:
    """The blocks of the project's lock that these requirements reach, in its order."""
    reached = {name for name, _ in _closure(requirements)}
    return "".join(block for name, block in _blocks() if name in reached)


def _blocks() -> Iterator[tuple[str, str]]:
    """Each distribution of the project's lock: its name, and its lines with marker and hashes."""
    text = (_ROOT / "requirements.lock").read_text()
    for block in re.findall(r"^[^\s#][^\n]*\n(?:[ \t][^\n]*\n)*", text, re.MULTILINE):
        yield canonicalize_name(re.split(r"[=\[ ]", block, maxsplit=1)[0]), block


def _closure(requirements: Iterable[str]) -> set[tuple[str, str]]:
    """Every distribution and extra that these need on Linux, read from what is installed here."""
    found: set[tuple[str, str]] = set()
    left = [Requirement(text) for text in requirements]
    while left:
        wanted = left.pop()
        name = canonicalize_name(wanted.name)
        for extra in ("", *wanted.extras):
            if (name, extra) not in found:
                found.add((name, extra))
                left += [need for need in map(Requirement, distribution(name).requires or ()) if _holds(need, extra)]
    return found


def _holds(requirement: Requirement, extra: str) -> bool:
    """Whether it is needed with this extra, on Linux with any Python that fleet supports."""
    marker = requirement.marker
    if marker is None:
        return extra == ""
    linux = {"extra": extra, "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    return any(
        marker.evaluate({**linux, "python_version": python, "python_full_version": f"{python}.0"})
        for python in _PYTHONS
    )


if __name__ == "__main__":
    for path, text in locks().items():
        path.write_text(text)
