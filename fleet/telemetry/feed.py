"""News of moves for whoever watches now. A watcher that does not keep up loses the oldest, and is told how many."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["Feed", "Watcher"]

_KEPT: Final = 1_000


class Watcher:
    """What one watcher has not read yet, at most 1,000 pieces of news."""

    def __init__(self) -> None:
        self._news: deque[Mapping[str, Any]] = deque(maxlen=_KEPT)
        self._arrived = asyncio.Event()
        self._missed = 0

    def tell(self, news: Mapping[str, Any]) -> None:
        """The watcher will read this, unless so much more comes before it does."""
        self._missed += len(self._news) == _KEPT
        self._news.append(news)
        self._arrived.set()

    async def read(self) -> tuple[list[Mapping[str, Any]], int]:
        """All news since the last reading, at least one, and how many were lost."""
        await self._arrived.wait()
        self._arrived.clear()
        news, missed = list(self._news), self._missed
        self._news.clear()
        self._missed = 0
        return news, missed


class Feed:
    """Everybody who watches. With nobody there, telling costs nothing."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()

    def __len__(self) -> int:
        return len(self._watchers)

    def tell(self, news: Mapping[str, Any]) -> None:
        """Every watcher has this to read."""
        for watcher in self._watchers:
            watcher.tell(news)

    @contextmanager
    def watched(self) -> Iterator[Watcher]:
        """A watcher of all that is told while the block runs."""
        watcher = Watcher()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
