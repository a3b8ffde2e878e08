"""Switches and faults from TOML, from `key=value` words and from JSON: the only place that turns text into them.

Promises: an unknown name is refused with the nearest one, a bad value with what is allowed; all of them at once.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from fleet.sandbox.faults import Fault
from fleet.sandbox.service import Service
from fleet.sandbox.switches import About, Switches

__all__ = ["SwitchError", "change", "describe_switches", "read_fault", "read_switches"]


class SwitchError(ValueError):
    """A switch or a fault cannot be understood; the text names each one and what is allowed."""


def read_switches(
    toml: Path | str | None = None, pairs: Iterable[str] = (), values: Mapping[str, Any] | None = None
) -> Switches:
    """The switches of a TOML file (a Path) or text (a str), then of `key=value` words, then of `values`; later wins.

    Faults are `[[faults]]` tables in TOML; access keys are a table `[accounts]`. In a word a list is `a,b`, and a table
    is JSON.
    """
    found = _read_toml(toml)
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise SwitchError(f"{pair}: write it as key=value")
        found[name.strip()] = text.strip()
    found.update(values or {})
    if "faults" in found:
        found["faults"] = tuple(
            fault if isinstance(fault, Fault) else read_fault(fault) for fault in _tables(found["faults"])
        )
    return Switches(**_checked(Switches, found, "switch"))


def change(service: Service, values: Mapping[str, Any], now: float) -> None:
    """The service behaves so from `now` on; SwitchError, and nothing has changed, if a value does not fit."""
    try:
        service.change(replace(service.switches, **_checked(Switches, values, "switch")), now)
    except ValueError as error:
        raise SwitchError(str(error)) from error


def read_fault(values: Mapping[str, Any]) -> Fault:
    """One fault from its table."""
    if "what" not in values:
        raise SwitchError("fault: `what` must be given")
    return Fault(**_checked(Fault, values, "fault setting"))


def describe_switches(switches: Switches | None = None) -> list[dict[str, str]]:
    """A row for each switch: name, value, type, what it is about, and what is known of AWS's behaviour."""
    switches = switches or Switches()
    rows: list[dict[str, str]] = []
    for name, hint in get_type_hints(Switches, include_extras=True).items():
        about = next(extra for extra in hint.__metadata__ if isinstance(extra, About))
        value = _value_words(getattr(switches, name))
        rows.append(
            {"name": name, "value": value, "type": _type_words(hint), "about": about.text, "known": about.known}
        )
    return rows


def _value_words(value: Any) -> str:
    return str(value) if isinstance(value, float) else msgspec.json.encode(value).decode()


def _read_toml(toml: Path | str | None) -> dict[str, Any]:
    if toml is None:
        return {}
    try:
        return tomllib.loads(toml.read_text(encoding="utf-8") if isinstance(toml, Path) else toml)
    except (OSError, ValueError) as error:
        raise SwitchError(f"{toml if isinstance(toml, Path) else 'TOML'}: {error}") from error


def _tables(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)) and all(isinstance(table, (Mapping, Fault)) for table in value):
        return list(value)
    raise SwitchError("faults: must be a list of tables; add one at a time over /sandbox/faults")


def _checked(cls: type[Switches | Fault], values: Mapping[str, Any], noun: str) -> dict[str, Any]:
    """The values in their own types, each of them fit for the class."""
    hints = get_type_hints(cls, include_extras=True)
    problems: list[str] = []
    good: dict[str, Any] = {}
    for name, value in values.items():
        if name not in hints:
            near = get_close_matches(name, hints, n=1)
            problems.append(f"{name}: no such {noun}" + (f"; did you mean {near[0]}?" if near else ""))
            continue
        try:
            good[name] = value if name == "faults" else _convert(value, hints[name])
        except (msgspec.ValidationError, ValueError) as error:
            problems.append(f"{name}: {value!r} does not fit, it takes {_type_words(hints[name])} ({error})")
    if problems:
        raise SwitchError("\n".join(problems))
    return good


def _convert(value: Any, hint: Any) -> Any:
    if isinstance(value, str):
        plain = get_args(hint)[0] if hasattr(hint, "__metadata__") else hint
        if get_origin(plain) is tuple:
            value = [part.strip() for part in value.split(",") if part.strip()]
        elif _is_table(plain):
            value = msgspec.json.decode(value)
        elif value == "" and type(None) in get_args(plain):
            return None
    return msgspec.convert(value, hint, strict=False)


def _type_words(hint: Any) -> str:
    """The type as a user would say it: `a|b` for choices, `list` for tuples, else the plain name with its bounds."""
    if hasattr(hint, "__metadata__"):
        bounds = [words for extra in hint.__metadata__ if isinstance(extra, msgspec.Meta) for words in _bounds(extra)]
        return " ".join([_type_words(hint.__origin__), " and ".join(bounds)]).strip()
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return "list"
    if _is_table(hint):
        return "table"
    if arguments:
        return "|".join(str(word) if isinstance(word, str) else _type_words(word) for word in arguments)
    return "none" if hint is type(None) else str(hint.__name__)


def _is_table(hint: Any) -> bool:
    origin = get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _bounds(limits: msgspec.Meta) -> list[str]:
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "pattern": "like"}
    return [f"{sign} {getattr(limits, name)}" for name, sign in signs.items() if getattr(limits, name) is not None]
