"""Where all the work is now, as one value: what `fleet status` shows, and what a page could."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fleet.core.eta import Eta
from fleet.core.job import ENDED, IN_FLIGHT, State, Verdict
from fleet.core.lane import Lane
from fleet.core.reasons import ReasonGroup

__all__ = ["LaneView", "Overview", "ReplicaView", "Running", "VerdictCount"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The process that writes the ledger; None for what is not known of it."""

    pid: int | None = None
    host: str | None = None
    started_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaView:
    """One of the processes that share a ledger: since when (Unix seconds), how long ago it was seen, what it holds."""

    name: str
    host: str
    pid: int
    version: str
    started_at: float
    seen_s: float
    leases: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictCount:
    """How many verified jobs have a verdict, and their documents."""

    jobs: int
    documents: int
    failed_documents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """One lane. `slots` and `start_per_s` are None where this configuration does not serve it. `holder` is the replica
    that holds it, where several share the ledger.

    `started`, `throttled` and `ended` are what happened in the last `Overview.window_s` seconds.
    """

    lane: Lane
    states: Mapping[State, int]
    holder: str | None = None
    slots: int | None = None
    start_per_s: float | None = None
    started: int = 0
    throttled: int = 0
    ended: int = 0

    @property
    def jobs(self) -> int:
        return sum(self.states.values())

    @property
    def done(self) -> int:
        """Jobs that have ended."""
        return sum(self.states.get(state, 0) for state in ENDED)

    @property
    def given_up(self) -> int:
        """Jobs that have ended without output."""
        return self.states.get(State.DISCARDED, 0) + self.states.get(State.CANCELLED, 0)

    @property
    def in_flight(self) -> int:
        """Jobs that hold a slot."""
        return sum(self.states.get(state, 0) for state in IN_FLIGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All lanes that have jobs, and what holds for all of them. `at` is Unix seconds."""

    at: float
    lanes: Sequence[LaneView]
    running: Running | None = None
    replicas: Sequence[ReplicaView] = ()
    eta: Eta | None = None
    window_s: float = 60.0
    cancelling: int = 0
    reasons: Sequence[ReasonGroup] = ()
    rejected: int = 0
    manifests: Sequence[str] = ()
    verdicts: Mapping[Verdict, VerdictCount] = field(default_factory=dict)

    @property
    def jobs(self) -> int:
        return sum(lane.jobs for lane in self.lanes)

    @property
    def done(self) -> int:
        return sum(lane.done for lane in self.lanes)

    def total(self, state: State) -> int:
        """Jobs in this state, over all lanes."""
        return sum(lane.states.get(state, 0) for lane in self.lanes)
