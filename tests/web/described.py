"""Whether an answer is what the OpenAPI document says of it."""

from typing import Any

__all__ = ["problems_of", "schema_of"]


def schema_of(paths: Any, path: str) -> Any:
    """The schema of the good answer."""
    return paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]


def problems_of(value: Any, schema: Any, where: str = "answer") -> list[str]:
    """Where a value is not what its schema says, as far as our document uses JSON Schema."""
    if "anyOf" in schema:
        found = [problems_of(value, option, where) for option in schema["anyOf"]]
        return [] if [] in found else found[0]
    types: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
    }
    if not isinstance(value, types[schema["type"]]):
        return [f"{where}: {value!r} is no {schema['type']}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where}: {value!r} is not one of {schema['enum']}"]
    problems = []
    if schema["type"] == "object" and "properties" in schema:
        problems += [f"{where}.{name}: missing" for name in schema["required"] if name not in value]
        problems += [f"{where}.{name}: not described" for name in value if name not in schema["properties"]]
        for name in value.keys() & schema["properties"].keys():
            problems += problems_of(value[name], schema["properties"][name], f"{where}.{name}")
    if schema["type"] == "array":
        for item in value:
            problems += problems_of(item, schema["items"], f"{where}[]")
    return problems
