"""The tables of the README that are made from code: settings, metrics, exit codes, HTTP.

    python -m docs.reference

writes them anew between their markers; `tests/test_readme.py` looks whether that was forgotten.
"""

import re
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fleet.cli.exits import EXIT_CODES
from fleet.settings import QuotaSettings, Settings, TargetSettings
from fleet.telemetry.catalogue import as_markdown
from fleet.web.openapi import document

__all__ = ["TABLES", "main", "meanings", "regenerated", "settings_rows"]

_ROOT: Final = Path(__file__).parent.parent
_EXAMPLE: Final = _ROOT / "config" / "fleet.example.toml"
_MARKED: Final = re.compile(r"(<!-- generated: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SECTION: Final = re.compile(r"(?:# )?\[([\w.]+)\]")
_KEY: Final = re.compile(r"(?:# )?(\w+) = .*?\s#\s(.+)")
_MORE: Final = re.compile(r"\s{8,}#\s(.+)")
_BOUNDS: Final = (("ge", "from"), ("gt", "above"), ("le", "to"), ("lt", "below"))


def settings_table() -> str:
    """Every key of fleet.toml: its type and default from `fleet/settings.py`, its meaning from the example."""
    told = meanings()
    lines = ["| setting | type | default | meaning |", "| --- | --- | --- | --- |"]
    for name, model in _sections():
        about = " ".join((model.__doc__ or "").split()).replace("|", "\\|")
        lines.append(f"| **`[{name}]`** | | | {about} |")
        for key, field in model.model_fields.items():
            if not _is_section(field.annotation):
                meaning = told.get(f"{name}.{key}", "").replace("|", "\\|")
                lines.append(f"| `{key}` | {_type(field)} | {_default(field)} | {meaning} |")
    return "\n".join(lines) + "\n"


def settings_rows() -> set[str]:
    """The full name of every setting, as in `retry.attempts`."""
    return {
        f"{name}.{key}"
        for name, model in _sections()
        for key, field in model.model_fields.items()
        if not _is_section(field.annotation)
    }


def meanings() -> dict[str, str]:
    """What the comments of config/fleet.example.toml say of each setting, by its full name."""
    found: dict[str, str] = {}
    section = key = ""
    for line in _EXAMPLE.read_text().splitlines():
        if match := _SECTION.match(line):
            section, key = match[1].replace("targets.main", "targets.NAME"), ""
        elif match := _KEY.match(line):
            key = f"{section}.{match[1]}"
            found[key] = match[2]
        elif (match := _MORE.match(line)) and key:
            found[key] += f" {match[1]}"
    return found


def exit_codes_table() -> str:
    """Every exit code and what it means."""
    rows = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join(["| code | meaning |", "| --- | --- |", *rows]) + "\n"


def http_table() -> str:
    """Every path that `fleet serve` answers."""
    rows = [f"| `{path}` | {methods['get']['summary']} |" for path, methods in document()["paths"].items()]
    return "\n".join(["| path | answers |", "| --- | --- |", *rows]) + "\n"


TABLES: Final[dict[str, Callable[[], str]]] = {
    "settings": settings_table,
    "metrics": as_markdown,
    "exit codes": exit_codes_table,
    "http": http_table,
}


def regenerated(text: str) -> str:
    """The text with every marked table as it is made now."""
    return _MARKED.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}{match[3]}", text)


def main() -> int:
    """Write README.md anew; 0."""
    readme = _ROOT / "README.md"
    readme.write_text(regenerated(readme.read_text()))
    return 0


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in Settings.model_fields.items():
        if name == "targets":
            yield "targets.NAME", TargetSettings
            yield "targets.NAME.quotas", QuotaSettings
        else:
            assert isinstance(field.annotation, type)  # noqa: S101 - every other section is a model
            yield name, field.annotation


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _type(field: FieldInfo) -> str:
    bounds = [
        f"{word} {value:,}"
        for name, word in _BOUNDS
        for limit in field.metadata
        if (value := getattr(limit, name, None)) is not None
    ]
    return " ".join([_name(field.annotation), *bounds])


def _name(annotation: Any) -> str:
    parts = typing.get_args(annotation)
    if annotation is Path:
        return "path"
    if typing.get_origin(annotation) is Literal:
        return ", ".join(f"`{word}`" for word in parts)
    if NoneType in parts:
        return " or ".join(_name(part) for part in parts if part is not NoneType)
    if typing.get_origin(annotation) is list:
        return f"list of {_name(parts[0])}"
    words = {str: "text", int: "whole number", float: "number", bool: "true, false", dict: "table"}
    return words.get(typing.get_origin(annotation) or annotation, "table")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value in ([], {}):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    sys.exit(main())
