"""The ledger: what manifests asked for, where each job is, and all that happened. The only memory of fleet.

Everything here is durable when it returns. A job changes only by an event of `fleet.core.job.TRANSITIONS`, only if
nobody changed it first, and its event is appended in the same transaction. Public methods open the transaction;
`moves.py` and `manifests.py` say what happens in it; `queries.sql` holds the words.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from fleet.core.identity import intent as start_request
from fleet.core.job import Event, Job, PlannedJob, apply
from fleet.core.lane import Lane
from fleet.ledger import manifests, moves
from fleet.ledger.database import Database, Transaction
from fleet.ledger.leases import Leases
from fleet.ledger.manifests import Added, ManifestRecord, Rejection
from fleet.ledger.moves import Orphan
from fleet.ledger.place import is_shared, server_of, sqlite_path
from fleet.ledger.questions import Reason, VerdictCount
from fleet.ledger.signals import Signal, Signals
from fleet.ledger.sqlite.database import SQLite
from fleet.ledger.sqlite.file import SQLiteFile
from fleet.ledger.sqlite.holder import Holder, holder_of
from fleet.ledger.wall import steady_wall
from fleet.ledger.wishes import Wishes

if TYPE_CHECKING:
    from fleet.ledger.postgres.database import PostgreSQL

__all__ = ["Ledger", "Reason", "VerdictCount"]

T = TypeVar("T")
_NOT_IN_DETAIL: Final = frozenset({"intent", "updated_at"})


class Ledger(Wishes):
    """The durable record of jobs and events. One process writes it; any number may read it."""

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        wall: Callable[[], float] | None = None,
        read_only: bool = False,
        password_file: Path | None = None,
        intent: Callable[[Job], str] = start_request,
    ) -> Self:
        """The ledger at `sqlite:///relative.db`, `sqlite:////absolute.db` or `sqlite:///:memory:`, made if missing, or
        in the database of a `postgresql://` URL, which several processes may have open at once.

        `Locked` if another process holds the file, `Corrupt` if it cannot be trusted, `TooNew` if a newer fleet made
        it, `InvalidInput` if it cannot be there, `Unwritable` or `DiskFailed` if its disk is full or broken or its
        server out of reach. Read-only takes no lock, and the ledger must exist. `intent` writes down the Start request
        of a job's attempt.
        """
        if is_shared(url):
            database = await _open_server(url, read_only=read_only, password_file=password_file)
            return cls(database, wall=wall or database.wall, intent=intent)
        return cls(await SQLite.open(sqlite_path(url), read_only=read_only), wall=wall or steady_wall(), intent=intent)

    @staticmethod
    def exists(url: str, *, password_file: Path | None = None) -> bool:
        """Whether a ledger is there to be read; `InvalidInput` for what is no ledger's URL. Errors as for `open`."""
        if is_shared(url):
            return server_of(url, password_file=password_file).has_ledger()
        return Path(sqlite_path(url)).exists()

    @staticmethod
    def holder(url: str) -> Holder | None:
        """The process that alone writes the ledger now, None if none does. Touches nothing."""
        return None if is_shared(url) else holder_of(Path(sqlite_path(url)))

    @staticmethod
    def move_aside(url: str) -> str | None:
        """The ledger and all that belongs to it have another name, so that a new one can be made; the name of its file.

        None if there was none. `Locked` if a process holds it, `InvalidInput` if it is not in a file.
        """
        moved = SQLiteFile(sqlite_path(url)).move_aside()
        return None if moved is None else str(moved)

    @staticmethod
    async def visit(url: str, *, password_file: Path | None = None, wall: Callable[[], float] | None = None) -> Wishes:
        """The ledger that another process holds, for a person's wishes and nothing else. Errors as for `open`."""
        if is_shared(url):
            database = await _open_server(url, password_file=password_file)
            return Wishes(database, wall=wall or database.wall)
        return Wishes(await SQLite.over(SQLiteFile(sqlite_path(url), guest=True)), wall=wall or time.time)

    def __init__(self, database: Database, *, wall: Callable[[], float], intent: Callable[[Job], str]) -> None:
        super().__init__(database, wall=wall)
        self._intent = intent
        self._signals = Signals()
        self.leases: Leases | None = None
        """What this replica holds of a shared ledger, once `share` was called: only then lanes are fenced."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def signal(self, *events: Event, added: bool = False) -> Signal:
        """News of these events from now on, and with `added` of jobs that a manifest brought or changed."""
        return self._signals.signal(events, added=added)

    def _reopened(self) -> None:
        self._signals.tell(Event.REOPENED)

    def share(self, *, lease_s: float, version: str, refused: Callable[[], object]) -> Leases:
        """The leases of this replica, which hold for so many seconds. From now on only its own lanes can be written.

        `refused` is called for every write that was not, because another replica may hold the lane.
        """
        from fleet.ledger.postgres.schema import POSTGRES_MIGRATIONS, check_code

        knows, writer = len(POSTGRES_MIGRATIONS), self._database.writer
        assert writer is not None  # noqa: S101
        self.leases = Leases(
            self._database,
            replica=writer,
            version=version,
            lease_s=lease_s,
            refused=refused,
            knows=knows,
            check_code=partial(check_code, "the ledger", knows=knows),
        )
        return self.leases

    async def _write_lane(
        self, lane: Lane, work: Callable[[Transaction], T], *, committed: Callable[[], object] | None = None
    ) -> T:
        """A write for one lane; `Fenced` if this replica does not hold it any more."""
        if self.leases is None:
            return await self._database.write(work, committed=committed)
        return await self.leases.write(str(lane), work, committed=committed)

    # moves

    async def claim(self, lane: Lane, *, limit: int, holder: str, avoided: Collection[int] = frozenset()) -> list[Job]:
        """At most `limit` due jobs of the lane without the `avoided` ids, now submitting in the hands of `holder`.

        The manifest that holds the fewest slots goes first, and of its jobs the one with the largest input.

        Each has its intent, the exact bytes of its Start request; nobody else can claim it. A job that AWS has already
        (see `note_orphans`) is not among them: it is running now.
        """
        if limit < 1:
            return []
        adopted: list[Job] = []
        work = partial(
            moves.claim,
            lane=lane,
            limit=limit,
            holder=holder,
            now=self._wall(),
            intent=self._intent,
            adopted=adopted,
            avoided=avoided,
        )

        def tell() -> None:
            self._signals.tell(Event.CLAIMED, *([Event.ACCEPTED] if adopted else []))

        return await self._write_lane(lane, work, committed=tell)

    async def record(self, job: Job, event: Event, *, detail: Mapping[str, Any] | None = None, **facts: Any) -> Job:
        """The job after the event. `facts` are fields of `Job`; they and `detail` are kept in its history.

        `Conflict` if the event cannot happen now or somebody moved the job first; then nothing has changed.
        `ValueError` for facts that contradict the state, e.g. a running job without a remote id.
        """
        moved = apply(job, event, **{"updated_at": self._wall(), **facts})
        kept = {name: value for name, value in facts.items() if name not in _NOT_IN_DETAIL}
        happened = [(event, job.attempt, {**kept, **(detail or {})})]
        work = partial(moves.move, job=job, moved=moved, happened=happened)
        await self._write_lane(job.lane, work, committed=partial(self._signals.tell, event))
        return moved

    async def release(self, job: Job) -> None:
        """Nobody has the submitting job in hand, so rescue looks it up in AWS. Nothing, if somebody moved it first."""
        params = {"id": job.id, "attempt": job.attempt, "holder": job.holder, "now": self._wall()}
        await self._write_lane(job.lane, lambda tx: tx.run("release", **params))

    async def adopt(self, job: Job, *, attempt: int, remote_id: str, submitted_at: float | None) -> Job:
        """The pending or submitting job is running: AWS has a job of this attempt's name, started or even ended.

        `Conflict` as for `record`.
        """
        orphan = Orphan(job.key, attempt, remote_id, submitted_at)
        work = partial(moves.adopt, job=job, orphan=orphan, now=self._wall(), intent=self._intent)
        news = partial(self._signals.tell, Event.CLAIMED, Event.ACCEPTED)
        return await self._write_lane(job.lane, work, committed=news)

    async def note_orphans(self, lane: Lane, orphans: Collection[Orphan]) -> None:
        """What AWS has of this lane under our names, and no job here accounts for, is known.

        A job that comes later, or comes to that attempt later, is adopted when it is claimed, instead of started.
        """
        await self._write_lane(lane, partial(moves.note_orphans, lane=str(lane), orphans=orphans))

    async def measure(self, sizes: Mapping[int, int]) -> None:
        """These jobs, by id, have inputs of so many bytes."""
        rows = [{"id": job_id, "size_bytes": size_bytes} for job_id, size_bytes in sizes.items()]
        await self._database.write(lambda tx: tx.many("measure", rows))

    async def set_reconciled(self, lane: Lane, at: float) -> None:
        """The ledger holds every job that AWS had of this lane at this Unix time."""
        await self._write_lane(lane, partial(moves.set_reconciled, lane=str(lane), at=at))

    # manifests

    async def begin_manifest(self, source: str, digest: str | None) -> ManifestRecord:
        """A reading of the manifest has begun and what an older one left is gone; its jobs stay.

        If the same digest was read to the end before, the record is `unchanged` and nothing has begun.
        """
        return await self._database.write(partial(manifests.begin, source=source, digest=digest))

    async def add(
        self, manifest_id: int, planned: Sequence[tuple[int, PlannedJob]], *, rerun_changed: bool = False
    ) -> Added:
        """Every planned job, given with its line, has a row. A known key gets no second one.

        A known job takes over other settings while AWS cannot know its attempt: pending without an intent, discarded
        or cancelled. With `rerun_changed`, one that is verified or discarded does so too, and is reopened. A few
        thousand at a time are fast and leave room for the other writers.
        """
        work = partial(
            manifests.add, manifest_id=manifest_id, planned=planned, now=self._wall(), rerun_changed=rerun_changed
        )
        return await self._database.write(work, committed=partial(self._signals.tell, added=True))

    async def reject(self, manifest_id: int, rejections: Sequence[Rejection]) -> None:
        """The bad lines are kept with their reasons."""
        await self._database.write(partial(manifests.reject, manifest_id=manifest_id, found=rejections))

    async def complete_manifest(self, manifest_id: int, lines: int) -> None:
        """The manifest was read to its end: reading the same content again will find it unchanged."""
        params = {"manifest_id": manifest_id, "lines": lines, "now": self._wall()}
        await self._database.write(lambda tx: tx.run("complete_manifest", **params))


async def _open_server(url: str, *, read_only: bool = False, password_file: Path | None) -> "PostgreSQL":
    server = server_of(url, password_file=password_file)
    from fleet.ledger.postgres.database import PostgreSQL  # see `server_of`

    return await PostgreSQL.open(server, read_only=read_only)
