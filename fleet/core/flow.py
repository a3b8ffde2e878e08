"""The cheapest whole-numbered flow through a small network: successive shortest paths, Bellman and Ford's for each.

Costs are exact integers of any size, below zero too, so they can hold several wishes of different rank at once.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

__all__ = ["Network"]


@dataclass(slots=True, kw_only=True)
class _Arc:
    tail: Hashable
    head: Hashable
    room: int
    cost: int


@dataclass(slots=True)
class Network:
    """Directed arcs with room and a cost for each unit; `fill` sends as much as it can, for the least cost.

    As they are added, the arcs must hold no circle of negative cost. Where the cheapest flow is the only one of its
    cost, it does not depend on the order in which they were added.
    """

    _arcs: list[_Arc] = field(default_factory=list)

    def add(self, tail: Hashable, head: Hashable, *, room: int, cost: int = 0) -> int:
        """A new arc that is empty; its number is what `flow` asks for."""
        self._arcs.append(_Arc(tail=tail, head=head, room=room, cost=cost))
        self._arcs.append(_Arc(tail=head, head=tail, room=0, cost=-cost))  # the way back: undoes what went forth
        return len(self._arcs) - 2

    def flow(self, arc: int) -> int:
        """How many units go along the arc."""
        return self._arcs[arc ^ 1].room

    def fill(self, source: Hashable, sink: Hashable) -> None:
        """The flow is the largest there is from source to sink, and the cheapest of these."""
        while path := self._cheapest_path(source, sink):
            units = min(self._arcs[number].room for number in path)
            for number in path:
                self._arcs[number].room -= units
                self._arcs[number ^ 1].room += units

    def _cheapest_path(self, source: Hashable, sink: Hashable) -> list[int]:
        """The numbers of its arcs, the last first; none if nothing more gets through."""
        costs: dict[Hashable, int] = {source: 0}
        last: dict[Hashable, int] = {}
        better = True
        while better:
            better = False
            for number, arc in enumerate(self._arcs):
                if arc.room and arc.tail in costs:
                    cost = costs[arc.tail] + arc.cost
                    if arc.head not in costs or cost < costs[arc.head]:
                        costs[arc.head], last[arc.head], better = cost, number, True
        path: list[int] = []
        node = sink
        while node in last and node != source:
            path.append(last[node])
            node = self._arcs[path[-1]].tail
        return path
