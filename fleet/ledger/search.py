"""Finding jobs as people describe them: by what became of them, or by any of their names. Reads only."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from fleet.core.job import Event, Job, State, Verdict
from fleet.core.lane import Lane
from fleet.ledger.database import Transaction
from fleet.ledger.manifests import RejectedLine
from fleet.ledger.questions import Questions
from fleet.ledger.rows import job_from, json_list, lane_of

__all__ = ["ChosenCount", "Filter", "Happened", "Search"]

_PAGE: Final = 1_000
_KEY_DIGITS: Final = 32
_RECENT_EVENTS_MAX: Final = 20_000
_FOUND_MAX: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which jobs: all conditions hold, and an empty one always does. `reason_like` is text within the reason."""

    states: Sequence[State] = ()
    kinds: Sequence[str] = ()
    targets: Sequence[str] = ()
    verdicts: Sequence[Verdict] = ()
    reason_like: str | None = None
    manifest_ids: Sequence[int] = ()


class ChosenCount(NamedTuple):
    """How many jobs of a lane are in the same state for the same reason."""

    lane: Lane
    state: State
    verdict: Verdict | None
    reason: str | None
    jobs: int


class Happened(NamedTuple):
    """How often an event happened in a lane since some time, and when first since then."""

    lane: Lane
    event: Event
    times: int
    first_at: float


class Search(Questions):
    """The part of a ledger that finds jobs for people."""

    async def chosen(
        self, which: Filter, *, limit: int, after: Job | None = None, sort: str | None = None
    ) -> list[Job]:
        """At most `limit` of the jobs, from after one of them: by id, or first the last `updated`, the most `attempt`s,
        the largest `size`, or by `prefix`."""
        params = await self._params(which)
        params |= {"limit": limit, "after": after.id if after else 0}
        query = "chosen_jobs"
        if sort is not None:
            query = "sorted_jobs"
            params |= {"sort": sort, **_place(after, sort)}
        rows = await self._database.read(partial(_all, query=query, params=params))
        return [job_from(row) for row in rows]

    async def all_chosen(self, which: Filter) -> AsyncIterator[Job]:
        """All of the jobs, by id. Read page by page, not at one moment."""
        last: Job | None = None
        while page := await self.chosen(which, limit=_PAGE, after=last):
            for job in page:
                yield job
            last = page[-1]

    async def chosen_counts(self, which: Filter) -> list[ChosenCount]:
        """How many of the jobs are where, for which reason: the most frequent first."""
        params = await self._params(which)
        rows = await self._database.read(partial(_all, query="chosen_counts", params=params))
        return [
            ChosenCount(lane_of(lane), State(state), Verdict(verdict) if verdict else None, reason, jobs)
            for lane, state, verdict, reason, jobs in rows
        ]

    async def of_key(self, beginning: str) -> list[Job]:
        """The jobs whose key begins with these hex digits, at most 50."""
        low, high = (bytes.fromhex(beginning.ljust(_KEY_DIGITS, digit)) for digit in "0f")
        return await self._found("jobs_between_keys", low=low, high=high, limit=_FOUND_MAX)

    async def of_remote_id(self, remote_id: str) -> list[Job]:
        """The job that AWS knows by this JobId, or knew by it in an earlier attempt."""
        like = f'%"remote_id":"{_literal(remote_id)}"%'
        return await self._found("jobs_of_remote", remote_id=remote_id) or await self._found(
            "jobs_once_of_remote", like=like
        )

    async def of_prefix(self, prefix: str) -> list[Job]:
        """The jobs that read this input prefix, at most 50."""
        return await self._found("jobs_of_prefix", prefix=prefix, limit=_FOUND_MAX)

    async def recent(self, since: float) -> list[Happened]:
        """What happened in each lane since this Unix time. Looks at the last 20,000 events and no further."""
        params = {"since": since, "limit": _RECENT_EVENTS_MAX}
        rows = await self._database.read(partial(_all, query="recent_events", params=params))
        return [Happened(lane_of(lane), Event(event), times, first_at) for lane, event, times, first_at in rows]

    async def rejection_count(self) -> int:
        """How many lines of all manifests were rejected."""
        row = await self._database.read(lambda tx: tx.one("rejection_count"))
        return row[0] if row else 0

    async def rejected(self, manifest_id: int, source: str) -> AsyncIterator[RejectedLine]:
        """The bad lines of one manifest, in order. Read page by page."""
        line, last = -1, -1
        while True:
            page = {"manifest_id": manifest_id, "line": line, "id": last, "limit": _PAGE}
            rows = await self._database.read(partial(_all, query="rejections_after", params=page))
            for line, last, field, reason in rows:  # noqa: B007 - the last one is where the next page begins
                yield RejectedLine(source, line, field, reason)
            if len(rows) < _PAGE:
                return

    async def _found(self, query: str, **params: Any) -> list[Job]:
        rows = await self._database.read(partial(_all, query=query, params=params))
        return [job_from(row) for row in rows]

    async def _params(self, which: Filter) -> dict[str, Any]:
        lanes = None
        if which.kinds:
            lanes = [str(lane) for lane in await self.counts() if lane.kind in which.kinds]
        return {
            "states": json_list(which.states or None),
            "lanes": json_list(lanes),
            "targets": json_list(which.targets or None),
            "verdicts": json_list(which.verdicts or None),
            "reason_like": f"%{_literal(which.reason_like)}%" if which.reason_like else None,
            "manifests": json_list(which.manifest_ids or None),
        }


def _all(tx: Transaction, query: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return tx.all(query, **params)


def _place(after: Job | None, sort: str) -> dict[str, Any]:
    """Where a job stands in an order of `sorted_jobs`."""
    place: float = 0
    if after is not None:
        place = {"updated": -after.updated_at, "attempt": -after.attempt, "size": -(after.size_bytes or 0)}.get(sort, 0)
    return {"after_place": place, "after_word": after.prefix if after and sort == "prefix" else ""}


def _literal(text: str) -> str:
    """The text as LIKE takes it to the letter, with ! as its escape."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
