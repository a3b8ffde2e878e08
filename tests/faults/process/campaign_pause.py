"""SIGSTOP and SIGCONT on the real process."""

import functools
import json
import signal

from tests.faults.process.accept_log import Limits
from tests.faults.process.conftest import MakePlace
from tests.faults.process.place import Place


def ended(place: Place) -> bool:
    """Whether no job of this account holds a slot."""
    spans = [json.loads(line) for line in place.service.control("GET", "spans").splitlines()]
    return all(span["end"] is not None for span in spans if span["account"] == place.account)


def started(place: Place, jobs: int) -> bool:
    """Whether so many Starts were accepted."""
    return place.starts() >= jobs


def test_a_process_that_was_stopped_for_a_while_makes_no_burst(make_place: MakePlace) -> None:
    """SIGSTOP until every job in AWS has ended, SIGCONT: all slots are free at once, and the rate still holds."""
    place = make_place(8, limits=Limits(active_jobs=3, start_per_s=2))
    with place.running() as process:
        for starts in (3, 9):
            place.wait(process, functools.partial(started, place, starts), "some Starts")
            process.send_signal(signal.SIGSTOP)
            place.wait(process, lambda: ended(place), "the jobs in AWS ended")
            process.send_signal(signal.SIGCONT)
        code = process.wait(50)

    assert code == 0, place.said()
    assert place.violations() == []
