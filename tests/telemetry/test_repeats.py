"""Repeats: rounds of a minute, and memory that does not grow."""

from fleet.telemetry.repeats import Repeats


class Hand:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_round_ends_after_a_minute_and_the_next_warning_is_told_again() -> None:
    """The summary has the count and the time, and comes once."""
    clock = Hand()
    repeats = Repeats(clock)
    record = {"event": "lane.throttled", "lane": "a"}

    told = [not repeats.hold_back("warning", record) for _ in range(3)]
    clock.now = 59.0
    early = repeats.over()
    clock.now = 61.0
    (summary,) = repeats.over()
    again = not repeats.hold_back("warning", record)

    assert (told, early, again) == ([True, False, False], [], True)
    assert (summary.event, summary.held_back, summary.over_s) == ("lane.throttled", 2, 61.0)
    assert repeats.over(all_rounds=True) == []


def test_a_thousand_different_warnings_are_remembered_and_the_rest_is_told() -> None:
    """Names from outside cannot fill the memory; what is not remembered is told, never lost."""
    repeats = Repeats(Hand())

    for number in range(5_000):
        assert not repeats.hold_back("warning", {"event": "manifest.unread", "source": str(number)})

    assert len(repeats._rounds) == 1_000
