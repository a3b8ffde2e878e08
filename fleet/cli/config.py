"""`fleet config ...`: what is configured and where each value comes from, whether it can work, and its schema."""

import json
from pathlib import Path
from typing import Final

from fleet.app.origins import Setting, settings_with_origins
from fleet.cli.screen import Screen
from fleet.cli.streams import put
from fleet.core.columns import Column
from fleet.core.errors import Misconfigured
from fleet.settings import Settings, load

__all__ = ["check_command", "schema_command", "show_command"]

_COLUMNS: Final = (
    Column(name="setting", least=16),
    Column(name="value", least=12),
    Column(name="from", least=7, drop=1),
)


def show_command(config: Path | None, *, as_json: bool) -> int:
    """Print every setting, its value and its source; 0."""
    found = settings_with_origins(config)
    if as_json:
        put(json.dumps({"schema": 1, "settings": {one.name: _as_dict(one) for one in found}}) + "\n")
        return 0
    screen = Screen()
    styles = [["", "" if one.source == "default" else "bold", "dim"] for one in found]
    screen.say(*screen.table(_COLUMNS, [[one.name, _text(one.value), one.source] for one in found], styles=styles))
    return 0


def check_command(config: Path | None, *, as_json: bool) -> int:
    """Say that the configuration can work, as far as can be told without AWS; 0. `Misconfigured` if it cannot."""
    from fleet.app.forecast import quotas_of
    from fleet.app.ledger import check_url
    from fleet.app.reloading import check_whole

    settings = load(config)
    if not settings.targets:
        raise Misconfigured("no target is configured; add a [targets.NAME] table (fleet init writes an example)")
    check_url(settings)
    check_whole(settings)
    try:
        quotas_of(settings)
    except (ValueError, IndexError) as error:
        raise Misconfigured(f"targets: {error}") from None
    place = str(config or Path("fleet.toml"))
    if as_json:
        put(json.dumps({"schema": 1, "sound": True, "file": place, "targets": list(settings.targets)}) + "\n")
    else:
        Screen().say(
            f"The configuration is sound: {len(settings.targets)} target(s): {', '.join(settings.targets)}.",
            "Next: fleet doctor asks AWS whether credentials, roles and buckets are too.",
        )
    return 0


def schema_command() -> int:
    """Print the JSON Schema of the configuration file; 0."""
    schema = Settings.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "fleet.toml"
    put(json.dumps(schema, indent=2) + "\n")
    return 0


def _as_dict(one: Setting) -> dict[str, object]:
    return {"value": one.value, "source": one.source}


def _text(value: object) -> str:
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value)
