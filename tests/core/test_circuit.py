"""An operation that keeps failing is asked ever more rarely, and as fast as ever after its first answer."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.core.circuit import Circuit, broke, is_open, room, wait_s


def failing(times: int, *, now: float = 0.0, jitter: float = 0.5) -> Circuit:
    circuit = Circuit()
    for number in range(times):
        circuit = broke(circuit, began=now + number, now=now + number, jitter=jitter)
    return circuit


def test_a_lost_packet_is_no_outage() -> None:
    """Two failures in a row slow nothing down; the third one opens the circuit."""
    assert room(failing(2), 2.0, 10) == 10
    assert is_open(failing(3))
    assert room(failing(3), 2.0, 10) == 0


def test_one_burst_is_one_failure() -> None:
    """Ten calls that left before the first of them failed are one piece of news."""
    circuit = Circuit()
    for _ in range(10):
        circuit = broke(circuit, began=0.0, now=5.0, jitter=0.5)

    assert circuit.failures == 1


@given(failures=st.integers(3, 500), jitter=st.floats(0, 1, exclude_max=True), wanted=st.integers(1, 500))
def test_an_open_circuit_lets_one_probe_pass_within_a_minute(failures: int, jitter: float, wanted: int) -> None:
    """Never all, never none for ever: exactly one, half a second to a minute after the last failure."""
    circuit = failing(failures, jitter=jitter)
    now = failures - 1.0

    gap_s = wait_s(circuit, now)

    assert 0.5 <= gap_s <= 60.0
    assert room(circuit, now, wanted) == 0
    assert room(circuit, now + gap_s, wanted) == 1
    assert room(circuit, now + gap_s, 0) == 0


@given(lasts_s=st.integers(0, 7200))
def test_an_outage_costs_two_calls_a_minute(lasts_s: int) -> None:
    """However long it lasts, and however much waits: what is asked in vain is bounded."""
    circuit, calls = Circuit(), 0
    for now in range(lasts_s):
        if room(circuit, now, 10):
            calls += 1
            circuit = broke(circuit, began=now, now=now, jitter=0.0)

    assert calls <= 10 + lasts_s / 30
