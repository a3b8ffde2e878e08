"""The ledger's work by a plain loop over the bare driver: sqlite3 or psycopg, the same statements and parameters."""

import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from typing import Any, Final

import psycopg

from fleet.core.identity import intent
from fleet.core.job import Event, Job, Verdict, apply
from fleet.core.lane import Lane
from fleet.ledger.database import load_queries, read_sql
from fleet.ledger.moves import ABSURD_S
from fleet.ledger.postgres.queries import postgres_queries
from fleet.ledger.rows import event_params, job_from, move_params
from fleet.ledger.sqlite.file import SQLiteFile
from fleet.ledger.sqlite.transaction import positional

__all__ = ["FACTS", "raw_events"]

FACTS: Final[tuple[tuple[Event, dict[str, Any]], ...]] = (
    (Event.ACCEPTED, {"remote_id": "1" * 32, "submitted_at": 1.0}),
    (Event.FINISHED, {"output_uri": "s3://corpus-out/results/output.tar.gz", "ended_at": 2.0}),
    (Event.VERIFIED, {"verdict": Verdict.COMPLETE, "documents": 100, "failed_documents": 0}),
)
"""What happens to a job after it was claimed."""

Execute = Callable[[str, Mapping[str, Any]], Any]


def raw_events(url: str, lane: Lane, jobs: int, waiting: int, *, prepared: bool) -> float:
    """Events a second for so many pending jobs, with one transaction for each `waiting` events.

    `prepared`: statements that are parsed once, as a session of one's own may have them; in sqlite3 they always are.
    """
    if url.startswith("sqlite"):
        with closing(SQLiteFile(url.removeprefix("sqlite:///")).writer()) as connection:
            return _loop(partial(_in_sqlite, connection), connection.execute, lane, jobs, waiting)
    threshold = 0 if prepared else None
    with psycopg.connect(url, autocommit=True, prepare_threshold=threshold) as server:
        queries = {name: sql.encode() for name, sql in postgres_queries().items()}
        return _loop(
            lambda name, params: server.execute(queries[name], params),
            lambda sql: server.execute(sql.encode()),
            lane,
            jobs,
            waiting,
        )


_SQLITE: Final = positional(load_queries(read_sql("queries.sql")))


def _in_sqlite(connection: sqlite3.Connection, name: str, params: Mapping[str, Any]) -> sqlite3.Cursor:
    sql, pick = _SQLITE[name]
    return connection.execute(sql, pick(params))


def _loop(execute: Execute, say: Callable[[str], Any], lane: Lane, jobs: int, waiting: int) -> float:
    began = time.perf_counter()
    events = 0
    for low in range(0, jobs, waiting):
        say("BEGIN")
        batch = [_claim(execute, str(lane)) for _ in range(min(waiting, jobs - low))]
        say("COMMIT")
        events += len(batch)
        for event, facts in FACTS:
            say("BEGIN")
            batch = [_moved(execute, job, event, facts) for job in batch]
            say("COMMIT")
            events += len(batch)
    return events / (time.perf_counter() - began)


def _claim(execute: Execute, lane: str) -> Job:
    now = time.time()
    ((manifest_id,),) = execute("waiting_manifests", {"lane": lane}).fetchall()
    due = {"lane": lane, "manifest_id": manifest_id, "now": now, "absurd": now + ABSURD_S, "limit": 1}
    job = job_from(execute("claimable", due).fetchone())
    execute("orphan", {"lane": lane, "key": bytes.fromhex(job.key), "attempt": job.attempt}).fetchone()
    return _moved(execute, job, Event.CLAIMED, {"intent": intent(job), "holder": "bench"})


def _moved(execute: Execute, job: Job, event: Event, facts: dict[str, Any]) -> Job:
    now = time.time()
    moved = apply(job, event, updated_at=now, **facts)
    if execute("move", move_params(job, moved)).rowcount != 1:
        raise RuntimeError("not moved")
    execute("add_event", event_params(job.id, now, event, job.attempt, facts))
    return moved
