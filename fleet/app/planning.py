"""From the settings to what turns a manifest entry into jobs."""

from typing import TYPE_CHECKING

from fleet.core.plan import Planner
from fleet.core.request import Defaults, Target, canonical
from fleet.settings import Settings

if TYPE_CHECKING:
    from fleet.stages.source import Plan

__all__ = ["configuration", "planner", "targets_of"]


def planner(settings: Settings) -> "Plan":
    """What turns one manifest entry into jobs under this configuration. It caches what similar entries share."""
    from fleet.aws.model import start_shapes  # who only wants to know the targets must not wait for the service model

    defaults = settings.defaults
    return Planner(
        defaults=Defaults(
            kinds=tuple(defaults.kinds),
            language=defaults.language,
            input_format=defaults.input_format,
            request=defaults.request,
        ),
        targets=targets_of(settings),
        generation=settings.manifest.generation,
        shapes=start_shapes(),
    ).plan


def targets_of(settings: Settings) -> dict[str, Target]:
    """The configured targets by name, as core knows them."""
    return {
        name: Target(
            name=name, region=target.region, data_access_role_arn=target.data_access_role_arn, output=target.output
        )
        for name, target in settings.targets.items()
    }


def configuration(settings: Settings) -> str:
    """Everything beside the manifest that decides what its lines come to."""
    decides: dict[str, bool | set[str]] = {"defaults": True, "targets": True, "manifest": {"generation"}}
    return canonical(settings.model_dump(mode="json", include=decides, exclude={"targets": {"__all__": {"quotas"}}}))
