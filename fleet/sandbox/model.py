"""botocore's service model, asked the questions that botocore's client does not ask: pattern, enum, maximum length.

Promises: `Model.check` finds every member of a request that breaks its shape, and names each by its path.
Does not: know rules that stand only in the prose of the API pages; `rules.py` does.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final
from unicodedata import category

from botocore.loaders import Loader
from botocore.model import ListShape, Shape, StructureShape
from botocore.model import ServiceModel as BotocoreModel

from fleet.sandbox.errors import ServiceError

__all__ = ["Model"]

_CODE_POINTS: Final = 0x110000
# A dot with what must be passed over to find it: escapes and character classes.
_ANY: Final = re.compile(r"\\.|\[(?:\\.|[^\]])*\]|\.")
_JSON_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "structure": (dict,),
    "list": (list, tuple),
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "timestamp": (int, float),
    "float": (int, float),
}


class Model:
    """Comprehend's service model, loaded once from the installed botocore."""

    def __init__(self, *, constraint_code: str = "ValidationException", unknown_members: str = "reject") -> None:
        definition = Loader().load_service_model("comprehend", "service-2")
        self._model = BotocoreModel(definition, "comprehend")
        self._constraint_code = constraint_code
        self._reject_unknown = unknown_members == "reject"
        self._inputs: dict[str, StructureShape] = {}

    def check(self, operation: str, params: Mapping[str, Any]) -> None:
        """The request fits the operation's shape; else ServiceError names every member that does not.

        A wrong JSON type is a SerializationException, as everywhere in AWS's JSON protocol. For all other findings the
        code is a switch: ValidationException or InvalidRequestException was seen (facts sheet 1.6).
        """
        found = list(self._broken(self.input(operation), params, ""))
        if not found:
            return
        plural = "s" if len(found) > 1 else ""
        raise ServiceError(self._constraint_code, f"{len(found)} validation error{plural} detected: {'; '.join(found)}")

    def input(self, operation: str) -> StructureShape:
        """The shape of an operation's request."""
        if operation not in self._inputs:
            shape = self._model.operation_model(operation).input_shape
            if not isinstance(shape, StructureShape):
                raise TypeError(f"{operation} has no input")
            self._inputs[operation] = shape
        return self._inputs[operation]

    def members(self, shape: str) -> frozenset[str]:
        """The names of a structure's members, e.g. of `EntitiesDetectionJobProperties`."""
        found = self._model.shape_for(shape)
        return frozenset(found.members) if isinstance(found, StructureShape) else frozenset()

    def declares(self, operation: str, code: str) -> bool:
        """True if the operation lists the error among its own."""
        return any(error.name == code for error in self._model.operation_model(operation).error_shapes)

    def _broken(self, shape: Shape, value: Any, path: str) -> Iterator[str]:
        _check_type(shape, value, path)
        if isinstance(shape, StructureShape):
            yield from self._broken_structure(shape, value, path)
            return
        yield from _broken_constraints(shape, value, path)
        if isinstance(shape, ListShape):
            for place, member in enumerate(value, start=1):
                yield from self._broken(shape.member, member, f"{path}.{place}.member")

    def _broken_structure(self, shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
        dot = "." if path else ""
        for name in shape.required_members:
            if value.get(name) is None:
                yield _finding(None, f"{path}{dot}{_camel(name)}", "Member must not be null")
        for name, member in value.items():
            if name not in shape.members:
                if self._reject_unknown:
                    yield _finding(member, f"{path}{dot}{_camel(name)}", f"{shape.name} has no member {name}")
            elif member is not None:
                yield from self._broken(shape.members[name], member, f"{path}{dot}{_camel(name)}")


def _check_type(shape: Shape, value: Any, path: str) -> None:
    expected = _JSON_TYPES[shape.type_name]
    if not isinstance(value, expected) or isinstance(value, bool):
        raise ServiceError(
            "SerializationException",
            f"{path or 'The request'} must be of type {shape.type_name}, not {type(value).__name__}",
        )


def _broken_constraints(shape: Shape, value: Any, path: str) -> Iterator[str]:
    limits = shape.metadata
    size = value if isinstance(value, (int, float)) else len(value)
    noun = "value" if isinstance(value, (int, float)) else "length"
    if "min" in limits and size < limits["min"]:
        yield _finding(value, path, f"Member must have {noun} greater than or equal to {limits['min']}")
    if "max" in limits and size > limits["max"]:
        yield _finding(value, path, f"Member must have {noun} less than or equal to {limits['max']}")
    if "enum" in limits and value not in limits["enum"]:
        yield _finding(value, path, f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]")
    if "pattern" in limits and not _regex(limits["pattern"]).fullmatch(value):
        yield _finding(value, path, f"Member must satisfy regular expression pattern: {limits['pattern']}")


def _finding(value: Any, path: str, constraint: str) -> str:
    # AWS's JSON services word it so; the value is cut, for a message must not carry a whole bad request.
    shown = "" if value is None else f" '{str(value)[:100]}'"
    return f"Value{shown} at '{path}' failed to satisfy constraint: {constraint}"


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    r"""AWS's pattern for Python: `\p{L}`, `\p{Z}`, `\p{N}` and `\p{ASCII}` become the ranges that they stand for.

    In the model these stand only inside a character class, except `\p{ASCII}`, whose range needs brackets of its own.
    A bare dot matches no line end of Unicode, as in the languages that AWS's patterns are written for.
    """
    dotted = _ANY.sub(lambda found: r"[^\n\r\u2028\u2029]" if found[0] == "." else found[0], pattern)
    translated = re.sub(r"\\p\{([LZN])\}", lambda found: _ranges(found[1]), dotted)
    return re.compile(translated.replace(r"\p{ASCII}", r"[\x00-\x7f]"))


@cache
def _ranges(letter: str) -> str:
    """The code points of one general category, as the inside of a character class."""
    ranges: list[tuple[int, int]] = []
    for point in range(_CODE_POINTS):
        if category(chr(point))[0] == letter:
            if ranges and ranges[-1][1] == point - 1:
                ranges[-1] = (ranges[-1][0], point)
            else:
                ranges.append((point, point))
    return "".join(rf"\U{first:08x}-\U{last:08x}" for first, last in ranges)
