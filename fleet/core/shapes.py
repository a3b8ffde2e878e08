"""The service model's input shapes, checked whole.

botocore checks only types, required members and minimums; what it lets through (patterns, enums, maximums, unknown
members of maps) is refused here, before anything is sent. Which shapes there are is told by `fleet.aws.model`.
"""

import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby, islice
from math import isfinite
from typing import Any, Final

from fleet.core.text import named, shown, suggestion, unsafe

__all__ = ["Path", "Problem", "Shape", "Shapes", "compiled", "place", "problems"]

_PROBLEMS_MAX: Final = 100

Path = tuple[str | int, ...]
"""Where in a request: member names and list positions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, and where. `reason` is one short safe line."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One shape of the service model. `members`, `member` and `value` name other shapes."""

    type: str
    members: Mapping[str, str] | None = None
    required: tuple[str, ...] = ()
    member: str | None = None
    key: str | None = None
    value: str | None = None
    enum: tuple[str, ...] = ()
    pattern: str | None = None
    min: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """Shapes by name, and the input shape of every operation that was asked for."""

    shapes: Mapping[str, Shape]
    inputs: Mapping[str, str]

    def __getitem__(self, name: str) -> Shape:
        return self.shapes[name]

    def members(self, operation: str) -> tuple[str, ...]:
        """The top-level member names of an operation's input."""
        return tuple(self.shapes[self.inputs[operation]].members or ())


def place(path: Path) -> str:
    """A path as people write it: `Tags[3].Key`. Names that are no plain words are quoted and cut."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{named(part)}" if text else named(part)
    return text


def problems(value: object, shape_name: str, shapes: Shapes) -> list[Problem]:
    """What in `value` the shape does not allow, the first 100 problems; an empty list: the model has no objection."""
    return list(islice(_problems(value, shape_name, shapes, ()), _PROBLEMS_MAX))


def _problems(value: object, shape_name: str, shapes: Shapes, path: Path) -> Iterator[Problem]:
    shape = shapes[shape_name]
    if value is None:
        yield Problem(path=path, reason="is null: give a value or leave it out")
        return
    check, types, article = _CHECKS[shape.type]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        yield Problem(path=path, reason=f"must be {article}, not {shown(value)}")
        return
    yield from check(value, shape, shapes, path)


def _structure(value: Mapping[str, object], shape: Shape, shapes: Shapes, path: Path) -> Iterator[Problem]:
    members = shape.members or {}
    for name in shape.required:
        if name not in value:
            yield Problem(path=(*path, name), reason="is required")
    for name, inner in value.items():
        if name in members:
            yield from _problems(inner, members[name], shapes, (*path, name))
        else:
            yield Problem(path=(*path, name), reason=f"is unknown: {suggestion(name, members)}")


def _list(value: list[object] | tuple[object, ...], shape: Shape, shapes: Shapes, path: Path) -> Iterator[Problem]:
    yield from _size(len(value), shape, path, "elements")
    for position, inner in enumerate(value):
        yield from _problems(inner, shape.member or "", shapes, (*path, position))


def _map(value: Mapping[str, object], shape: Shape, shapes: Shapes, path: Path) -> Iterator[Problem]:
    yield from _size(len(value), shape, path, "elements")
    for name, inner in value.items():
        yield from _problems(name, shape.key or "", shapes, (*path, name))
        yield from _problems(inner, shape.value or "", shapes, (*path, name))


def _string(value: str, shape: Shape, _shapes: Shapes, path: Path) -> Iterator[Problem]:
    if shape.enum:
        if value not in shape.enum:
            yield Problem(path=path, reason=f"{shown(value)} is not allowed: {suggestion(value, shape.enum)}")
        return
    wrong_size = list(_size(len(value), shape, path, "characters"))
    yield from wrong_size
    if found := unsafe(value):
        yield Problem(path=path, reason=f"{shown(value)} contains {found}")
    elif shape.pattern and not wrong_size and not compiled(shape.pattern).fullmatch(value):
        yield Problem(path=path, reason=f"{shown(value)} does not match {shape.pattern}")


def _number(value: float, shape: Shape, _shapes: Shapes, path: Path) -> Iterator[Problem]:
    if not isfinite(value):
        yield Problem(path=path, reason=f"must be a finite number, not {value}")
        return
    if shape.min is not None and value < shape.min:
        yield Problem(path=path, reason=f"must be at least {shape.min:g}, not {shown(value)}")
    if shape.max is not None and value > shape.max:
        yield Problem(path=path, reason=f"must be at most {shape.max:g}, not {shown(value)}")


def _nothing(_value: object, _shape: Shape, _shapes: Shapes, _path: Path) -> Iterator[Problem]:
    return iter(())


def _size(size: int, shape: Shape, path: Path, unit: str) -> Iterator[Problem]:
    if shape.min is not None and size < shape.min:
        yield Problem(path=path, reason=f"needs at least {shape.min:g} {unit}, has {size:,}")
    if shape.max is not None and size > shape.max:
        yield Problem(path=path, reason=f"takes at most {shape.max:g} {unit}, has {size:,}")


_Check = Callable[[Any, Shape, Shapes, Path], Iterator[Problem]]
_CHECKS: Final[dict[str, tuple[_Check, tuple[type, ...], str]]] = {
    "structure": (_structure, (Mapping,), "an object"),
    "list": (_list, (list, tuple), "a list"),
    "map": (_map, (Mapping,), "an object"),
    "string": (_string, (str,), "a string"),
    "integer": (_number, (int,), "a whole number"),
    "long": (_number, (int,), "a whole number"),
    "float": (_number, (int, float), "a number"),
    "double": (_number, (int, float), "a number"),
    "boolean": (_nothing, (bool,), "true or false"),
}


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    r"""The service model's pattern for Python's `re`, to be used with `fullmatch`: `\p{L}` and its like spelled out."""
    return re.compile(_python_pattern(pattern))


def _python_pattern(pattern: str) -> str:
    text, in_class = "", False
    for piece in re.findall(r"\\p\{\w+\}|\\.|.", pattern, re.DOTALL):
        if piece.startswith(r"\p{"):
            ranges = r"\x00-\x7f" if piece == r"\p{ASCII}" else _ranges(piece[3:-1])
            text += ranges if in_class else f"[{ranges}]"
        else:
            in_class = piece == "[" or (in_class and piece != "]")
            text += piece
    return text


@cache
def _ranges(category: str) -> str:
    """All characters of a Unicode category ("L", "Zs") as the inside of a character class."""
    points = (point for point in range(sys.maxunicode + 1) if unicodedata.category(chr(point)).startswith(category))
    runs = [list(run) for _, run in groupby(enumerate(points), lambda pair: pair[1] - pair[0])]
    return "".join(f"\\U{run[0][1]:08x}-\\U{run[-1][1]:08x}" for run in runs)
