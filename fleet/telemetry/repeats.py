"""Warnings that repeat themselves: the first is told, the others are counted, and the count is told a minute later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Repeats", "Summary"]

_NAMES: Final = ("stage", "lane", "operation", "source", "logger")
"""What tells one trouble from another of the same event; a warning about one job is one of all jobs'."""

_ROUND_S: Final = 60.0
_JOBS_TOLD: Final = 5  # of one event that names none of the above
_KEYS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """So many records like this one were held back over so many seconds."""

    event: str
    names: Mapping[str, Any]
    level: str
    held_back: int
    over_s: float


@dataclass(slots=True)
class _Round:
    event: str
    names: Mapping[str, Any]
    level: str
    began: float
    told: int = 0
    held_back: int = 0


class Repeats:
    """Decides what of the warnings and errors is told. Works in memory that does not grow."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._rounds: dict[tuple[Any, ...], _Round] = {}

    def hold_back(self, level: str, record: Mapping[str, Any]) -> bool:
        """Whether this record says what was just said, so that counting it is enough."""
        names = {name: record[name] for name in _NAMES if record.get(name) is not None}
        event = str(record.get("event", ""))
        key = (level, event, *(str(value) for value in names.values()))
        found = self._rounds.get(key)
        if found is None:
            if len(self._rounds) >= _KEYS_MAX:
                return False
            found = self._rounds[key] = _Round(event, names, level, self._monotonic())
        if found.told < (1 if names else _JOBS_TOLD):
            found.told += 1
            return False
        found.held_back += 1
        return True

    def over(self, *, all_rounds: bool = False) -> list[Summary]:
        """What was held back in rounds that are over since the last call, and such rounds begin anew."""
        now = self._monotonic()
        ended = [key for key, found in self._rounds.items() if all_rounds or now - found.began >= _ROUND_S]
        rounds = [self._rounds.pop(key) for key in ended]
        return [
            Summary(
                event=found.event,
                names=found.names,
                level=found.level,
                held_back=found.held_back,
                over_s=round(now - found.began, 1),
            )
            for found in rounds
            if found.held_back
        ]
