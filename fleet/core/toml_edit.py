"""Numbers set in a TOML file as a careful person would: everything else stays, comments and spaces too.

Promises: the new text says exactly what the old one said, but for the numbers asked for; where that cannot be had
(a table written in an unusual way), `ValueError`, and nothing is changed.
"""

import re
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["with_numbers"]

_VALUE: Final = re.compile(r"(?P<key>[^=]*=[ \t]*)(?P<value>[0-9_.eE+-]+)(?P<rest>.*)", re.DOTALL)
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")

Path = tuple[str, ...]


@dataclass(slots=True)
class _Statement:
    """One table header, one assignment, or a run of blanks and comments: where it belongs, and its text."""

    text: str
    table: Path
    key: Path = ()
    header: bool = False


def with_numbers(text: str, table: Path, numbers: Mapping[str, float]) -> str:
    """The text with these numbers in this table, which is added below its parent where it is missing."""
    before = tomllib.loads(text)
    wanted = deepcopy(before)
    place: dict[str, Any] = wanted
    for name in table:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise ValueError(f"{'.'.join(table)} is no table")
    place.update({name: _plain(value) for name, value in numbers.items()})
    statements = _statements(text)
    missing = [name for name in numbers if not _replace(statements, (*table, name), numbers[name])]
    if missing:
        _insert(statements, table, {name: numbers[name] for name in missing}, "\r\n" if "\r\n" in text else "\n")
    edited = "".join(statement.text for statement in statements)
    try:
        right = tomllib.loads(edited) == wanted
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        lines = ", ".join(f"{name} = {_written(value)}" for name, value in numbers.items())
        raise ValueError(f"the file is written in a way that cannot be edited safely; set {lines} by hand")
    return edited


def _statements(text: str) -> list[_Statement]:
    """The text cut into statements. Each is whole as soon as it is TOML by itself."""
    found: list[_Statement] = []
    table: Path = ()
    pending = ""
    for line in text.splitlines(keepends=True):
        pending += line
        try:
            tree = tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue
        header = pending.lstrip().startswith("[")
        if header:
            table = _deepest(tree)
            found.append(_Statement(text=pending, table=table, header=True))
        else:
            found.append(_Statement(text=pending, table=table, key=_key(tree)))
        pending = ""
    if pending:
        raise ValueError("the file ends in the middle of a statement")
    return found


def _deepest(tree: Any) -> Path:
    """The path that a header alone makes; an element of an array of tables is like no other."""
    path: list[str] = []
    while isinstance(tree, dict) and tree:
        ((name, tree),) = tree.items()
        path.append(name)
    return (*path, "[]") if isinstance(tree, list) else tuple(path)


def _key(tree: dict[str, Any]) -> Path:
    """The path of the one assignment in the tree: through dotted keys, not into the value."""
    path: list[str] = []
    inner: Any = tree
    while isinstance(inner, dict) and len(inner) == 1:
        ((name, inner),) = inner.items()
        path.append(name)
    return tuple(path)


def _replace(statements: list[_Statement], path: Path, value: float) -> bool:
    """Whether a statement sets just this number; it sets the new one now."""
    for statement in statements:
        match = _VALUE.fullmatch(statement.text)
        if statement.key and (*statement.table, *statement.key) == path and match:
            statement.text = f"{match['key']}{_written(value)}{match['rest']}"
            return True
    return False


def _insert(statements: list[_Statement], table: Path, numbers: Mapping[str, float], end: str) -> None:
    lines = "".join(f"{name} = {_written(value)}{end}" for name, value in numbers.items())
    place = _last_of(statements, table)
    if place is None:
        name = ".".join(part if _BARE.fullmatch(part) else f'"{part}"' for part in table)
        lines = f"{end}[{name}]{end}{lines}"
        place = _last_of(statements, table[:-1])
    if place is None:
        place = len(statements) - 1
    if not statements[place].text.endswith("\n"):
        statements[place].text += end
    statements.insert(place + 1, _Statement(text=lines, table=table))


def _last_of(statements: list[_Statement], table: Path) -> int | None:
    """The place of the table's last assignment, or of its header where it has none."""
    places = [
        place
        for place, statement in enumerate(statements)
        if statement.table == table and (statement.key or statement.header)
    ]
    return places[-1] if places and any(one.header and one.table == table for one in statements) else None


def _plain(value: float) -> float:
    return int(value) if value == int(value) else value


def _written(value: float) -> str:
    return repr(_plain(value))
