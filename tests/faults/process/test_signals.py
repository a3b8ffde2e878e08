"""Signals on the real process: SIGTERM under load, twice, with a call that hangs."""

import signal
import subprocess
import sys

from tests.faults.process.accept_log import Limits
from tests.faults.process.conftest import MakePlace

DRAINING = "finishing the calls in hand"


def test_no_start_leaves_after_sigterm_and_the_next_run_finishes(make_place: MakePlace) -> None:
    """Two claimed jobs wait for the limiter: they are not started any more, the process leaves with 143 at once."""
    place = make_place(limits=Limits(start_per_s=1))
    with place.running() as process:
        place.wait(process, lambda: place.starts() >= 2, "a Start of each kind")
        process.send_signal(signal.SIGTERM)
        place.wait(process, lambda: DRAINING in place.said(), "SIGTERM was heard")
        before = place.starts()
        code = process.wait(20)

    after = place.starts()
    place.finish()

    assert code == 143
    assert before == after < len(place.expected)
    assert "run the same command to go on" in place.said()
    assert place.violations() == []


def test_a_second_signal_ends_the_process_at_once_and_safely(make_place: MakePlace) -> None:
    """While a Start hangs the drain waits; the second signal does not. The next run finds the job that AWS has."""
    place = make_place(kinds=("entities",))
    fault = {"what": "hang", "operation": "Start*", "input_prefix": place.uris[0], "times": 1, "accept": True}
    place.service.control("POST", "faults", fault)

    with place.running() as process:
        place.wait(process, lambda: place.starts() >= 1, "the Start that hangs")
        process.send_signal(signal.SIGTERM)
        place.wait(process, lambda: DRAINING in place.said(), "the first signal was heard")
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
    place.finish()

    assert code == 128 + signal.SIGINT
    assert place.violations() == []


def test_a_drain_that_does_not_end_is_cut_off_by_its_deadline(make_place: MakePlace) -> None:
    """A Start that hangs for 20 s, a deadline of half a second: the process leaves, the job is not started again."""
    place = make_place(kinds=("entities",), config="[drain]\ndeadline_s = 0.5")
    fault = {"what": "hang", "operation": "Start*", "input_prefix": place.uris[0], "times": 1, "accept": True}
    place.service.control("POST", "faults", fault)

    with place.running() as process:
        place.wait(process, lambda: place.starts() >= 1, "the Start that hangs")
        process.send_signal(signal.SIGTERM)
        code = process.wait(20)
    place.finish()

    assert code == 143
    assert "not done after 0.5 s" in place.said()
    assert place.violations() == []


def test_a_task_that_swallows_its_cancellation_cannot_keep_the_process() -> None:
    """Not even an event loop that never yields again outlives the deadline."""
    script = """
import anyio, os, signal
from fleet.cli.signals import drained_by_signals

async def main():
    async with drained_by_signals(lambda: None, deadline_s=0.2):
        os.kill(os.getpid(), signal.SIGTERM)
        while True:
            try:
                await anyio.sleep_forever()
            except BaseException:
                while True:
                    pass

async def cancelled():
    with anyio.move_on_after(0.1):
        await main()

anyio.run(cancelled)
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 143
    assert "not done after 0.2 s" in done.stderr
