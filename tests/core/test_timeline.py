"""One job's story in words."""

from dataclasses import replace

import pytest

from fleet.core.job import Event, Job, State, Verdict
from fleet.core.lane import Lane
from fleet.core.timeline import Surroundings, commands, document_errors, happenings, standing

JOB = Job(
    id=1,
    key="ab" * 16,
    lane=Lane("123456789012", "us-east-1", "entities"),
    target="main",
    prefix="s3://corpus-in/a/",
    remote_id="1" * 32,
    updated_at=1_000.0,
)
AROUND = Surroundings(now=1_060.0, states={State.PENDING: 8, State.RUNNING: 10}, slots=10, running=True, usual_s=480.0)


@pytest.mark.parametrize(
    ("changes", "around", "says"),
    [
        ({}, {}, "10 of 10 of its lane are taken, and 7 other jobs wait too"),
        ({}, {"states": {State.PENDING: 1}}, "It can start"),
        ({}, {"slots": None}, "does not serve its lane"),
        ({"due_at": 1_090.0, "reason": "Rate exceeded"}, {}, "waits for 30s before it is tried again. Last: Rate"),
        ({"cancel_requested": True}, {}, "is to be cancelled"),
        ({}, {"running": False}, "Nothing is running"),
        ({"state": State.SUBMITTING}, {}, "is in doubt"),
        ({"state": State.RUNNING}, {}, "AWS runs it since 1m 00s; jobs of this kind take about 8m 00s."),
        ({"state": State.RUNNING}, {"now": 9_000.0}, "It is late."),
        ({"state": State.FINISHED}, {}, "its output is being read"),
        ({"state": State.VERIFIED, "verdict": Verdict.PARTIAL}, {}, "and is partial"),
        ({"state": State.DISCARDED, "reason": "NO_INPUT_FILES"}, {}, "Given up 1m 00s ago: NO_INPUT_FILES"),
        ({"state": State.CANCELLED}, {}, "Cancelled 1m 00s ago"),
    ],
)
def test_it_says_where_the_job_is_and_why_it_waits(
    changes: dict[str, object], around: dict[str, object], says: str
) -> None:
    """One sentence for every state, with what holds the job there."""
    assert says in standing(replace(JOB, **changes), replace(AROUND, **around))  # type: ignore[arg-type]


@pytest.mark.parametrize("state", State)
def test_every_command_can_be_copied(state: State) -> None:
    """Ended jobs can be done again unless all is well, others cancelled."""
    verdict = Verdict.COMPLETE if state is State.VERIFIED else None

    words = [command.split()[1] for command, _ in commands(replace(JOB, state=state, verdict=verdict))]

    assert ("retry" in words) == (state in (State.DISCARDED, State.CANCELLED))
    assert ("cancel" in words) == (state in (State.PENDING, State.SUBMITTING, State.RUNNING, State.FINISHED))


def test_events_tell_the_time_between_them_and_failed_documents() -> None:
    """The first has none before it; the errors of the last reading are grouped by code."""
    errors = [{"file": "a.txt", "line": 1, "code": "X"}, {"file": "b.txt", "line": None, "code": "X"}]
    events = [
        (10.0, Event.CLAIMED, 1, {"holder": "host:1"}),
        (12.5, Event.ACCEPTED, 1, {"remote_id": "abc", "request_id": "e1"}),
        (500.0, Event.VERIFIED, 1, {"verdict": "partial", "errors": errors}),
    ]

    found = happenings(events)

    assert [happened.after_s for happened in found] == [None, 2.5, 487.5]
    assert [happened.told for happened in found] == ["by host:1", "JobId abc; AWS request e1", "partial"]
    assert document_errors(events) == ["2 x X: a.txt line 1, b.txt"]
