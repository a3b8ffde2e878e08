"""What manifests ask for: their entries become jobs once, however often they are read."""

from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from fleet.core.job import Event, PlannedJob, State, apply
from fleet.ledger import moves
from fleet.ledger.database import Transaction
from fleet.ledger.rows import job_from, json_list

__all__ = ["Added", "Manifest", "ManifestRecord", "RejectedLine", "Rejection", "add", "begin", "reject", "rejections"]


class ManifestRecord(NamedTuple):
    """A reading of a manifest. `unchanged`: a completed reading of the same content is recorded, nothing is to do."""

    id: int
    unchanged: bool


class Manifest(NamedTuple):
    """A manifest that was read; `completed_at` is None while a reading has not come to its end."""

    id: int
    source: str
    lines: int | None
    completed_at: float | None


class Added(NamedTuple):
    """What `add` found. `new` jobs have a row since; `known` had one before, or came twice.

    `changed` of the known ones asked for other settings, and `kept` of these are as they were, because AWS may
    already know their attempt.
    """

    new: int
    known: int
    changed: int
    kept: int


class RejectedLine(NamedTuple):
    """A line that asks for nothing that can be done, and why. `field` is None where the whole line is meant."""

    source: str
    line: int
    field: str | None
    reason: str


class Rejection(Protocol):
    """What `fleet.core.manifest` says of a bad line."""

    @property
    def line(self) -> int: ...
    @property
    def field(self) -> str | None: ...
    @property
    def reason(self) -> str: ...


def begin(tx: Transaction, source: str, digest: str | None) -> ManifestRecord:
    """A reading of the manifest has begun, and what an older one left is gone; or there is nothing to read."""
    row = tx.one("manifest", source=source)
    if row is not None:
        manifest_id, recorded, completed_at = row
        if digest is not None and recorded == digest and completed_at is not None:
            return ManifestRecord(manifest_id, unchanged=True)
        tx.run("forget_entries", manifest_id=manifest_id)
        tx.run("forget_rejections", manifest_id=manifest_id)
    tx.run("begin_manifest", source=source, digest=digest)
    return ManifestRecord(_found(tx.one("manifest", source=source)), unchanged=False)


def add(
    tx: Transaction,
    manifest_id: int,
    planned: Sequence[tuple[int, PlannedJob]],
    *,
    now: float,
    rerun_changed: bool = False,
) -> Added:
    """Every planned job has a row, and an entry says which line asked for it."""
    lane_ids = {lane: _lane_id(tx, str(lane)) for lane in {job.lane for _, job in planned}}
    request_ids = {request: _request_id(tx, request) for request in {job.request for _, job in planned}}
    rows = [
        {
            "manifest_id": manifest_id,
            "line": line,
            "key": _key_bytes(job.key),
            "lane_id": lane_ids[job.lane],
            "target": job.target,
            "prefix": job.prefix,
            "label": job.label,
            "request_id": request_ids[job.request],
            "now": now,
        }
        for line, job in planned
    ]
    new = tx.many("add_job", rows)
    changed, kept = (0, 0) if new == len(rows) else _take_over(tx, rows, rerun_changed=rerun_changed)
    tx.many("add_entry", rows)
    return Added(new=new, known=len(rows) - new, changed=changed, kept=kept)


def _take_over(tx: Transaction, rows: Iterable[dict[str, Any]], *, rerun_changed: bool) -> tuple[int, int]:
    """Known jobs have the settings that were asked for last, where that is harmless: how many differed, and stayed."""
    changed = kept = 0
    for row in rows:
        known = tx.one("planned_job", key=row["key"])
        assert known is not None  # noqa: S101
        lane_id, target, label, request_id, movable = known
        differs = (lane_id, target, request_id) != (row["lane_id"], row["target"], row["request_id"])
        changed += differs
        if differs and rerun_changed:
            movable = _reopened(tx, row["key"], row["now"]) or movable
        if movable and (differs or label != row["label"]):
            tx.run("take_over", **row)
        elif differs:
            kept += 1
    return changed, kept


def _reopened(tx: Transaction, key: bytes, now: float) -> bool:
    """Whether the job was verified or discarded, and is pending again."""
    job = job_from(_row(tx.one("job_of_key", key=key)))
    if job.state not in (State.VERIFIED, State.DISCARDED):
        return False
    moved = apply(job, Event.REOPENED, due_at=0.0, reason=None, updated_at=now)
    moves.move(tx, job, moved, [(Event.REOPENED, job.attempt, {"why": "the manifest has other settings"})])
    return True


def reject(tx: Transaction, manifest_id: int, found: Iterable[Rejection]) -> None:
    """The rejected lines are kept with their reasons."""
    tx.many(
        "add_rejection",
        [{"manifest_id": manifest_id, "line": bad.line, "field": bad.field, "reason": bad.reason} for bad in found],
    )


def rejections(tx: Transaction, manifest_ids: Collection[int] | None) -> list[RejectedLine]:
    """The rejected lines of these manifests (of all, if None), in order."""
    return [RejectedLine(*row) for row in tx.all("rejections", manifests=json_list(manifest_ids))]


def _lane_id(tx: Transaction, name: str) -> int:
    tx.run("add_lane", name=name)
    return _found(tx.one("lane_id", name=name))


def _request_id(tx: Transaction, body: str) -> int:
    digest = sha256(body.encode()).digest()
    tx.run("add_request", sha256=digest, body=body)
    return _found(tx.one("request_id", sha256=digest))


def _found(row: tuple[Any, ...] | None) -> int:
    number: int = _row(row)[0]
    return number


def _row(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    assert row is not None  # noqa: S101
    return row


def _key_bytes(key: str) -> bytes:
    """16 bytes instead of 32 characters: half the index, and twice the speed of a bulk insert."""
    return bytes.fromhex(key)
