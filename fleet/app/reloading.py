"""Load the configuration again while the fleet runs: what can change at once, and what needs a restart.

`HOT` is the list of what can. A configuration that cannot work changes nothing.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from fleet.app.planning import planner, targets_of
from fleet.core.errors import Misconfigured
from fleet.core.kinds import KINDS
from fleet.core.lane import Quotas
from fleet.core.text import shown, suggestion
from fleet.settings import Settings, load

__all__ = ["HOT", "check_whole", "is_hot", "reload"]

HOT: Final = (
    "defaults",
    "manifest.generation",
    "manifest.watch_s",
    "manifest.quiet_s",
    "track",
    "retry",
    "verify",
    "drain",
    "targets.*.quotas",
)
"""Settings, and whole tables of them, that a running fleet takes over; `*` stands for any name."""


def reload(old: Settings, path: Path | None) -> tuple[Settings, list[str]]:
    """The settings to work with from now on, and the names of those that changed but need a restart to apply.

    Sources and precedence are those of the start. `Misconfigured` if they cannot work, in themselves or together with
    what stays as it was.
    """
    wanted = load(path)
    changed = list(_differences(old.model_dump(), wanted.model_dump()))
    cold = [name for name in changed if not is_hot(name)]
    merged = old.model_copy(
        update={
            "defaults": wanted.defaults,
            "manifest": wanted.manifest.model_copy(
                update={"measure": old.manifest.measure, "strict": old.manifest.strict}
            ),
            "track": wanted.track,
            "retry": wanted.retry,
            "verify": wanted.verify,
            "drain": wanted.drain,
            "targets": {
                name: target.model_copy(update={"quotas": wanted.targets[name].quotas})
                if name in wanted.targets
                else target
                for name, target in old.targets.items()
            },
        }
    )
    check_whole(merged)
    return merged, cold


def is_hot(name: str) -> bool:
    """Whether the setting of this dotted name is taken over without a restart."""
    parts = name.split(".")
    return any(
        all(pattern in ("*", part) for pattern, part in zip(hot, parts, strict=False)) and len(parts) >= len(hot)
        for hot in (pattern.split(".") for pattern in HOT)
    )


def check_whole(settings: Settings) -> None:
    """Nothing, or `Misconfigured` where the settings are each right, and cannot work together."""
    planner(settings)
    if unknown := [kind for kind in settings.defaults.kinds if kind not in KINDS]:
        raise Misconfigured(f"defaults.kinds: unknown kind {shown(unknown[0])}; {suggestion(unknown[0], KINDS)}")
    quotas: dict[tuple[str, str], Quotas] = {}
    for name, target in targets_of(settings).items():
        own = settings.targets[name].quotas.resolved()
        if quotas.setdefault((target.account, target.region), own) != own:
            raise Misconfigured(
                f"targets.{name}.quotas: another target shares account {target.account} in {target.region}, and so its "
                "quotas; give them the same"
            )


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """The dotted names of all that is not the same, a table that is only on one side as a whole."""
    for name in sorted(old.keys() | new.keys()):
        place, before, after = f"{within}{name}", old.get(name), new.get(name)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _differences(before, after, f"{place}.")
        elif before != after:
            yield place
