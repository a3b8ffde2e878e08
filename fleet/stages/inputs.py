"""What many manifest lines say together: the same input twice, one within another, one that reads results.

Promises: bounded memory however many jobs there are, because they lie in a scratch database that is gone when it is
closed. Does not: touch the ledger, or know jobs of earlier manifests.
"""

import json
import sqlite3
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar

from fleet.core.job import PlannedJob
from fleet.core.overlap import Overlap, feeding, overlaps, results_below

__all__ = ["EXAMPLES_MAX", "Findings", "Inputs"]

T = TypeVar("T")

EXAMPLES_MAX: Final = 1_000
"""So many examples of each finding are kept; the rest is counted."""

_KEYS_AT_ONCE: Final = 1_000

_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16384;
PRAGMA temp_store = FILE;
CREATE TABLE keys (key BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE inputs (kind TEXT, prefix TEXT);
CREATE TABLE outputs (output TEXT, account TEXT, PRIMARY KEY (output, account)) WITHOUT ROWID;
CREATE TABLE results (place TEXT, output TEXT);
CREATE TABLE feeding (prefix TEXT, output TEXT, PRIMARY KEY (prefix, output)) WITHOUT ROWID;
CREATE TABLE spelled (composed TEXT, prefix TEXT, PRIMARY KEY (composed, prefix)) WITHOUT ROWID;
BEGIN;
"""


@dataclass(slots=True)
class Findings:
    """What works, and may not be what was meant: how often, and the first examples.

    `twins` are inputs that look the same and are not: S3 compares bytes, and Unicode can write é in two ways.
    """

    duplicates: int = 0
    overlapping: list[Overlap] = field(default_factory=list)
    overlapping_count: int = 0
    feeding: list[tuple[str, str]] = field(default_factory=list)
    feeding_count: int = 0
    twins: list[tuple[str, str]] = field(default_factory=list)
    twins_count: int = 0


class Inputs:
    """The jobs that manifests ask for, each once. Call it from one thread at a time, and close it."""

    def __init__(self) -> None:
        self._scratch = sqlite3.connect("", isolation_level=None, check_same_thread=False)  # a file without a name
        self._scratch.executescript(_SCHEMA)
        self._duplicates = 0

    def close(self) -> None:
        """The scratch database is gone."""
        self._scratch.close()

    def add(self, planned: Collection[PlannedJob]) -> list[PlannedJob]:
        """Those of the jobs that were not asked for before, each once."""
        asked = {bytes.fromhex(job.key): job for job in planned}
        fresh: list[PlannedJob] = []
        keys = iter(asked)
        while some := list(islice(keys, _KEYS_AT_ONCE)):
            values = ", ".join(["(?)"] * len(some))
            rows = self._scratch.execute(f"INSERT OR IGNORE INTO keys VALUES {values} RETURNING key", some)  # noqa: S608
            fresh += [asked[key] for (key,) in rows.fetchall()]
        self._duplicates += len(planned) - len(fresh)
        self.note(fresh)
        return fresh

    def findings(self) -> Findings:
        """What the jobs so far say together. It sorts them all: some seconds for each million."""
        found = Findings(duplicates=self._duplicates)
        run = self._scratch.execute
        pairs = run("SELECT DISTINCT kind, prefix FROM inputs ORDER BY kind, prefix")
        found.overlapping, found.overlapping_count = _first(overlaps(pairs))
        self._write_feeding()
        found.feeding, found.feeding_count = _first(run("SELECT prefix, output FROM feeding ORDER BY prefix, output"))
        twins = run(
            "SELECT MIN(prefix), MAX(prefix) FROM spelled GROUP BY composed HAVING COUNT(*) > 1 ORDER BY composed"
        )
        found.twins, found.twins_count = _first(twins)
        return found

    def _write_feeding(self) -> None:
        run = self._scratch.execute
        run("DELETE FROM results")
        run("DELETE FROM feeding")
        outputs = run("SELECT output, account FROM outputs ORDER BY output, account")
        rows = ((place, output) for output, account in outputs for place in results_below(output, account))
        self._scratch.executemany("INSERT INTO results VALUES (?, ?)", rows)
        places = run(
            "SELECT DISTINCT prefix, NULL FROM inputs"
            " WHERE substr(prefix, 1, instr(substr(prefix || '/', 6), '/') + 4)"
            " IN (SELECT substr(place, 1, instr(substr(place, 6), '/') + 4) FROM results)"
            " UNION ALL SELECT place, output FROM results ORDER BY 1, 2"
        )
        self._scratch.executemany("INSERT OR IGNORE INTO feeding VALUES (?, ?)", feeding(places))

    def note(self, jobs: Collection[PlannedJob]) -> None:
        """The findings are about these jobs too, which nobody has asked for before or nobody asks how often."""
        many = self._scratch.executemany
        many("INSERT INTO inputs VALUES (?, ?)", [(job.lane.kind, job.prefix) for job in jobs])
        outputs = {(job.request, job.lane.account) for job in jobs}
        many(
            "INSERT OR IGNORE INTO outputs VALUES (?, ?)",
            [(json.loads(request)["OutputDataConfig"]["S3Uri"], account) for request, account in outputs],
        )
        foreign = {job.prefix for job in jobs if not job.prefix.isascii()}
        many(
            "INSERT OR IGNORE INTO spelled VALUES (?, ?)",
            [(unicodedata.normalize("NFC", prefix), prefix) for prefix in foreign],
        )


def _first(rows: Iterable[T]) -> tuple[list[T], int]:
    """The first of them, and how many there are."""
    rest = iter(rows)
    examples = list(islice(rest, EXAMPLES_MAX))
    return examples, len(examples) + sum(1 for _ in rest)
