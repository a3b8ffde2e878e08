"""When AWS answers again after it refused everything for a while: what was put off meanwhile is worth asking at once.

While some calls are answered and some refused, the refused ones keep their patience, or AWS would be asked without end.
"""

from dataclasses import dataclass, replace
from typing import Final

__all__ = ["Silence", "answered", "ends", "refused"]

_NEWS_AFTER_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Since which monotonic time no call was answered, None while calls are; and the ids of the jobs put off."""

    since: float | None = None
    put_off: frozenset[int] = frozenset()


def refused(silence: Silence, job_id: int, *, now: float) -> Silence:
    """AWS refused a call about this job, or did not answer it: it is put off."""
    since = now if silence.since is None else silence.since
    return replace(silence, since=since, put_off=silence.put_off | {job_id})


def ends(silence: Silence, *, now: float) -> bool:
    """Whether an answer at this moment is news: AWS has refused everything for so long."""
    return silence.since is not None and now - silence.since >= _NEWS_AFTER_S


def answered(silence: Silence, job_id: int, *, now: float) -> Silence:
    """AWS answered a call about this job. Where that was news, nothing is put off any more."""
    return Silence() if ends(silence, now=now) else Silence(put_off=silence.put_off - {job_id})
