"""What the ledger can be asked. Reads only: it works beside a running fleet, and never blocks its writer."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from fleet.core.durations import Sample
from fleet.core.errors import Conflict
from fleet.core.job import ENDED, Event, Job, State, Verdict, next_state
from fleet.core.lane import Lane
from fleet.core.lease import Lease, Replica
from fleet.ledger import leases, manifests, moves
from fleet.ledger.database import Database, Health, Transaction
from fleet.ledger.manifests import Manifest, RejectedLine
from fleet.ledger.rows import NO_LIMIT, Recorded, job_from, json_list, lane_of, recorded_from

__all__ = ["Questions", "Reason", "VerdictCount", "contradiction"]

_LIVE: Final = frozenset({State.SUBMITTING, State.RUNNING, State.FINISHED})
_PAGE: Final = 1_000


class VerdictCount(NamedTuple):
    """How many jobs have a verdict, and how many documents they hold."""

    jobs: int
    documents: int
    failed_documents: int


class Reason(NamedTuple):
    """Why so many jobs are in this state."""

    state: State
    reason: str
    jobs: int


class Questions:
    """The reading half of a ledger."""

    def __init__(self, database: Database, *, wall: Callable[[], float]) -> None:
        self._database = database
        self._wall = wall

    def seconds(self) -> float:
        """Now, in Unix seconds, on the clock of the ledger's times."""
        return self._wall()

    async def jobs(
        self,
        *,
        lane: Lane | None = None,
        states: Collection[State] | None = None,
        manifest_ids: Collection[int] | None = None,
        keys: Collection[str] | None = None,
        limit: int | None = None,
        after_id: int = 0,
    ) -> list[Job]:
        """The jobs that meet all conditions and have an id above `after_id`, in the order of their ids."""
        params = {
            "lane": None if lane is None else str(lane),
            "states": json_list(states),
            "manifests": json_list(manifest_ids),
            "after": after_id,
        }
        if keys is not None:
            found = await self._database.read(partial(_by_keys, keys=keys, params=params))
            return sorted(found, key=lambda job: job.id)[:limit]
        params["limit"] = NO_LIMIT if limit is None else limit
        query = "live_jobs" if states is not None and _LIVE.issuperset(states) else "jobs"
        rows = await self._database.read(lambda tx: tx.all(query, **params))
        return [job_from(row) for row in rows]

    async def cancelling(self, lane: Lane | None = None, *, limit: int | None = None, after_id: int = 0) -> list[Job]:
        """The jobs that a person wants cancelled and that are pending, submitting or running still."""
        params = {"lane": None if lane is None else str(lane), "after": after_id}
        params["limit"] = NO_LIMIT if limit is None else limit
        rows = await self._database.read(lambda tx: tx.all("cancelling_jobs", **params))
        return [job_from(row) for row in rows]

    async def due_in(self, lane: Lane) -> float | None:
        """Seconds until `claim` finds a pending job of this lane; 0 if it would now, None when none is pending."""
        return await self._database.read(partial(_due_in, lane=lane, now=self._wall()))

    async def counts(self) -> dict[Lane, dict[State, int]]:
        """How many jobs each lane has in each of the seven states. Costs the same however many jobs there are."""
        rows = await self._database.read(lambda tx: tx.all("counts"))
        counts: dict[Lane, dict[State, int]] = {}
        for lane, state, jobs in rows:
            counts.setdefault(lane_of(lane), dict.fromkeys(State, 0))[State(state)] = jobs
        return counts

    async def oldest_s(self) -> dict[State, float]:
        """For how many seconds the oldest job of each state has been in it; 0 for a state that no job has now."""
        rows = await self._database.read(lambda tx: tx.all("oldest"))
        since = {State(state): self._wall() - at for state, at in rows}
        return {state: max(0.0, since.get(state, 0.0)) for state in State if state not in ENDED}

    @property
    def shared(self) -> bool:
        """Whether several replicas may have this ledger open for writing."""
        return self._database.writer is not None

    async def replicas(self) -> list[Replica]:
        """The processes that share this ledger and were seen within a day, the oldest first; none of one in a file."""
        return (await self._database.read(leases.look))[1] if self.shared else []

    async def leases_held(self) -> list[Lease]:
        """Who holds what of a shared ledger; nothing of one in a file."""
        return (await self._database.read(leases.look))[0] if self.shared else []

    def observe(self, committed_s: Callable[[float], object]) -> None:
        """`committed_s` is told from now on how many seconds each commit took, in another thread."""
        self._database.observe(committed_s)

    async def manifest_counts(self, manifest_ids: Collection[int] | None = None) -> dict[str, dict[State, int]]:
        """How many jobs of these manifests (of all jobs) each kind has in each state, each once. Reads all of them."""
        rows = await self._database.read(lambda tx: tx.all("manifest_counts", manifests=json_list(manifest_ids)))
        counts: dict[str, dict[State, int]] = {}
        for lane, state, jobs in rows:
            kind = counts.setdefault(lane_of(lane).kind, dict.fromkeys(State, 0))
            kind[State(state)] += jobs
        return counts

    async def verdicts(self, manifest_ids: Collection[int] | None = None) -> dict[str, dict[Verdict, VerdictCount]]:
        """How many verified jobs of each kind have which verdict, with their documents. Reads all the jobs."""
        rows = await self._database.read(lambda tx: tx.all("verdicts", manifests=json_list(manifest_ids)))
        counts: dict[str, dict[Verdict, VerdictCount]] = {}
        for lane, verdict, *more in rows:
            kind = counts.setdefault(lane_of(lane).kind, {})
            so_far = kind.get(Verdict(verdict), VerdictCount(0, 0, 0))
            kind[Verdict(verdict)] = VerdictCount(*(a + b for a, b in zip(so_far, more, strict=True)))
        return counts

    async def reasons(self, manifest_ids: Collection[int] | None = None, limit: int = 20) -> list[Reason]:
        """Why jobs wait, were discarded or cancelled, or are not complete: the most frequent reasons first."""
        params = {"manifests": json_list(manifest_ids), "limit": limit}
        rows = await self._database.read(lambda tx: tx.all("reasons", **params))
        return [Reason(State(state), reason, jobs) for state, reason, jobs in rows]

    async def history(self, job_id: int) -> list[Recorded]:
        """All that happened to a job, in order."""
        return [recorded_from(row) for row in await self._database.read(lambda tx: tx.all("history", job_id=job_id))]

    async def histories(self) -> AsyncIterator[tuple[Job, list[Recorded]]]:
        """Every job with all that happened to it, in the order of their ids. Each page of them is of one moment."""
        after_id = 0
        while page := await self._database.read(partial(_histories, after_id=after_id)):
            for job, history in page:
                yield job, history
            after_id = page[-1][0].id

    async def check(self, *, limit: int = 100) -> list[str]:
        """What is wrong with the ledger, at most `limit` sentences; empty if all is well. Reads all of it.

        The file is whole, the counts are counts of the jobs, and every job is where its history leads.
        """
        if found := await self._database.check():
            return found[:limit]
        for lane, state, tallied, counted in await self._database.read(lambda tx: tx.all("wrong_tallies")):
            found.append(f"lane {lane}: {tallied} jobs are counted as {state}, and {counted} are")
        async for job, history in self.histories():
            if len(found) >= limit:
                break
            if wrong := contradiction(job, history):
                found.append(wrong)
        return found[:limit]

    async def back_up(self, path: str) -> None:
        """All that was durable before is in a new file, for its owner alone, which can be opened as a ledger.

        `InvalidInput` if there is something at this path or it cannot be made, `Unwritable` if there is no room.
        """
        await self._database.back_up(Path(path))

    def health(self) -> Health:
        """How the ledger's database fares now. Costs next to nothing."""
        return self._database.health()

    def upgraded_from(self) -> str | None:
        """The copy that was made of an older ledger when this one was opened; None if none was older."""
        copy = self._database.upgraded_from
        return None if copy is None else str(copy)

    async def orphans(self) -> int:
        """How many AWS jobs of our names belong to no job that any manifest asked for."""
        row = await self._database.read(lambda tx: tx.one("orphans"))
        return row[0] if row else 0

    async def durations(self, lane: Lane, *, limit: int) -> list[Sample]:
        """How long the last jobs of the lane took that AWS completed, the newest last."""
        rows = await self._database.read(lambda tx: tx.all("durations", lane=str(lane), limit=limit))
        return [Sample(duration_s=duration_s, size_bytes=size_bytes) for duration_s, size_bytes in reversed(rows)]

    async def backlog(self, lane: Lane) -> tuple[int, float | None]:
        """How many jobs of the lane are pending, and the mean size of their inputs in bytes, where sizes are known."""
        row = await self._database.read(lambda tx: tx.one("backlog", lane=str(lane)))
        return (row[0], row[1]) if row else (0, None)

    async def unmeasured(self, *, after_id: int, limit: int) -> list[Job]:
        """Pending jobs with an id above `after_id` whose input's size is not known, in the order of their ids."""
        rows = await self._database.read(lambda tx: tx.all("unmeasured", after=after_id, limit=limit))
        return [job_from(row) for row in rows]

    async def reconciled_at(self, lane: Lane) -> float:
        """Until which Unix time the ledger is known to hold every job that AWS has of this lane; 0 if never."""
        row = await self._database.read(lambda tx: tx.one("reconciled_at", lane=str(lane)))
        return float(row[0]) if row else 0.0

    # manifests

    async def manifests(self) -> list[Manifest]:
        """Every manifest that was ever begun, in that order."""
        return [Manifest(*row) for row in await self._database.read(lambda tx: tx.all("manifests"))]

    async def rejections(self, manifest_ids: Collection[int] | None = None) -> list[RejectedLine]:
        """The bad lines of these manifests (of all), in order."""
        return await self._database.read(partial(manifests.rejections, manifest_ids=manifest_ids))

    async def report(self, manifest_id: int) -> AsyncIterator[tuple[int, Job]]:
        """Every job of the manifest with its line, in the order of the lines. Read page by page, not at one moment."""
        line, job_id = -1, -1
        while True:
            page = {"manifest_id": manifest_id, "line": line, "job_id": job_id, "limit": _PAGE}
            rows = await self._database.read(partial(_all, query="report", params=page))
            for row in rows:
                line, job_id = row[:2]
                yield line, job_from(row[1:])
            if len(rows) < _PAGE:
                return


def _all(tx: Transaction, query: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return tx.all(query, **params)


def _histories(tx: Transaction, after_id: int) -> list[tuple[Job, list[Recorded]]]:
    everything = {"lane": None, "states": None, "manifests": None}
    jobs = [job_from(row) for row in tx.all("jobs", after=after_id, limit=_PAGE, **everything)]
    found: dict[int, list[Recorded]] = {job.id: [] for job in jobs}
    if jobs:
        for job_id, *row in tx.all("histories", after=after_id, last=jobs[-1].id):
            found[job_id].append(recorded_from(row))
    return [(job, found[job.id]) for job in jobs]


def contradiction(job: Job, history: Sequence[Recorded]) -> str | None:
    """Where the job's row and its history disagree; None if the history leads to where the job is."""
    state, attempt = State.PENDING, 1
    for recorded in history:
        if recorded.attempt < attempt:
            return f"job {job.key}: it was {recorded.event} in attempt {recorded.attempt} after attempt {attempt} began"
        try:
            state = next_state(state, recorded.event)
        except Conflict:
            return f"job {job.key}: its history says {recorded.event} of a {state} job"
        attempt = recorded.attempt + (recorded.event in (Event.RETRIED, Event.REOPENED))
    if (state, attempt) != (job.state, job.attempt):
        return (
            f"job {job.key}: it is {job.state} in attempt {job.attempt}, and its history ends {state} in "
            f"attempt {attempt}"
        )
    return None


def _by_keys(tx: Transaction, keys: Collection[str], params: Mapping[str, Any]) -> list[Job]:
    rows = [tx.one("job_by_key", key=bytes.fromhex(key), **params) for key in set(keys)]
    return [job_from(row) for row in rows if row is not None]


def _due_in(tx: Transaction, lane: Lane, now: float) -> float | None:
    # jobs that are due are found at once; only when there is none are those that wait looked through
    if tx.one("any_claimable", lane=str(lane), now=now, absurd=now + moves.ABSURD_S):
        return 0.0
    row = tx.one("next_due", lane=str(lane))
    due_at: float | None = row[0] if row else None
    return None if due_at is None else max(0.0, due_at - now)
