"""Faults at random instants for a deployment: processes killed and stopped, the database restarted, ways to it cut.

Everything is drawn from one seed, and each deed is noted with its times. Of the replicas at least one is left in peace
by what is done to single ones; what is done to the database hits all.
"""

import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tests.faults.replicas.deployment import Deployment
from tests.faults.replicas.gate import Cut
from tests.faults.replicas.replica import Replica
from tests.postgres import Stop

__all__ = ["CUTS", "SCENARIOS", "Deed", "Fault", "Nemesis"]

_LOOK_S: Final = 0.05
_FIGURES_EVERY_S: Final = 2.0
_STEER_EVERY_S: Final = 5.0
_FASTER: Final = 1.25
_JOB_MIN_S: Final = 0.5
_JOB_MAX_S: Final = 120.0
_STARTED_LAST: Final = 0.95  # of the jobs, when the faults end


class Fault(StrEnum):
    """What is done."""

    KILL = "SIGKILL of a replica"
    STOP = "SIGSTOP of a replica"
    DATABASE_FAST = "database restarted, fast"
    DATABASE_IMMEDIATE = "database restarted, immediate"
    DATABASE_KILL = "SIGKILL of the postmaster"
    HANG = "way to the database hangs"
    DEAF = "database's answers are held back"
    RESET = "way to the database resets"


CUTS: Final = {Fault.HANG: Cut.HANG, Fault.DEAF: Cut.DEAF, Fault.RESET: Cut.RESET}
_DATABASE: Final = (Fault.DATABASE_FAST, Fault.DATABASE_IMMEDIATE, Fault.DATABASE_KILL)
SCENARIOS: Final[dict[str, Sequence[Fault]]] = {
    "all": tuple(Fault),
    "kill": (Fault.KILL,),
    "stop": (Fault.STOP,),
    "database": _DATABASE,
    "partition": tuple(CUTS),
}
_LASTS: Final[dict[Fault, tuple[float, float]]] = {  # in leases: some are over before anybody could notice
    Fault.KILL: (0.2, 2.5),
    Fault.STOP: (1.1, 2.5),
    Fault.HANG: (0.3, 2.5),
    Fault.DEAF: (0.3, 2.5),
    Fault.RESET: (0.3, 2.5),
    **dict.fromkeys(_DATABASE, (0.0, 1.5)),
}
_AT_ONCE: Final = 0.5  # of the database's restarts have no pause


@dataclass(slots=True, kw_only=True)
class Deed:
    """A fault: from when until when (Unix seconds; `until` None while it lasts). To one process: its access key."""

    fault: Fault
    at: float
    until: float | None = None
    access_key: str = ""
    process_id: int = 0


@dataclass(slots=True, kw_only=True)
class Nemesis:
    """Does faults for `seconds`. `gap_s`: from one to the next, in the mean."""

    deployment: Deployment
    faults: Sequence[Fault]
    seconds: float
    gap_s: float
    rng: random.Random
    deeds: list[Deed] = field(default_factory=list)
    _undo: list[tuple[float, Deed, Callable[[], None]]] = field(default_factory=list)
    _hurt: set[int] = field(default_factory=set)
    _job_s: float = 0.0

    def rage(self) -> None:
        """Do it all, and heal it all: every replica lives and reaches the database again."""
        began = time.monotonic()
        next_s, figures_s, steer_s = self._gap_s(), 0.0, 0.0
        while (now_s := time.monotonic() - began) < self.seconds:
            self._undo_until(time.monotonic())
            if now_s >= next_s:
                self._act()
                next_s = now_s + self._gap_s()
            if now_s >= figures_s:
                self.look_after()
                figures_s = now_s + _FIGURES_EVERY_S
            if now_s >= steer_s:
                self._steer(now_s / self.seconds)
                steer_s = now_s + _STEER_EVERY_S
            time.sleep(_LOOK_S)
        self.heal()

    def heal(self) -> None:
        """Nothing of what was done lasts any longer."""
        self._undo_until(float("inf"))
        self.look_after()

    def look_after(self) -> None:
        """What a supervisor does: who has left by itself is started again. And its figures are read."""
        for replica in self.deployment.replicas:
            replica.read_figures()
            if not replica.alive and replica.number not in self._hurt:
                replica.start()

    def do(self, fault: Fault, replica: Replica | None, lasts_s: float) -> Deed:
        """Do this now; it is undone once it has lasted so long."""
        deed = Deed(fault=fault, at=time.time())
        if replica is not None:
            replica.read_figures()
            deed.at = time.time()
            deed.access_key, deed.process_id = replica.life.access_key, replica.life.process_id
            self._hurt.add(replica.number)
        undo = self._begin(fault, replica)
        self.deeds.append(deed)
        self._undo.append((time.monotonic() + lasts_s, deed, undo))
        return deed

    def _act(self) -> None:
        """One more fault, if there is anybody left whom it may hit."""
        fault = self.rng.choice(self.faults)
        low, high = _LASTS[fault]
        lasts_s = self.rng.uniform(low, high) * self.deployment.plan.lease_s
        if fault in _DATABASE:
            if self.deployment.postgres.process_id is not None:
                self.do(fault, None, 0.0 if self.rng.random() < _AT_ONCE else lasts_s)
            return
        whole = [one for one in self.deployment.replicas if one.number not in self._hurt and one.alive]
        if len(whole) > 1 or len(self.deployment.replicas) == 1:
            self.do(fault, self.rng.choice(whole), lasts_s)

    def _begin(self, fault: Fault, replica: Replica | None) -> Callable[[], None]:
        """The fault has begun; what undoes it."""
        postgres = self.deployment.postgres
        if replica is None:
            if fault is Fault.DATABASE_KILL:
                postgres.kill()
            else:
                postgres.stop(Stop.FAST if fault is Fault.DATABASE_FAST else Stop.IMMEDIATE)
            return postgres.start
        if fault is Fault.KILL:
            replica.kill()
            return lambda: self._healed(replica, replica.start)
        if fault is Fault.STOP:
            replica.pause()
            return lambda: self._healed(replica, replica.resume)
        replica.gate.shut(CUTS[fault])
        return lambda: self._healed(replica, replica.gate.open)

    def _healed(self, replica: Replica, how: Callable[[], None]) -> None:
        how()
        self._hurt.discard(replica.number)

    def _undo_until(self, until: float) -> None:
        due = sorted((entry for entry in self._undo if entry[0] <= until), key=lambda entry: entry[0])
        for entry in due:
            self._undo.remove(entry)
            _, deed, undo = entry
            undo()
            deed.until = time.time()
            sys.stderr.write(f"{deed.at:.2f} for {deed.until - deed.at:5.2f} s: {deed.fault} {deed.access_key}\n")

    def _gap_s(self) -> float:
        return self.rng.uniform(0.5, 1.5) * self.gap_s

    def _steer(self, elapsed: float) -> None:
        """Jobs take longer while more are started than time has passed, and shorter while fewer are."""
        plan = self.deployment.plan
        started = self.deployment.service.truth()["jobs_started"] / plan.jobs
        self._job_s = self._job_s or plan.job_s
        self._job_s *= _FASTER if started > _STARTED_LAST * elapsed else 1 / _FASTER
        self._job_s = min(_JOB_MAX_S, max(_JOB_MIN_S, self._job_s))
        self.deployment.service.control("POST", "switches", {"overhead_s": self._job_s})
