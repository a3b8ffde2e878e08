"""The lanes that a configuration serves, and the stages of each."""

import random
from collections.abc import Mapping
from typing import NamedTuple

import anyio

from fleet.app.planning import targets_of
from fleet.aws.comprehend import Comprehend
from fleet.aws.session import TargetClients
from fleet.core.errors import Misconfigured
from fleet.core.job import IN_FLIGHT, State
from fleet.core.kinds import KINDS
from fleet.core.lane import Lane, Quotas
from fleet.core.policy import Retry
from fleet.ledger.ledger import Ledger
from fleet.settings import Settings
from fleet.stages.calls import LaneCalls
from fleet.stages.cancel import Cancel
from fleet.stages.loop import Clock
from fleet.stages.moves import Moves
from fleet.stages.rescue import Rescue
from fleet.stages.submit import Submit
from fleet.stages.track import Polling, Track

__all__ = ["LaneWork", "ServedLane", "lanes_of", "slots_in_use"]


class ServedLane(NamedTuple):
    """What it takes to work on a lane: its quotas, and the Comprehend client of each target that shares it."""

    quotas: Quotas
    clients: Mapping[str, Comprehend]


def lanes_of(settings: Settings, clients: Mapping[str, TargetClients]) -> dict[Lane, ServedLane]:
    """Five lanes per account and Region. Targets of the same account and Region share them, and their quotas."""
    quotas = {name: target.quotas.resolved() for name, target in settings.targets.items()}
    sharing: dict[Lane, dict[str, TargetClients]] = {}
    for name, target in targets_of(settings).items():
        for kind in KINDS:
            sharing.setdefault(Lane(target.account, target.region, kind), {})[name] = clients[name]
    lanes = {}
    for lane, targets in sharing.items():
        first, *others = targets
        if any(quotas[other] != quotas[first] for other in others):
            raise Misconfigured(
                f"targets {', '.join(targets)} share account {lane.account} in {lane.region}, and so its quotas, "
                "but their [quotas] differ; give them the same"
            )
        lanes[lane] = ServedLane(quotas[first], {name: target.comprehend for name, target in targets.items()})
    return lanes


class LaneWork:
    """The four stages of one lane, for as long as this process holds it. `holder` names the process in the ledger."""

    def __init__(
        self,
        calls: LaneCalls,
        ledger: Ledger,
        moves: Moves,
        settings: Settings,
        *,
        holder: str,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self.calls = calls
        self.stopping = anyio.Event()
        self.submit = Submit(ledger, calls, moves, holder=holder, clock=clock, rng=rng)
        self.track = Track(
            ledger,
            calls,
            moves,
            retry=Retry(**settings.retry.model_dump()),
            polling=Polling(
                sweep=settings.track.sweep,
                floor_s=settings.track.poll_floor_s,
                ceiling_s=settings.track.poll_ceiling_s,
            ),
            rng=rng,
            stuck_after_s=settings.track.stuck_after_s,
        )
        self.rescue = Rescue(ledger, calls, moves, holder=holder, consistency_s=settings.track.list_lag_s, rng=rng)
        self.cancel = Cancel(ledger, calls, moves)

    def drain(self) -> None:
        """Claim nothing new, and send no Start that still waits for the limiter: it stays for whoever comes next."""
        self.stopping.set()
        self.calls.starts.close()


def slots_in_use(states: Mapping[State, int], work: LaneWork | None) -> int:
    """How many jobs of a lane with these counts hold a slot; what `work` on it has seen to have ended holds none."""
    return sum(states.get(state, 0) for state in IN_FLIGHT) - (len(work.calls.freed) if work else 0)
