"""Notice that a manifest has changed, and have it read: while the fleet runs, without a restart.

Promises: a line that was written is read, sooner or later; of a file that is being written, complete lines only, until
it has been quiet for a moment; a manifest that is missing or broken is told of once, holds up no other, and is looked
for again. New files of a directory are manifests too.
Does not: read what did not change, or take back the jobs of a line or file that is gone.
"""

import stat
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from anyio import to_thread

from fleet.aws.s3 import S3
from fleet.core.errors import Denied, InvalidInput, Lost, Throttled, Unavailable
from fleet.stages.ingest import Reading
from fleet.stages.places import manifests_in

__all__ = ["Read", "Watch"]

log = structlog.get_logger()

_READ_SHARE: Final = 5.0  # of the time that reading took, until the same manifest is read again
_S3_LOOK_S: Final = 15.0  # a HEAD request each: 173,000 a month and manifest

Read = Callable[[str, bool], Awaitable[Reading]]
"""Read this manifest; with True, only the lines that are complete."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """What tells one content of a manifest from the next, without reading it. `settled`: nobody is writing it."""

    identity: tuple[object, ...]
    changed_at: float | None = None  # Unix seconds; None where it is replaced as a whole, as in S3


@dataclass(slots=True)
class _Watched:
    """What is known of one manifest. Times are monotonic seconds."""

    shape: _Shape | None = None
    since: float = 0.0  # when this shape was seen first
    read: _Shape | None = None  # the shape that was read last,
    whole: bool = False  # to its very end
    not_before: float = 0.0  # when it may be read again
    look_at: float = 0.0
    trouble: str = ""


class Watch:
    """The watch stage of the whole fleet. `sources`: files, directories of manifests, `s3://` objects.

    `look_s`: how often they are looked at; `quiet_s`: how long a file must not have changed until a line without an
    end is believed. `looked` is told after each look that found every manifest read. What was read is kept in memory
    only: after a restart all are read once more, and found unchanged by their digests.
    """

    def __init__(
        self,
        sources: Sequence[str],
        read: Read,
        s3: S3,
        *,
        look_s: float,
        quiet_s: float,
        wall: Callable[[], float],
        monotonic: Callable[[], float],
        looked: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = "watch"
        self.look_s = look_s
        self.quiet_s = quiet_s
        self._sources = sources
        self._read = read
        self._s3 = s3
        self._wall = wall
        self._monotonic = monotonic
        self._looked = looked
        self._watched: dict[str, _Watched] = {}

    def read_all_again(self) -> None:
        """Something else that decides what lines come to has changed: every manifest is read at the next look."""
        for watched in self._watched.values():
            watched.read = None

    async def tick(self, now: float) -> float:
        """Look at every manifest, and read what has changed; the seconds until the next look."""
        found = [name for source in self._sources for name in await self._names(source)]
        self._watched = {name: self._watched.get(name, _Watched()) for name in found}
        settled = [await self._look(name, watched, now) for name, watched in self._watched.items()]
        if all(settled):
            self._looked()
        return self.look_s

    @property
    def troubles(self) -> list[str]:
        """A sentence for each manifest that could not be looked at or read the last time."""
        return [watched.trouble for watched in self._watched.values() if watched.trouble]

    async def _names(self, source: str) -> list[str]:
        if source.startswith("s3://"):
            return [source]
        try:
            return await to_thread.run_sync(manifests_in, source)
        except InvalidInput:
            return [source]  # to be looked at like a file, and told of like one

    async def _look(self, name: str, watched: _Watched, now: float) -> bool:
        """Whether the manifest is read as it is now, perhaps since this look."""
        if now < watched.look_at:
            return not watched.trouble
        try:
            shape = await self._shape(name)
            if shape != watched.shape:
                watched.shape, watched.since = shape, now
            whole = self._is_settled(watched, now)
            if shape == watched.read and (watched.whole or not whole):
                watched.trouble = ""
                watched.look_at = now + _S3_LOOK_S if name.startswith("s3://") else now
                return True
            if now < watched.not_before:
                return False
            if not whole and name.endswith(".gz"):
                return False  # half of it cannot be unpacked
            await self._take(name, watched, shape, whole=whole)
        except (InvalidInput, Denied, Lost, Throttled, Unavailable) as error:
            self._tell(name, watched, str(error))
            return False
        watched.trouble = ""
        return True

    async def _take(self, name: str, watched: _Watched, shape: _Shape, *, whole: bool) -> None:
        began = self._monotonic()
        try:
            await self._read(name, not whole)
        finally:
            now = self._monotonic()
            watched.not_before = now + _READ_SHARE * (now - began)
        # the shape from before the reading: what was written meanwhile has another one, and is read next time
        watched.read, watched.whole = shape, whole

    def _is_settled(self, watched: _Watched, now: float) -> bool:
        changed_at = watched.shape.changed_at if watched.shape else None
        if changed_at is None or now - watched.since >= self.quiet_s:
            return True
        return self._wall() - changed_at >= self.quiet_s

    async def _shape(self, name: str) -> _Shape:
        if name.startswith("s3://"):
            return _Shape((await self._s3.etag(name),))
        return await to_thread.run_sync(_file_shape, name)

    def _tell(self, name: str, watched: _Watched, trouble: str) -> None:
        if trouble != watched.trouble:
            log.warning("manifest.unread", source=name, reason=trouble)
        watched.trouble = trouble


def _file_shape(name: str) -> _Shape:
    try:
        found = Path(name).stat()
    except OSError as error:
        raise InvalidInput(f"manifest {name}: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInput(f"manifest {name}: only regular files, directories and s3:// can be watched")
    return _Shape((found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns), changed_at=found.st_mtime)
