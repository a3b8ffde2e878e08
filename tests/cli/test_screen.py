"""What reaches a terminal, and what does not."""

import io
import re

import pytest

from fleet.cli.frame import status_lines
from fleet.cli.screen import Screen
from fleet.core.columns import Column, width
from fleet.core.eta import Eta
from fleet.core.job import State
from fleet.core.lane import Lane
from fleet.core.overview import LaneView, Overview, Running
from fleet.core.reasons import grouped

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
VIEW = Overview(
    at=0.0,
    lanes=[
        LaneView(
            lane=Lane("123456789012", "us-east-1", kind),
            states={State.PENDING: 1_000, State.RUNNING: 10, State.VERIFIED: 500, State.DISCARDED: 3},
            slots=10,
            start_per_s=1.0,
            started=50,
            throttled=4,
            ended=40,
        )
        for kind in ("entities", "targeted_sentiment")
    ],
    running=Running(pid=7),
    eta=Eta(low_s=3_000.0, expected_s=3_600.0, high_s=90_000.0, known=True),
    reasons=grouped([(State.DISCARDED, "NO_INPUT_FILES: \x1b[31m" + "x" * 300, 3)]),
    rejected=2,
    cancelling=1,
)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_it_is_not_wanted(environment: dict[str, str]) -> None:
    """NO_COLOR and a dumb terminal get the same words without an escape; so does what is no terminal."""
    coloured = "\n".join(status_lines(VIEW, Screen(Terminal(), environment={}, columns=120)))
    plain = "\n".join(status_lines(VIEW, Screen(Terminal(), environment=environment, columns=120)))

    assert ESCAPE.search(coloured)
    assert ESCAPE.sub("", coloured) == plain
    assert not Screen(io.StringIO(), environment={}).colour


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_the_picture_fits_narrow_terminals(columns: int) -> None:
    """Every line but a command to copy fits, and the numbers that matter are there at any width."""
    lines = status_lines(VIEW, Screen(Terminal(), environment={"NO_COLOR": "1"}, columns=columns))

    assert all(width(line) <= columns for line in lines if "fleet " not in line)
    assert any("10/10" in line for line in lines)
    assert "\x1b" not in "".join(lines)
    assert any("fleet retry --reason NO_INPUT_FILES" in line for line in lines)


def test_without_a_terminal_nothing_is_cut() -> None:
    """A pipe gets every cell whole."""
    screen = Screen(io.StringIO(), environment={})

    (_, line) = screen.table([Column(name="a", least=3)], [["x" * 500]])

    assert line == "x" * 500
