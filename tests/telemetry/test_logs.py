"""Logs: one way for all records, no secret and no local variable in any, and no flood of one warning."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from fleet.core.job import Event, Job, State, Verdict
from fleet.core.lane import Lane
from fleet.telemetry import Telemetry
from fleet.telemetry.logs import on_record, set_up_logs, tell_held_back

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYCANARYKEY"


class Terminal(io.StringIO):
    """A stream that calls itself a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Logs as a daemon has them: JSON, with a secret key in the environment."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    stream = io.StringIO()
    set_up_logs(stream=stream)
    yield stream
    structlog.reset_defaults()
    logging.getLogger().handlers = [
        handler for handler in logging.getLogger().handlers if type(handler).__module__ != "fleet.telemetry.logs"
    ]
    logging.captureWarnings(False)


def records(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail(password: str) -> None:
    """Raise with the secret in the text; `password` is a local variable of the traceback."""
    raise ValueError(f"the key {SECRET} is refused")


def test_off_a_terminal_each_record_is_one_json_object(stream: io.StringIO) -> None:
    """Event, level and an ISO time in UTC, and the fields beside them."""
    structlog.get_logger().info("job.verified", key="3f2a", documents=7)

    (record,) = records(stream)
    assert (record["event"], record["level"], record["key"], record["documents"]) == ("job.verified", "info", "3f2a", 7)
    assert record["timestamp"].endswith("Z")


def test_on_a_terminal_people_read_lines_and_nothing_moves_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """No JSON; escape sequences and direction marks in what strangers wrote are shown, not obeyed."""
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    set_up_logs(stream=terminal)

    structlog.get_logger().info("manifest.read", source="\x1b[2Jevil\u202e.jsonl")

    assert "\x1b" not in terminal.getvalue()
    assert "\u202e" not in terminal.getvalue()
    assert "evil" in terminal.getvalue()
    structlog.reset_defaults()


def test_no_secret_passes_wherever_it_is(stream: io.StringIO) -> None:
    """By value, by form or by name: in a field, deep in a field, in a library's record, in a traceback."""
    log = structlog.get_logger()

    log.info("a", url=f"postgresql://fleet:{SECRET}@db/fleet", deep={"headers": [{"Authorization": SECRET}]})
    log.info("b", password="short", text=f"key {SECRET}")
    logging.getLogger("botocore.auth").warning("X-Amz-Security-Token: %s", SECRET)
    try:
        fail(SECRET)
    except ValueError:
        log.exception("c")

    assert SECRET not in stream.getvalue()
    assert "short" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_tracebacks_hold_no_local_variables(stream: io.StringIO) -> None:
    """Only files, lines and names of functions: a local variable may be a document."""
    try:
        fail("a local variable's value")
    except ValueError:
        structlog.get_logger().exception("bug")

    assert "a local variable's value" not in stream.getvalue()
    assert records(stream)[0]["exception"][0]["frames"][-1].keys() == {"filename", "lineno", "name"}


def test_libraries_speak_through_the_same_way_from_warning_on(stream: io.StringIO) -> None:
    """A warning of botocore is a record of ours; its debug output, which prints headers, is not there at all."""
    logging.getLogger("botocore.hooks").debug("headers")
    logging.getLogger("aiohttp.server").error("cannot parse")

    (record,) = records(stream)
    assert (record["event"], record["logger"], record["level"]) == ("library.says", "aiohttp.server", "error")


def test_a_warning_that_repeats_itself_is_told_once_and_then_counted(stream: io.StringIO) -> None:
    """The first is told; how many more there were is told later; another lane's is news of its own."""
    log = structlog.get_logger()

    for _ in range(50):
        log.warning("stage.waits", stage="submit a", reason="AWS is away")
    log.warning("stage.waits", stage="submit b", reason="AWS is away")
    tell_held_back()

    assert [(record["event"], record.get("stage")) for record in records(stream)] == [
        ("stage.waits", "submit a"),
        ("stage.waits", "submit b"),
        ("log.held_back", "submit a"),
    ]
    assert records(stream)[-1]["held_back"] == 49


def test_a_warning_about_many_jobs_is_told_of_a_few(stream: io.StringIO) -> None:
    """A trouble of ten thousand jobs is one trouble: some of them are named, the rest is a number."""
    for number in range(100):
        structlog.get_logger().warning("job.in_doubt", key=str(number))
    tell_held_back()

    assert [record["event"] for record in records(stream)].count("job.in_doubt") == 5
    assert records(stream)[-1]["held_back"] == 95


def test_every_record_is_counted_by_its_level_held_back_or_not(stream: io.StringIO) -> None:
    """The counter is what an alert reads when nobody reads the log."""
    heard: list[str] = []
    stop = on_record(heard.append)
    heard.clear()

    for _ in range(10):
        structlog.get_logger().error("disk.failed", lane="a")
    structlog.get_logger().info("run.progress")
    stop()
    structlog.get_logger().info("run.progress")

    assert (heard.count("error"), heard.count("info")) == (10, 1)


def test_the_form_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """FLEET_LOG_FORMAT=json also on a terminal, text also off one."""
    for form, stream in (("json", Terminal()), ("text", io.StringIO())):
        monkeypatch.setenv("FLEET_LOG_FORMAT", form)
        set_up_logs(stream=stream)
        structlog.get_logger().info("run.progress")

        assert stream.getvalue().startswith("{") == (form == "json")
    structlog.reset_defaults()


def test_a_job_that_has_ended_is_told_in_one_line(stream: io.StringIO) -> None:
    """Attempts, waits, durations, documents and AWS's JobId; nothing that is not known, and no name of an object."""
    job = Job(
        id=1,
        key="3f2a",
        lane=Lane("123456789012", "us-east-1", "entities"),
        target="main",
        prefix="s3://corpus/jane-doe/",
        state=State.VERIFIED,
        attempt=2,
        snoozes=3,
        remote_id="abc",
        submitted_at=100.0,
        ended_at=580.5,
        updated_at=582.0,
        verdict=Verdict.COMPLETE,
        documents=20,
        failed_documents=0,
    )

    Telemetry().moved(job, Event.VERIFIED)

    (record,) = records(stream)
    del record["timestamp"]
    assert record == {
        "event": "job.verified",
        "level": "info",
        "key": "3f2a",
        "kind": "entities",
        "attempts": 2,
        "waits": 3,
        "ran_s": 480.5,
        "settled_s": 1.5,
        "verdict": "complete",
        "documents": 20,
        "remote_id": "abc",
    }


def test_a_huge_value_is_cut(stream: io.StringIO) -> None:
    """A record is no place for a document."""
    structlog.get_logger().info("a", text="x" * 1_000_000)

    assert len(stream.getvalue()) < 20_000
