"""How commands end: the exit codes, and errors that say what, where and what next."""

import json

import pytest
import typer

from fleet.cli.exits import ERRORS, EXIT_CODES, told
from fleet.core import errors
from fleet.core.errors import FleetError, InvalidInput, Locked, Unavailable
from tests.cli.conftest import Fleet


def test_every_error_of_fleet_has_a_documented_exit_code() -> None:
    """Each class of core/errors.py, and what is derived from it, is in the table."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FleetError)]

    for kind in set(kinds) - {FleetError}:
        assert any(issubclass(kind, known) for known, _, _ in ERRORS), kind
    assert {code for _, code, _ in ERRORS} <= set(EXIT_CODES)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("x"), 65),
        (Locked("x"), 75),
        (Unavailable("x", maybe_accepted=False), 69),
        (ExceptionGroup("group", [ExceptionGroup("inner", [Locked("x")])]), 75),
        (typer.BadParameter("x"), 2),
        (PermissionError(13, "denied", "/x"), 77),
        (OSError(28, "no space", "/x"), 74),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("x"), 70),
    ],
)
def test_errors_end_in_their_code(error: BaseException, code: int) -> None:
    """Also inside the groups of task groups; only a bug has a trace."""
    found = told(error)

    assert found.code == code
    assert (found.trace is not None) == (code == 70)


def test_an_error_holds_nothing_that_moves_a_cursor() -> None:
    """Control and direction characters of a stranger's text are escaped, in every line of it."""
    text = told(InvalidInput("a\x1b[2Jb\u202ec\nd\re")).as_text()

    assert text == "fleet: a\\x1b[2Jb\\u202ec\nfleet: d\\re\n"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("stauts",), 2, "Did you mean 'status'?"),
        (("status", "--jsno"), 2, "Did you mean --json?"),
        (("run",), 2, "Missing argument"),
        (("run", "nowhere.jsonl"), 65, "nowhere.jsonl: no such file"),
        (("plan", "nowhere.jsonl"), 65, "nowhere.jsonl: no such file"),
        (("status",), 65, "there is no ledger yet; fleet run or fleet serve makes one"),
        (("status", "-c", "nowhere.toml"), 78, "nowhere.toml: no such file"),
        (("init",), 73, "overwrites nothing"),
    ],
)
def test_users_errors_are_plain_as_text_and_as_json(fleet: Fleet, words: tuple[str, ...], code: int, says: str) -> None:
    """The code, what is wrong, no traceback; with --json one object on standard error and nothing on the other."""
    plain = fleet(*words)

    assert plain.code == code
    assert says in plain.err
    assert "Traceback" not in plain.err
    if words != ("init",):
        machine = fleet(*words, "--json")
        assert (machine.code, machine.out) == (code, "")
        assert json.loads(machine.err)["error"]["exit_code"] == code


def test_no_command_shows_the_help(fleet: Fleet) -> None:
    """As most tools do: the help, and exit code 2."""
    said = fleet()

    assert said.code == 2
    assert "Commands:" in said.out + said.err
    assert not said.err.startswith("fleet: ")
