"""Comprehend's quotas by their codes in Service Quotas, and how they compare with what is configured.

Source: facts sheet, section 1.3. The names of the quotas have changed, their codes have not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from fleet.core.lane import Quotas

__all__ = ["CODES", "Difference", "differences", "least"]

_NAMES: Final = ("active_jobs", "start_per_s", "describe_per_s", "list_per_s", "stop_per_s")
_ROWS: Final = {
    "entities": ("L-2B8ECCAB", "L-8DD67684", "L-428EEE9B", "L-40A899B3", "L-0B530363"),
    "sentiment": ("L-32ABBB12", "L-7B91C94D", "L-E0EFA344", "L-13861BA2", "L-10AEC0BE"),
    "targeted_sentiment": ("L-358FBC4F", "L-230B53F3", "L-9E526A5F", "L-C220288F", "L-4DD99000"),
    "key_phrases": ("L-BFFD1421", "L-4D712CC8", "L-3E342F88", "L-E9B0ABA2", "L-C7E12CA2"),
    "pii_entities": ("L-D88E2B98", "L-FBEC67FF", "L-E9F2B1B1", "L-5454BD4C", "L-1EEF8E8F"),
}
CODES: Final[dict[str, tuple[str, str]]] = {
    code: (kind, name) for kind, codes in _ROWS.items() for name, code in zip(_NAMES, codes, strict=True)
}
"""Quota code -> the kind that it holds for, and its name in `[targets.NAME.quotas]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One quota that AWS grants otherwise than it is configured, and the kinds for which AWS grants the least."""

    name: str
    configured: float
    granted: float
    kinds: tuple[str, ...]

    @property
    def higher(self) -> bool:
        """Whether fleet is told more than AWS grants, and would be throttled."""
        return self.configured > self.granted

    def __str__(self) -> str:
        meaning = "AWS would throttle" if self.higher else "some is left unused"
        return f"{self.name}: {self.configured:g} configured, AWS grants {self.granted:g} ({meaning})"


def least(granted: Mapping[str, float], kinds: Iterable[str]) -> dict[str, tuple[float, tuple[str, ...]]]:
    """Each quota's smallest value over these kinds, with the kinds that have it: one number is configured for all.

    `granted` is by quota code; codes that are not Comprehend's jobs are ignored.
    """
    wanted = set(kinds)
    found: dict[str, dict[str, float]] = {}
    for code, value in granted.items():
        kind, name = CODES.get(code, ("", ""))
        if kind in wanted:
            found.setdefault(name, {})[kind] = value
    lowest = {name: min(of_kinds.values()) for name, of_kinds in found.items()}
    return {
        name: (lowest[name], tuple(sorted(kind for kind, value in found[name].items() if value == lowest[name])))
        for name in _NAMES
        if name in found
    }


def differences(granted: Mapping[str, float], configured: Quotas, kinds: Iterable[str]) -> list[Difference]:
    """Every quota of these kinds that AWS grants otherwise than it is configured."""
    ours = asdict(configured)
    return [
        Difference(name=name, configured=ours[name], granted=value, kinds=of_kinds)
        for name, (value, of_kinds) in least(granted, kinds).items()
        if value != ours[name]
    ]
