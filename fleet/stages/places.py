"""Where manifests are: which names can be read, and what a directory stands for. Opens nothing."""

import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from fleet.core.errors import InvalidInput
from fleet.core.text import shown
from fleet.core.uri import split

__all__ = ["among", "check", "is_repeatable", "manifests_in", "manifests_of"]

_SUFFIXES: Final = (".jsonl", ".csv", ".jsonl.gz", ".csv.gz")


def manifests_of(sources: Iterable[str]) -> list[str]:
    """Every manifest that these stand for, each once; `InvalidInput` where one cannot be read, or a directory has none.

    A directory stands for the manifests in it, by name.
    """
    found: dict[str, None] = {}
    for source in sources:
        names = manifests_in(source)
        if not names:
            raise InvalidInput(f"manifest {source}: no file in this directory ends in {', '.join(_SUFFIXES)}")
        found.update(dict.fromkeys(names))
    for name in found:
        check(name)
    return list(found)


def manifests_in(source: str) -> list[str]:
    """The manifests that a source stands for: itself, or where it is a directory every manifest in it, by name."""
    if source == "-" or source.startswith("s3://") or not Path(source).is_dir():
        return [source]
    try:
        return sorted(str(path) for path in Path(source).iterdir() if _is_manifest(path))
    except OSError as error:
        raise InvalidInput(f"manifest {source}: {error.strerror}") from None


def among(known: Iterable[str], asked: str) -> list[str]:
    """Which of the known manifests a source stands for: itself, or where it is a directory those in it."""
    return [name for name in known if name == asked or ("://" not in name and Path(name).parent == Path(asked))]


def _is_manifest(path: Path) -> bool:
    return path.name.endswith(_SUFFIXES) and not path.name.startswith(".") and path.is_file()


def is_repeatable(source: str) -> bool:
    """Whether the manifest can be read again: a pipe cannot."""
    return source.startswith("s3://") or (source != "-" and Path(source).is_file())


def check(source: str) -> None:
    """Nothing, where the manifest can be read as far as can be seen without opening it; else `InvalidInput`."""
    if source == "-":
        return
    if not _is_utf8(source):
        raise InvalidInput(f"manifest {shown(source)}: its name is not UTF-8; rename it, or give it on standard input")
    if source.startswith("s3://"):
        _check_object(source)
        return
    try:
        mode = Path(source).stat().st_mode
    except FileNotFoundError:
        raise InvalidInput(f"manifest {source}: {_not_there(Path(source))}") from None
    except OSError as error:
        raise InvalidInput(f"manifest {source}: {error.strerror}") from None
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        raise InvalidInput(f"manifest {source}: not a regular file; give a file, - for standard input, or s3://")


def _is_utf8(name: str) -> bool:
    """Whether the name of a file is text, and not bytes of another encoding that Python hides in surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_object(source: str) -> None:
    try:
        _, key = split(source)
    except ValueError as error:
        raise InvalidInput(f"manifest {source}: {error}") from None
    if not key or key.endswith("/"):
        raise InvalidInput(f"manifest {source}: names no object; give s3://bucket/key of one manifest")


def _not_there(path: Path) -> str:
    if path.is_symlink():
        return f"it is a link to {shown(str(path.readlink()))}, which is not there"
    return "no such file"
