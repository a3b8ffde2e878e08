"""What a campaign shows: from the sandbox's accept log, the changes of the leases, and what was done. Plain functions.

Times are Unix seconds: the sandbox, the database and the campaign run on one machine.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fleet.core.lease import trusted_until
from fleet.sandbox.truth import Entry, accepted_starts
from tests.faults.replicas.leases import Change, holders_at, next_taking, process_of
from tests.faults.replicas.nemesis import CUTS, Deed, Fault

__all__ = ["WAY_S", "CutOff", "Foreign", "TakeOver", "again", "cut_offs", "foreign_starts", "take_overs"]

WAY_S: Final = 0.25
"""What a Start may take from the limiter into the log, on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver:
    """A lane whose holder was killed: how long until it had another one, until that called AWS, and until it started.

    None where nothing followed. `clean`: nobody else was hurt in the meantime.
    """

    lane: str
    killed_at: float
    row_s: float | None
    call_s: float | None
    start_s: float | None
    clean: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """A replica that could not hear the database: how long, and the last Start that it sent, since the cut."""

    access_key: str
    fault: Fault
    lasted_s: float
    last_start_s: float | None
    late: Sequence[float] = field(default_factory=list)  # Starts after its trust had run out

    def violation(self) -> list[str]:
        """A sentence if it sent what it must not."""
        if not self.late:
            return []
        return [f"{self.access_key}: {self.fault}: a Start left {max(self.late):.2f} s after the cut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A Start in a lane that another process had taken `since_s` before."""

    access_key: str
    lane: str
    since_s: float
    outcome: str


def again(log: Iterable[Entry]) -> list[str]:
    """A sentence for each key and attempt for which AWS made more than one job, and for each second attempt."""
    found: dict[str, set[str]] = {}
    for entry in accepted_starts(log):
        found.setdefault(entry.job_name, set()).add(entry.job_id)
    twice = [f"{name}: {len(jobs)} AWS jobs" for name, jobs in sorted(found.items()) if len(jobs) > 1]
    return twice + [f"{name}: no job failed, and this is another attempt" for name in found if not name.endswith("-1")]


def take_overs(log: Sequence[Entry], changes: Sequence[Change], deeds: Sequence[Deed]) -> list[TakeOver]:
    """One for each lane that a killed replica held."""
    lanes = _by_lane(log)
    found = []
    for deed in deeds:
        if deed.fault is not Fault.KILL:
            continue
        for name, holder in holders_at(changes, deed.at).items():
            if holder is not None and process_of(holder) == deed.process_id and "/" in name:
                taken = next_taking(changes, name, deed.at)
                others = (
                    entry
                    for entry in lanes.get(name, ())
                    if entry.time > deed.at and entry.access_key != deed.access_key
                )
                calls = list(others)
                starts = [entry for entry in calls if entry.operation.startswith("Start")]
                until = taken.at if taken else float("inf")
                found.append(
                    TakeOver(
                        lane=name,
                        killed_at=deed.at,
                        row_s=taken.at - deed.at if taken else None,
                        call_s=calls[0].time - deed.at if calls else None,
                        start_s=starts[0].time - deed.at if starts else None,
                        clean=not any(_overlaps(other, deed.at, until) for other in deeds if other is not deed),
                    )
                )
    return found


def cut_offs(log: Sequence[Entry], deeds: Iterable[Deed], lease_s: float) -> list[CutOff]:
    """One for each way to the database that was cut."""
    trust_s = trusted_until(0.0, lease_s)
    found = []
    for deed in deeds:
        if deed.fault not in CUTS or deed.until is None:
            continue
        sent = [
            entry.time - deed.at
            for entry in log
            if entry.access_key == deed.access_key
            and entry.operation.startswith("Start")
            and deed.at < entry.time < deed.until
        ]
        found.append(
            CutOff(
                access_key=deed.access_key,
                fault=deed.fault,
                lasted_s=deed.until - deed.at,
                last_start_s=max(sent, default=None),
                late=[after_s for after_s in sent if after_s > trust_s + WAY_S],
            )
        )
    return found


def foreign_starts(
    log: Iterable[Entry], changes: Sequence[Change], processes: Mapping[str, int], *, way_s: float = WAY_S
) -> list[Foreign]:
    """Each Start in a lane that another process had taken at least `way_s` before it arrived.

    `processes`: access key -> process id.
    """
    takings: dict[str, tuple[list[float], list[int]]] = {}
    for change in changes:
        if change.holder is not None:
            times, holders = takings.setdefault(change.name, ([], []))
            times.append(change.at)
            holders.append(process_of(change.holder))
    found = []
    for entry in log:
        lane = _lane(entry)
        times, holders = takings.get(lane, ([], []))
        place = bisect_right(times, entry.time - way_s) - 1
        if place < 0 or not entry.operation.startswith("Start") or holders[place] == processes[entry.access_key]:
            continue
        found.append(
            Foreign(access_key=entry.access_key, lane=lane, since_s=entry.time - times[place], outcome=entry.outcome)
        )
    return found


def _lane(entry: Entry) -> str:
    return f"{entry.account}/{entry.region}/{entry.kind}"


def _by_lane(log: Iterable[Entry]) -> dict[str, list[Entry]]:
    lanes: dict[str, list[Entry]] = {}
    for entry in log:
        lanes.setdefault(_lane(entry), []).append(entry)
    return lanes


def _overlaps(deed: Deed, begin: float, end: float) -> bool:
    return deed.at < end and (deed.until is None or deed.until > begin)
