"""The situations in which contenders are compared: quotas, jobs, and what happens in the middle."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

__all__ = ["ALL_KINDS", "FOREIGN", "SCENARIOS", "Action", "Event", "Scenario"]

FOREIGN: Final = "s3://corpus-in/foreign/"
ALL_KINDS: Final = ("entities", "key_phrases", "pii_entities", "sentiment", "targeted_sentiment")


class Action(StrEnum):
    """What the benchmark does to the sandbox in the middle of a run."""

    SWITCHES = "switches"
    STORM = "storm"
    CALM = "calm"
    FOREIGN_START = "foreign start"
    FOREIGN_STOP = "foreign stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing done `at_s` seconds after the contender's first accepted Start; before it runs, where that is None."""

    at_s: float | None
    action: Action
    values: Mapping[str, Any] = field(default_factory=dict)
    jobs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The true quotas of each lane, the jobs, and what the contenders are told where that is not the truth."""

    name: str
    about: str
    prefixes: int
    slots: int
    start_per_s: float
    describe_per_s: float
    list_per_s: float
    submitted_s: float
    overhead_s: float
    kinds: tuple[str, ...] = ("entities",)
    spread: float = 0.3
    told_slots: int | None = None
    told_start_per_s: float | None = None
    settle_s: float = 60.0
    seed: int = 1
    events: tuple[Event, ...] = ()
    quick: Mapping[str, Any] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """The median duration of a job, from its Start to its end."""
        return self.submitted_s + self.overhead_s

    @property
    def poll_s(self) -> float:
        """How often a script asks about each job: four fifths of the Describe quota, at most once a second."""
        return max(1.0, 1.25 * (self.told_slots or self.slots) / self.describe_per_s)

    def scaled(self) -> "Scenario":
        """The same in less time, for a look rather than a figure to quote."""
        return replace(self, **self.quick)

    def switches(self) -> list[str]:
        """The sandbox's switches, as `key=value` words."""
        return [
            f"active_jobs={self.slots}",
            f"start_per_s={self.start_per_s}",
            f"describe_per_s={self.describe_per_s}",
            f"list_per_s={self.list_per_s}",
            "stop_per_s=20",
            "stop_s=0.2",
            f"submitted_s={self.submitted_s}",
            f"overhead_s={self.overhead_s}",
            f"spread={self.spread}",
            f"seed={self.seed}",
            "work_at_once=16",
        ]


_SIX_SECONDS: Final[dict[str, Any]] = {"submitted_s": 0.5, "overhead_s": 5.5}
_QUICK: Final[dict[str, Any]] = {"submitted_s": 0.3, "overhead_s": 2.7, "settle_s": 5.0}

SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="default",
            about="AWS's default quotas, 40 jobs of 30 s",
            prefixes=40,
            slots=10,
            start_per_s=1,
            describe_per_s=10,
            list_per_s=10,
            submitted_s=2.0,
            overhead_s=28.0,
            quick={"prefixes": 14, "slots": 5, **_QUICK},
        ),
        Scenario(
            name="generous",
            about="Start 5/s, Describe and List 50/s, 60 jobs of 6 s",
            prefixes=60,
            slots=10,
            start_per_s=5,
            describe_per_s=50,
            list_per_s=50,
            **_SIX_SECONDS,
            quick={"prefixes": 30, **_QUICK},
        ),
        Scenario(
            name="half-rate",
            about="told Start 10/s, AWS allows 5/s; slots are no limit",
            prefixes=600,
            slots=100,
            start_per_s=5,
            told_start_per_s=10,
            describe_per_s=50,
            list_per_s=10,
            **_SIX_SECONDS,
            quick={"prefixes": 80, **_QUICK},
        ),
        Scenario(
            name="half-slots",
            about="told 20 slots, AWS allows 10",
            prefixes=200,
            slots=10,
            told_slots=20,
            start_per_s=5,
            describe_per_s=50,
            list_per_s=10,
            **_SIX_SECONDS,
            quick={"prefixes": 30, **_QUICK},
        ),
        Scenario(
            name="five-lanes",
            about="all five kinds at once, default quotas, 5 x 30 jobs of 30 s",
            prefixes=30,
            kinds=ALL_KINDS,
            slots=10,
            start_per_s=1,
            describe_per_s=10,
            list_per_s=10,
            submitted_s=2.0,
            overhead_s=28.0,
            quick={"prefixes": 8, "slots": 4, **_QUICK},
        ),
        Scenario(
            name="500-slots",
            about="500 slots, Start 20/s, Describe 10/s, 1,000 jobs of 60 s",
            prefixes=1000,
            slots=500,
            start_per_s=20,
            describe_per_s=10,
            list_per_s=10,
            submitted_s=5.0,
            overhead_s=55.0,
            quick={"prefixes": 100, "slots": 50, "describe_per_s": 5, **_QUICK},
        ),
        Scenario(
            name="foreign",
            about="another program holds 4 of 10 slots, frees them after 20 s, takes 3 at 35 s, frees them at 55 s",
            prefixes=100,
            slots=10,
            start_per_s=10,
            describe_per_s=50,
            list_per_s=10,
            **_SIX_SECONDS,
            events=(
                Event(at_s=None, action=Action.FOREIGN_START, jobs=4),
                Event(at_s=20, action=Action.FOREIGN_STOP),
                Event(at_s=35, action=Action.FOREIGN_START, jobs=3),
                Event(at_s=55, action=Action.FOREIGN_STOP),
            ),
            quick={
                "prefixes": 30,
                **_QUICK,
                "events": (
                    Event(at_s=None, action=Action.FOREIGN_START, jobs=4),
                    Event(at_s=5, action=Action.FOREIGN_STOP),
                ),
            },
        ),
        Scenario(
            name="limits-change",
            about="10 slots and Start 5/s become 5 and 2/s at 20 s, and 15 and 5/s at 50 s; told 15 slots",
            prefixes=120,
            slots=10,
            told_slots=15,
            start_per_s=5,
            describe_per_s=50,
            list_per_s=10,
            **_SIX_SECONDS,
            events=(
                Event(at_s=20, action=Action.SWITCHES, values={"active_jobs": 5, "start_per_s": 2}),
                Event(at_s=50, action=Action.SWITCHES, values={"active_jobs": 15, "start_per_s": 5}),
            ),
            quick={
                "prefixes": 40,
                **_QUICK,
                "events": (
                    Event(at_s=5, action=Action.SWITCHES, values={"active_jobs": 5, "start_per_s": 2}),
                    Event(at_s=12, action=Action.SWITCHES, values={"active_jobs": 15, "start_per_s": 5}),
                ),
            },
        ),
        Scenario(
            name="storm",
            about="every call is throttled from 20 s to 80 s",
            prefixes=100,
            slots=10,
            start_per_s=5,
            describe_per_s=50,
            list_per_s=10,
            **_SIX_SECONDS,
            events=(Event(at_s=20, action=Action.STORM), Event(at_s=80, action=Action.CALM)),
            quick={
                "prefixes": 30,
                **_QUICK,
                "events": (Event(at_s=4, action=Action.STORM), Event(at_s=10, action=Action.CALM)),
            },
        ),
    )
}
