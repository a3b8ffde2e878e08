"""In-process news of what was committed, so that no stage has to ask the ledger again and again."""

import asyncio
from collections import defaultdict
from collections.abc import Collection
from weakref import WeakSet

from fleet.core.job import Event

__all__ = ["Signal", "Signals"]

_ADDED = "added"


class Signal:
    """Says that something was committed since the last wait. Many commits make one news; none is ever missed.

    It carries no data: whoever waits reads the ledger then. For one waiting task.
    """

    def __init__(self, signals: "Signals", words: Collection[str]) -> None:
        self._signals = signals
        self._words = frozenset(words)
        self._news = asyncio.Event()
        signals.listen(self, self._words)

    def __repr__(self) -> str:
        return f"<Signal {' '.join(sorted(self._words))}{' (news)' if self._news.is_set() else ''}>"

    async def wait(self) -> None:
        """Returns once any of the events was committed since the last wait, or since the signal was made."""
        await self._news.wait()
        self._news.clear()
        self._signals.listen(self, self._words)

    def tell(self) -> None:
        """There is news."""
        self._news.set()


class Signals:
    """The signals that listen. One that has news listens no more until it is waited for: telling it costs once."""

    def __init__(self) -> None:
        self._listening: defaultdict[str, WeakSet[Signal]] = defaultdict(WeakSet)

    def signal(self, events: Collection[Event], *, added: bool) -> Signal:
        """A new signal, told from now on until nobody holds it."""
        return Signal(self, [*events, *([_ADDED] if added else [])])

    def listen(self, signal: Signal, words: Collection[str]) -> None:
        """The signal hears of these words again."""
        for word in words:
            self._listening[word].add(signal)

    def tell(self, *events: Event, added: bool = False) -> None:
        """Pass the news to everybody whom it concerns: these events, and with `added` what a manifest brought."""
        for word in (*events, _ADDED) if added else events:
            if signals := self._listening.pop(word, None):
                for signal in signals:
                    signal.tell()
