"""Switches and faults as a user writes them: TOML, words, JSON."""

from dataclasses import fields
from pathlib import Path

import pytest

from fleet.sandbox.configure import SwitchError, describe_switches, read_fault, read_switches
from fleet.sandbox.faults import Fault
from fleet.sandbox.switches import Switches


def test_nothing_said_is_the_default() -> None:
    """AWS's default quotas, and no fault."""
    assert read_switches() == Switches()


def test_toml_then_words_then_values(tmp_path: Path) -> None:
    """Each later source wins, and types are those of the switch."""
    file = tmp_path / "sandbox.toml"
    lines = ["time_scale = 60", "cap = 'queue'", "unreadable = ['s3://a/']", "[accounts]", "KEY = '111122223333'"]
    file.write_text("\n".join(lines))

    switches = read_switches(file, ["time_scale=120", "vpc_denied=true", "unwritable=s3://b/, s3://c/"], {"seed": 4})

    assert (switches.time_scale, switches.cap, switches.seed) == (120.0, "queue", 4)
    assert (switches.unreadable, switches.unwritable) == (("s3://a/",), ("s3://b/", "s3://c/"))
    assert switches.vpc_denied
    assert switches.accounts == {"KEY": "111122223333"}


def test_a_typing_mistake_is_named_with_the_nearest_switch() -> None:
    """The user learns what they meant."""
    with pytest.raises(SwitchError, match=r"time_scal: no such switch; did you mean time_scale\?"):
        read_switches(pairs=["time_scal=3"])


def test_all_mistakes_are_named_at_once() -> None:
    """One run shows every mistake, each with what would fit."""
    with pytest.raises(SwitchError) as refused:
        read_switches(pairs=["cap=drop", "active_jobs=0", "token_window_s=nan", "seed=x", "wholly_else=1"])

    lines = str(refused.value).splitlines()
    assert len(lines) == 5
    assert "it takes reject|queue" in lines[0]
    assert "it takes int >= 1" in lines[1]


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("time_scale = ", "TOML"),
        ("faults = 3", "list of tables"),
        ("[[faults]]\noperation = 'Start*'", "`what` must be given"),
        ("[[faults]]\nwhat = 'explode'", "it takes throttle|"),
        ("[[faults]]\nwhat = 'slow'\nsecond = 3", "did you mean seconds"),
        ("[accounts]\nKEY = '12'", "accounts"),
    ],
)
def test_bad_toml_is_refused_with_the_reason(toml: str, words: str) -> None:
    """Whatever is wrong in the file, the text says what."""
    with pytest.raises(SwitchError) as refused:
        read_switches(toml)
    assert words in str(refused.value)


def test_a_word_without_a_value_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    """Both are mistakes of the command line."""
    with pytest.raises(SwitchError, match="key=value"):
        read_switches(pairs=["time_scale"])
    with pytest.raises(SwitchError, match=r"absent\.toml"):
        read_switches(tmp_path / "absent.toml")


def test_faults_come_from_toml_and_from_values() -> None:
    """A table is read; a Fault is taken as it is."""
    table = {"what": "error", "operation": "Start*", "code": "ExpiredTokenException", "status": 400, "times": 2}

    switches = read_switches("[[faults]]\nwhat = 'slow'\nseconds = 2", values={"faults": [table, Fault(what="hang")]})

    assert switches.faults == (read_fault(table), Fault(what="hang"))


def test_every_switch_tells_what_is_known() -> None:
    """Each row has a name, a value, a type, what it is for and what AWS says; the default reads back."""
    rows = describe_switches()

    assert [row["name"] for row in rows] == [field.name for field in fields(Switches)]
    assert all(row["about"] and row["known"] and row["type"] for row in rows)
    plain = [f"{row['name']}={row['value']}" for row in rows if row["type"].split()[0] in ("int", "float")]
    assert read_switches(pairs=plain) == Switches()
