"""Where every setting's value comes from, and which of them nobody should read on a screen."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic_settings import EnvSettingsSource, NestedSecretsSettingsSource, SecretsSettingsSource

from fleet.core.layers import holds
from fleet.settings import Settings, load

__all__ = ["Setting", "settings_with_origins"]

_MASK: Final = "********"
_SECRET_NAME: Final = re.compile(r"password|passwd|secret|token|credential", re.IGNORECASE)
_PASSWORD: Final = re.compile(r"(?<=://)([^/@\s:]*):(\S*)@")  # to the last @: it may hold one unquoted
_PARAMETER: Final = re.compile(r"([?&](?:ssl)?password=)[^&\s]*")
_FREE_FORM: Final = ("defaults", "request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: its dotted name, its value with secrets masked, and where it was said."""

    name: str
    value: Any
    source: str


def settings_with_origins(path: Path | None) -> list[Setting]:
    """Every setting in the order of the configuration; `Misconfigured` as `load` has it."""
    settings = load(path)
    file = path or Path("fleet.toml")
    layers = list(_layers(file))
    found = []
    for place, value in _leaves(settings.model_dump(mode="json"), ()):
        source = next((name for name, tree in layers if holds(tree, place)), "default")
        found.append(Setting(name=".".join(place), value=_masked(place, value, source), source=source))
    return found


def _layers(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What each place says, the strongest first."""
    yield "environment", EnvSettingsSource(Settings)()
    if file.is_file():
        yield f"file {file}", tomllib.loads(file.read_text(encoding="utf-8"))
    secrets = os.environ.get("CREDENTIALS_DIRECTORY") or "/run/secrets"
    if Path(secrets).is_dir():
        source = SecretsSettingsSource(Settings, secrets_dir=secrets)
        yield f"secrets directory {secrets}", NestedSecretsSettingsSource(source, secrets_dir=secrets)()


def _leaves(tree: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in tree.items():
        here = (*place, name)
        if isinstance(value, Mapping) and here != _FREE_FORM and value:
            yield from _leaves(value, here)
        elif value != {} or here == _FREE_FORM:
            yield here, value


def _masked(place: tuple[str, ...], value: Any, source: str) -> Any:
    secret = _SECRET_NAME.search(place[-1]) and not place[-1].endswith("_file")  # where one is, is none
    if value is not None and (secret or source.startswith("secrets directory")):
        return _MASK
    if not isinstance(value, str):
        return value
    return _PARAMETER.sub(rf"\1{_MASK}", _PASSWORD.sub(rf"\1:{_MASK}@", value))
