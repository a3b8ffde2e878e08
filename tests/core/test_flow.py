"""The cheapest flow, held against every flow that there is."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from fleet.core.flow import Network

NODES = 5
Arcs = list[tuple[int, int, int, int]]  # tail, head, room, cost

# forward arcs only: no circle at all, so none of negative cost
arcs = st.lists(
    st.tuples(st.integers(0, NODES - 2), st.integers(1, NODES - 1), st.integers(0, 2), st.integers(-3, 3)).filter(
        lambda arc: arc[0] < arc[1]
    ),
    max_size=7,
)


def net_units(given_arcs: Arcs, flows: tuple[int, ...]) -> list[int]:
    """What leaves each node beyond what comes in."""
    net = [0] * NODES
    for (tail, head, _, _), units in zip(given_arcs, flows, strict=True):
        net[tail] += units
        net[head] -= units
    return net


def cost_of(given_arcs: Arcs, flows: tuple[int, ...]) -> int:
    return sum(cost * units for (_, _, _, cost), units in zip(given_arcs, flows, strict=True))


@given(given_arcs=arcs)
def test_no_flow_is_larger_and_none_as_large_is_cheaper(given_arcs: Arcs) -> None:
    """What comes in goes out, no arc holds more than its room, and of all such flows it is the largest and cheapest."""
    network = Network()
    numbers = [network.add(tail, head, room=room, cost=cost) for tail, head, room, cost in given_arcs]
    every = product(*(range(room + 1) for _, _, room, _ in given_arcs))
    kept = [flows for flows in every if not any(net_units(given_arcs, flows)[1:-1])]

    network.fill(0, NODES - 1)

    found = tuple(network.flow(number) for number in numbers)
    best = min((-net_units(given_arcs, flows)[0], cost_of(given_arcs, flows)) for flows in kept)
    assert found in kept
    assert (-net_units(given_arcs, found)[0], cost_of(given_arcs, found)) == best


def test_a_network_without_a_way_stays_empty() -> None:
    """Arcs that lead nowhere carry nothing."""
    network = Network()
    arc = network.add("source", "island", room=3, cost=-1)

    network.fill("source", "sink")

    assert network.flow(arc) == 0
