"""How large the inputs are that a plan would start: from listings in S3 where they are wanted, else from the ledger."""

import sqlite3
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from fleet.core.job import Job, PlannedJob
from fleet.core.prices import Prices, units_of

if TYPE_CHECKING:
    from fleet.aws.s3 import S3

__all__ = ["Sizes"]

_PARALLEL: Final = 16
_PAGE: Final = 1_000
_OBJECTS_MAX: Final = 100_000
_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16384;
PRAGMA temp_store = FILE;
CREATE TABLE starts (target TEXT, prefix TEXT, kind TEXT, size_bytes INTEGER);
BEGIN;
"""


class Sizes:
    """The jobs that would be started, in a scratch database: bounded memory however many there are. Close it."""

    def __init__(self) -> None:
        self._scratch = sqlite3.connect("", isolation_level=None)  # a file without a name
        self._scratch.executescript(_SCHEMA)

    def close(self) -> None:
        """The scratch database is gone."""
        self._scratch.close()

    def add(self, jobs: Collection[PlannedJob], known: Mapping[str, Job]) -> None:
        """These jobs would be started; the ledger may know the sizes of some."""
        self._scratch.executemany(
            "INSERT INTO starts VALUES (?, ?, ?, ?)",
            [
                (job.target, job.prefix, job.lane.kind, known[job.key].size_bytes if job.key in known else None)
                for job in jobs
            ],
        )

    async def units(self, prices: Prices, buckets: "Mapping[str, S3]") -> dict[str, tuple[int, int]]:
        """Units by kind, and how many jobs they leave out. The inputs are listed where `buckets` (by target) are."""
        found: dict[str, tuple[int, int]] = {}
        rows = self._scratch.execute("SELECT target, prefix, kind, size_bytes FROM starts ORDER BY target, prefix")
        while page := rows.fetchmany(_PAGE):
            listed = await _listed({(target, prefix) for target, prefix, _, _ in page}, buckets) if buckets else {}
            for target, prefix, kind, size_bytes in page:
                size, objects = listed.get((target, prefix), (size_bytes, 1))
                units, unknown = found.get(kind, (0, 0))
                more = 0 if size is None else units_of(size, objects, prices)
                found[kind] = (units + more, unknown + (size is None))
        return found


async def _listed(
    inputs: Collection[tuple[str, str]], buckets: "Mapping[str, S3]"
) -> dict[tuple[str, str], tuple[int, int]]:
    """Bytes and objects of each input that can be listed."""
    import anyio

    from fleet.core.errors import Denied, Lost, Throttled, Unavailable

    found: dict[tuple[str, str], tuple[int, int]] = {}
    limiter = anyio.CapacityLimiter(_PARALLEL)

    async def measure(target: str, prefix: str) -> None:
        size_bytes = objects = 0
        async with limiter:
            try:
                async for blob in buckets[target].blobs(prefix):
                    size_bytes, objects = size_bytes + blob.size_bytes, objects + 1
                    if objects >= _OBJECTS_MAX:
                        return  # too large to list for an estimate: it stays unknown
            except (Denied, Lost, Throttled, Unavailable):
                return
        found[target, prefix] = (size_bytes, objects)

    async with anyio.create_task_group() as group:
        for target, prefix in inputs:
            group.start_soon(measure, target, prefix)
    return found
