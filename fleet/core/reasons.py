"""Reasons that say the same of different jobs, put together: what differs is left out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fleet.core.job import State

__all__ = ["ReasonGroup", "grouped", "word_of"]

_ATTEMPTS: Final = re.compile(r" \(attempt \d+[^()]*\)$")
_VARIABLE: Final = (
    (re.compile(r"s3://[^\s,;)]+"), "s3://..."),
    (re.compile(r"\barn:[^\s,;)]+"), "arn:..."),
    (re.compile(r"\(most in [^)]*\)"), "(most in ...)"),
    (re.compile(r"\b[0-9a-f]{16,}\b"), "..."),
    (re.compile(r"\b\d[\d,]*\b"), "N"),
)
_CODE: Final = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b")
_WORD_CHARACTERS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonGroup:
    """Jobs of one state with reasons that differ in names and numbers alone. `reason` is as most of them have it."""

    state: State
    reason: str
    jobs: int
    reasons: int

    @property
    def word(self) -> str:
        """Text that finds these jobs again: `fleet retry --reason WORD`."""
        return word_of(self.reason)


def grouped(reasons: Iterable[tuple[State, str, int]]) -> list[ReasonGroup]:
    """The reasons with how many jobs have each, put together; the largest groups first."""
    found: dict[tuple[State, str], list[tuple[int, str]]] = {}
    for state, reason, jobs in reasons:
        found.setdefault((state, _pattern(reason)), []).append((jobs, reason))
    groups = [
        ReasonGroup(
            state=state,
            reason=members[0][1] if len(members) == 1 else pattern,
            jobs=sum(jobs for jobs, _ in members),
            reasons=len(members),
        )
        for (state, pattern), members in found.items()
    ]
    return sorted(groups, key=lambda group: (-group.jobs, group.state, group.reason))


def word_of(reason: str) -> str:
    """The code in a reason, or else its beginning as far as it is the same for all jobs of its group."""
    if code := _CODE.search(reason):
        return code[0]
    same = re.split(r"\.\.\.|\bN\b|\d", reason, maxsplit=1)[0].strip()
    return (same or reason)[:_WORD_CHARACTERS].strip()


def _pattern(reason: str) -> str:
    text = _ATTEMPTS.sub("", reason)
    for variable, word in _VARIABLE:
        text = variable.sub(word, text)
    return text
