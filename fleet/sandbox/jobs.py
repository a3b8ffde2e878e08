"""One job: the statuses it may take, what it shows to Describe and List, and where the jobs of a kind stand.

Sources: statuses and members from the service model and facts sheet 3.1, 3.2; Stop 3.4.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from fleet.sandbox.faults import Fault
from fleet.sandbox.kinds import Kind
from fleet.sandbox.slots import SlotUse

__all__ = ["ACTIVE", "LATER", "MOVES", "Job", "Seen", "Shelf", "Status"]


class Status(StrEnum):
    """AWS's own six words."""

    SUBMITTED = "SUBMITTED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    STOP_REQUESTED = "STOP_REQUESTED"
    STOPPED = "STOPPED"


# What counts as active is not documented; this is the reading of a third party's quota checker (facts sheet 1.2).
ACTIVE: Final = frozenset({Status.SUBMITTED, Status.IN_PROGRESS, Status.STOP_REQUESTED})

MOVES: Final[Mapping[Status, frozenset[Status]]] = {
    Status.SUBMITTED: frozenset({Status.IN_PROGRESS, Status.STOP_REQUESTED, Status.STOPPED}),
    Status.IN_PROGRESS: frozenset({Status.COMPLETED, Status.FAILED, Status.STOP_REQUESTED}),
    Status.STOP_REQUESTED: frozenset({Status.STOPPED, Status.COMPLETED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset(),
    Status.STOPPED: frozenset(),
}


def _later(status: Status) -> frozenset[Status]:
    return MOVES[status].union(*(_later(after) for after in MOVES[status]))


# Status -> every status that a job may still come to from it.
LATER: Final[Mapping[str, frozenset[Status]]] = {status: _later(status) for status in Status}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a job looks like from `at` on, until the next one."""

    at: float
    status: Status
    message: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """A job that was accepted. Only `move` changes its status."""

    kind: Kind
    job_id: str
    number: int
    arn: str
    name: str
    token: str | None
    request: Mapping[str, Any]
    output_uri: str
    submit_time: float
    face: Mapping[str, Any]
    shelf: "Shelf" = field(repr=False)
    luck: float = 1.0
    fault: Fault | None = None
    failure: str = ""
    foreign_s: float | None = None
    slot_at: float | None = None
    history: list[Seen] = field(default_factory=list)
    begun_at: float | None = None
    work_s: float | None = None
    timer: int = 0
    writing: bool = False
    halting: bool = False

    @property
    def status(self) -> Status:
        """The status as it really is, without any delay of consistency."""
        return self.history[-1].status

    @property
    def message(self) -> str | None:
        """Why it failed, if it did."""
        return self.history[-1].message

    @property
    def ended_at(self) -> float | None:
        """When it reached its last status, or None if it is still active."""
        last = self.history[-1]
        return None if last.status in ACTIVE else last.at

    @property
    def foreign(self) -> bool:
        """True if somebody else started it: it holds a slot for `foreign_s`, and reads and writes nothing."""
        return self.foreign_s is not None

    def suffers(self, what: str) -> bool:
        """True if this is the fault that its Start was hit by."""
        return self.fault is not None and self.fault.what == what

    @property
    def input_uri(self) -> str:
        """The S3 URI whose objects it reads."""
        return str(self.request["InputDataConfig"]["S3Uri"])

    def move(self, status: Status, now: float, message: str | None = None) -> None:
        """The job has the new status from `now` on; ValueError if the service never makes that move."""
        if status not in MOVES[self.status]:
            raise ValueError(f"{self.job_id}: {self.status} -> {status} is not a move of the service")
        self.shelf.use.moved(self.status, status, foreign=self.foreign)
        self.history.append(Seen(at=now, status=status, message=message))
        if status not in ACTIVE:
            del self.shelf.active[self.job_id]
            if self.slot_at is not None:
                self.shelf.use.freed(now, self.slot_at)

    def take_slot(self, now: float) -> None:
        """The job holds one of the lane's slots from `now` on, until it ends."""
        self.slot_at = now
        self.shelf.use.taken(now)

    def seen(self, at: float) -> Seen | None:
        """How the job stood at a time; None if it was not yet there."""
        for seen in reversed(self.history):
            if seen.at <= at:
                return seen
        return None

    def properties(self, seen: Seen) -> dict[str, Any]:
        """The members that Describe and List show (facts sheet 3.2). Times are epoch seconds with milliseconds."""
        shown = {**self.face, "JobStatus": seen.status}
        if seen.message is not None:
            shown["Message"] = seen.message
        if seen.status not in ACTIVE:
            shown["EndTime"] = round(seen.at, 3)
        return shown


class Shelf:
    """The jobs of one account, Region and kind, in the order of their submission, and its slots."""

    __slots__ = ("account", "active", "by_name", "jobs", "kind", "region", "use", "waiting")

    def __init__(self, account: str, region: str, kind: Kind, slots: int) -> None:
        self.account = account
        self.region = region
        self.kind = kind
        self.use = SlotUse(slots)
        self.jobs: list[Job] = []
        self.by_name: dict[str, list[Job]] = {}
        self.active: dict[str, Job] = {}
        self.waiting: deque[Job] = deque()

    @property
    def slots_used(self) -> int:
        """Active jobs, without those that wait for a slot (switch `cap` = queue)."""
        return len(self.active) - len(self.waiting)

    def add(self, job: Job) -> None:
        """The job is the last one here, and active."""
        self.jobs.append(job)
        self.by_name.setdefault(job.name, []).append(job)
        self.active[job.job_id] = job
        self.use.accepted(job.status, foreign=job.foreign)

    def counted(self, statuses: Collection[str]) -> int:
        """Active jobs in one of the statuses, without those that wait for a slot."""
        if ACTIVE.issubset(statuses):
            return self.slots_used
        return sum(job.status in statuses for job in self.active.values()) - (
            len(self.waiting) if Status.SUBMITTED in statuses else 0
        )

    def position(self, number: int) -> int:
        """How many jobs here have a number up to the given one."""
        return bisect_right(self.jobs, number, key=_number)


def _number(job: Job) -> int:
    return job.number
