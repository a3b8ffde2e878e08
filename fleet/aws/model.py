"""What the service model says of the five Start operations, as plain data for `fleet.core.shapes`."""

from functools import cache
from typing import Any

from botocore.loaders import create_loader

from fleet.core.kinds import KINDS
from fleet.core.shapes import Shape, Shapes

__all__ = ["start_shapes"]


@cache
def start_shapes() -> Shapes:
    """The input shapes of the five Start operations and all they reach. Reads botocore's data once per process."""
    model: dict[str, Any] = create_loader().load_service_model("comprehend", "service-2")
    inputs: dict[str, str] = {kind.start: model["operations"][kind.start]["input"]["shape"] for kind in KINDS.values()}
    shapes: dict[str, Shape] = {}
    names = list(inputs.values())
    while names:
        name = names.pop()
        if name not in shapes:
            shapes[name] = _shape(model["shapes"][name])
            names += _reached(shapes[name])
    return Shapes(shapes=shapes, inputs=inputs)


def _shape(described: dict[str, Any]) -> Shape:
    def name_of(role: str) -> str | None:
        return described[role]["shape"] if role in described else None

    return Shape(
        type=described["type"],
        members={name: member["shape"] for name, member in described.get("members", {}).items()},
        required=tuple(described.get("required", ())),
        member=name_of("member"),
        key=name_of("key"),
        value=name_of("value"),
        enum=tuple(described.get("enum", ())),
        pattern=described.get("pattern"),
        min=described.get("min"),
        max=described.get("max"),
    )


def _reached(shape: Shape) -> list[str]:
    return [*(shape.members or {}).values(), *filter(None, (shape.member, shape.key, shape.value))]
