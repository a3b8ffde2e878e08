"""The wall clock jumps under the real process: nothing but timestamps changes."""

import datetime
import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.process.accept_log import Limits
from tests.faults.process.conftest import MakePlace
from tests.faults.process.faketime import Missing, WallClock, library
from tests.faults.process.place import Place

HOUR_S = 3600
IN_1970 = datetime.datetime(1970, 1, 2, tzinfo=datetime.UTC).timestamp()
IN_2038 = datetime.datetime(2038, 1, 19, 3, 14, 7, tzinfo=datetime.UTC).timestamp()
JUMPS: tuple[Callable[[WallClock], None], ...] = (
    lambda clock: clock.shift(HOUR_S),
    lambda clock: clock.shift(-HOUR_S),
    lambda clock: clock.jump_to(IN_1970),
    lambda clock: clock.jump_to(IN_2038),
)


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    try:
        library()
    except Missing as missing:
        pytest.skip(str(missing))
    clock = WallClock(file=tmp_path / "offset")
    clock.shift(0)
    return clock


def test_a_process_sees_the_wall_clock_that_is_set_and_the_true_monotonic_one(clock: WallClock) -> None:
    """The library works with this Python: else the test below would prove nothing."""
    script = "import time; print(time.gmtime().tm_year, time.monotonic())"
    clock.jump_to(IN_2038)

    told = [
        subprocess.check_output([sys.executable, "-c", script], env=env, text=True).split()
        for env in (dict(clock.environment), {})
    ]

    assert told[0][0] == "2038" != told[1][0]
    assert abs(float(told[0][1]) - float(told[1][1])) < HOUR_S


def started(place: Place, jobs: int) -> bool:
    """Whether so many Starts were accepted."""
    return place.starts() >= jobs


@pytest.mark.timeout(180)  # on a machine that does much else
def test_jumps_of_the_wall_clock_change_no_rate_and_no_timeout(make_place: MakePlace, clock: WallClock) -> None:
    """An hour ahead, an hour back, 1970, 2038, SIGKILL and a restart in the past; some Starts fail."""
    place = make_place(5, kinds=("entities",), limits=Limits(start_per_s=2, active_jobs=3))
    shaky = {"operation": "Start*", "every": 3, "times": 1}
    faults = [{"what": what, **shaky} for what in ("unavailable", "expired_credentials")]
    place.service.control("POST", "faults", faults)

    with place.running(environment=dict(clock.environment)) as process:
        for starts, jump in enumerate(JUMPS, start=1):
            place.wait(process, functools.partial(started, place, starts), "Starts before the next jump")
            jump(clock)
        place.wait(process, functools.partial(started, place, len(JUMPS)), "Starts after the last jump")
    clock.shift(-HOUR_S)
    place.finish(environment=dict(clock.environment))

    assert place.violations() == []
