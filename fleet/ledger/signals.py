"""In-process news of what was committed, so that no stage has to ask the ledger again and again."""

import asyncio
from collections.abc import Collection
from weakref import WeakSet

from fleet.core.job import Event

__all__ = ["Signal", "Signals"]


class Signal:
    """Says that something was committed since the last wait. Many commits make one news; none is ever missed.

    It carries no data: whoever waits reads the ledger then. For one waiting task.
    """

    def __init__(self, events: Collection[Event], *, added: bool) -> None:
        self._events = frozenset(events)
        self._added = added
        self._news = asyncio.Event()

    def __repr__(self) -> str:
        names = [*sorted(self._events), *(["added"] if self._added else [])]
        return f"<Signal {' '.join(names)}{' (news)' if self._news.is_set() else ''}>"

    async def wait(self) -> None:
        """Returns once any of the events was committed since the last wait, or since the signal was made."""
        await self._news.wait()
        self._news.clear()

    def tell(self, events: Collection[Event], *, added: bool = False) -> None:
        """These events were committed; `added`: so were new or changed jobs of a manifest."""
        if (added and self._added) or not self._events.isdisjoint(events):
            self._news.set()


class Signals:
    """All signals that somebody still holds."""

    def __init__(self) -> None:
        self._signals: WeakSet[Signal] = WeakSet()

    def signal(self, events: Collection[Event], *, added: bool) -> Signal:
        """A new signal, told from now on until nobody holds it."""
        signal = Signal(events, added=added)
        self._signals.add(signal)
        return signal

    def tell(self, *events: Event, added: bool = False) -> None:
        """Pass the news to everybody whom it concerns."""
        for signal in self._signals:
            signal.tell(events, added=added)
