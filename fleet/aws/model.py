"""What the service model says of the five Start operations, as plain data for `fleet.core.shapes`."""

import gzip
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fleet.core.kinds import KINDS
from fleet.core.shapes import Shape, Shapes

__all__ = ["start_shapes"]


@cache
def start_shapes() -> Shapes:
    """The input shapes of the five Start operations and all they reach. Reads botocore's data once per process."""
    model = _service_model()
    inputs: dict[str, str] = {kind.start: model["operations"][kind.start]["input"]["shape"] for kind in KINDS.values()}
    shapes: dict[str, Shape] = {}
    names = list(inputs.values())
    while names:
        name = names.pop()
        if name not in shapes:
            shapes[name] = _shape(model["shapes"][name])
            names += _reached(shapes[name])
    return Shapes(shapes=shapes, inputs=inputs)


def _service_model() -> dict[str, Any]:
    """The model as botocore ships it, read without botocore, whose import takes longer than a whole `fleet plan`."""
    spec = find_spec("botocore")
    if spec is not None and spec.origin is not None:
        for file in sorted(Path(spec.origin).parent.glob("data/comprehend/*/service-2.json*"), reverse=True):
            content = file.read_bytes()
            shipped: dict[str, Any] = json.loads(gzip.decompress(content) if file.suffix == ".gz" else content)
            return shipped
    from botocore.loaders import create_loader

    loaded: dict[str, Any] = create_loader().load_service_model("comprehend", "service-2")
    return loaded


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
