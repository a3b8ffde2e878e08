"""When a lane pauses because AWS refuses its Starts, when it probes, and whether a refused job is to blame.

Credentials, permissions and the clock are the environment's fault: the lane pauses at once. A request that AWS rejects
may be its job's fault, or that of all jobs (the role is gone, the key is disabled), which looks the same. So nothing is
discarded at first: a rejected job is held. If another job is accepted and then the held one is rejected again, it was
the job. If so many different jobs are rejected with none accepted between, it is the environment: the lane pauses, and
probes with one job after the other at growing intervals until one is accepted. The held jobs then have their second
try, so whatever was rejected only because the environment was broken is done in the end.

AWS reads a request only once it has accepted who sends it. So a rejected request ends a pause that credentials or
permissions had caused, and is judged as if there had been none: else a run whose last job is a bad one would never end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from fleet.core.policy import backoff_s

__all__ = ["Blame", "Pause", "Standing", "accepted", "obstructed", "probed_all", "refused"]

_STREAK: Final = 5  # different jobs rejected in a row
_PROBE_FLOOR_S: Final = 1.0
_PROBE_CEILING_S: Final = 60.0
_HOLD_FLOOR_S: Final = 5.0
_HOLD_CEILING_S: Final = 60.0
_TRIES_ALONE: Final = 5  # 37 s at least: a new role needs some of 8 tries 5 s apart to be known (facts sheet, 1.6)
_TRIES_FORBIDDEN: Final = 3  # permissions flap while they spread


class Blame(StrEnum):
    """What may be wrong where AWS refuses a Start."""

    ENVIRONMENT = "environment"  # credentials, signature, clock: never the job
    PERMISSION = "permission"  # the lane's permissions, or what this one job names
    REQUEST = "request"  # what this one job asks for, or what all jobs have in common


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why a lane starts nothing but a probe now and then, and since which Unix time."""

    reason: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suspect:
    """A job that was refused so many times, the last time when the lane had had so many jobs accepted."""

    tries: int
    accepted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a lane stands with AWS. `probe_at` is monotonic seconds: no Start before it while there is a `pause`.

    `blame` is what the pause is about; once that is the requests, it remains so until the pause has ended.
    """

    pause: Pause | None = None
    blame: Blame | None = None
    probe_at: float = float("-inf")
    probes: int = 0  # refused since the pause began
    accepted: int = 0  # Starts, so far
    streak: frozenset[int] = frozenset()  # ids of the jobs refused since the last accepted one: others are probed first
    suspects: Mapping[int, _Suspect] = field(default_factory=dict)  # by job id


def accepted(standing: Standing, job_id: int) -> Standing:
    """AWS accepted a Start of this job: the environment is sound, the lane goes on at full speed."""
    suspects = {suspect: held for suspect, held in standing.suspects.items() if suspect != job_id}
    return Standing(accepted=standing.accepted + 1, suspects=suspects)


def obstructed(standing: Standing, blame: Blame, reason: str, *, now: float, at: float, jitter: float) -> Standing:
    """The lane is paused, from the Unix time `at` if it was not; the next probe comes later than the last one did."""
    probes = standing.probes + 1
    patience_s = backoff_s(probes, jitter, floor_s=_PROBE_FLOOR_S, ceiling_s=_PROBE_CEILING_S)
    since = standing.pause.since if standing.pause else at
    return replace(
        standing,
        pause=Pause(reason=reason, since=since),
        blame=Blame.REQUEST if standing.blame is Blame.REQUEST else blame,
        probe_at=now + patience_s,
        probes=probes,
    )


def refused(
    standing: Standing, job_id: int, blame: Blame, reason: str, *, now: float, at: float, jitter: float
) -> tuple[Standing, float | None]:
    """The standing after AWS refused this job's Start, and the seconds that the job is held; None: discard it."""
    if blame is Blame.REQUEST and standing.pause and standing.blame is not Blame.REQUEST:
        standing = Standing(accepted=standing.accepted)
    standing = replace(standing, streak=standing.streak | {job_id})
    if blame is Blame.ENVIRONMENT:
        return obstructed(standing, blame, reason, now=now, at=at, jitter=jitter), 0.0
    before = standing.suspects.get(job_id, _Suspect(tries=0, accepted=standing.accepted))
    suspect = _Suspect(tries=before.tries + 1, accepted=standing.accepted)
    if _is_guilty(standing, blame, before, suspect):
        others = {held: one for held, one in standing.suspects.items() if held != job_id}
        return replace(standing, suspects=others, streak=standing.streak - {job_id}), None
    standing = replace(standing, suspects={**standing.suspects, job_id: suspect})
    if standing.pause or blame is Blame.PERMISSION or len(standing.streak) >= _STREAK:
        standing = obstructed(standing, blame, reason, now=now, at=at, jitter=jitter)
    return standing, backoff_s(suspect.tries, jitter, floor_s=_HOLD_FLOOR_S, ceiling_s=_HOLD_CEILING_S)


def probed_all(standing: Standing) -> Standing:
    """Every due job of a paused lane was refused since the pause began: the next probe may be any of them again."""
    return replace(standing, streak=frozenset())


def _is_guilty(standing: Standing, blame: Blame, before: _Suspect, suspect: _Suspect) -> bool:
    """Whether the job itself is to blame: others were accepted between its tries, or nobody is left to compare with."""
    others_went = standing.accepted > before.accepted
    if blame is Blame.PERMISSION:
        return others_went and suspect.tries >= _TRIES_FORBIDDEN
    alone = not standing.pause and suspect.tries >= _TRIES_ALONE
    return others_went or alone
