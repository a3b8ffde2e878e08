"""Settings from several places become one value, which still knows where each part was written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fleet.core.shapes import Path

__all__ = ["Layer", "at", "field_layer", "holds", "merged", "written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one place says. `exact`: the place holds a single value, which `tree` puts where the request wants it."""

    where: Path
    tree: Mapping[str, Any]
    exact: bool = False


def field_layer(where: Path, path: Path, value: object) -> Layer:
    """A layer that says one value, written at `where` and meant for `path`."""
    tree: Any = value
    for part in reversed(path):
        tree = {part: tree}
    return Layer(where=where, tree=tree, exact=True)


def merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """All layers in one, the later over the earlier: objects merge, everything else replaces. Shares no object."""
    whole: dict[str, Any] = {}
    for layer in layers:
        _merge(whole, layer.tree)
    return whole


def written(path: Path, whole: Mapping[str, Any], layers: Sequence[Layer]) -> Path | None:
    """Where a person wrote what stands at `path` of the merged `whole`, or None if nobody did.

    For a part that is missing, it is where the deepest part around it was written, plus the rest of the path.
    """
    depth = max((depth for depth in range(1, len(path) + 1) if holds(whole, path[:depth])), default=0)
    for layer in reversed(layers):
        if depth and holds(layer.tree, path[:depth]):
            return layer.where if layer.exact else layer.where + path
    return None


def holds(tree: object, path: Path) -> bool:
    """Whether something, even null, stands at this path."""
    if not path:
        return True
    if isinstance(tree, Mapping):
        return path[0] in tree and holds(tree[path[0]], path[1:])
    if isinstance(tree, list) and isinstance(path[0], int):
        return path[0] < len(tree) and holds(tree[path[0]], path[1:])
    return False


def at(tree: object, path: Path) -> Any:
    """What stands at this path of objects, or None if something on the way is missing or no object."""
    for part in path:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(part)
    return tree


def _merge(whole: dict[str, Any], tree: Mapping[str, Any]) -> None:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            inner = whole.get(name)
            whole[name] = inner if isinstance(inner, dict) else {}
            _merge(whole[name], value)
        else:
            whole[name] = value
