"""The job table, walked whole: every state and event has its place, and nothing leads nowhere."""

from dataclasses import fields

import pytest
from botocore.loaders import create_loader

from fleet.core.errors import Conflict
from fleet.core.job import ENDED, IN_FLIGHT, TRANSITIONS, Event, Job, State, Verdict, apply, next_state
from fleet.core.lane import Lane

LANE = Lane("123456789012", "us-east-1", "entities")
PAIRS = [(state, event) for state in State for event in Event]
ALLOWED = [(state, event) for state, event in PAIRS if event in TRANSITIONS[state]]


def job(state: State = State.PENDING, **values: object) -> Job:
    return Job(id=1, key="0" * 32, lane=LANE, target="main", prefix="s3://in/a/", state=state, **values)  # type: ignore[arg-type]


def reachable(start: State) -> set[State]:
    seen, left = {start}, [start]
    while left:
        for state in TRANSITIONS[left.pop()].values():
            if state not in seen:
                seen.add(state)
                left.append(state)
    return seen


def test_every_state_has_its_row() -> None:
    """The table says of every state what may follow."""
    assert set(TRANSITIONS) == set(State)


def test_every_state_is_reachable() -> None:
    """From a new job, every state can be reached."""
    assert reachable(State.PENDING) == set(State)


@pytest.mark.parametrize("state", State)
def test_every_state_can_end(state: State) -> None:
    """From every state a way leads to an end; nothing is stuck by construction."""
    assert reachable(state) & ENDED


@pytest.mark.parametrize("state", State)
def test_every_state_can_come_to_verified_output(state: State) -> None:
    """Whatever happened to a job, a person can still bring it to verified output."""
    assert State.VERIFIED in reachable(state)


def test_every_event_is_used() -> None:
    """No event is a word without a meaning."""
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)


def test_only_a_person_brings_an_ended_job_back() -> None:
    """An ended job moves by `reopened` alone: a verified one too, whose output may be partial or missing."""
    for state in ENDED:
        assert set(TRANSITIONS[state]) == {Event.REOPENED}


def test_states_share_no_word_with_aws() -> None:
    """A state in a log can never be taken for a status of AWS."""
    model = create_loader().load_service_model("comprehend", "service-2")
    statuses = {word.lower() for word in model["shapes"]["JobStatus"]["enum"]}

    assert len(statuses) == 6
    assert not statuses & {state.value for state in State}


def test_jobs_in_flight_are_not_ended() -> None:
    """A job that may hold a slot is never counted as ended."""
    assert not IN_FLIGHT & ENDED
    assert {State.SUBMITTING, State.RUNNING} == IN_FLIGHT


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_apply_follows_the_table_and_nothing_else(state: State, event: Event) -> None:
    """`apply` moves a job exactly where the table says, and refuses everything else with `Conflict`."""
    if event in TRANSITIONS[state]:
        assert apply(job(state), event).state is TRANSITIONS[state][event] is next_state(state, event)
    else:
        with pytest.raises(Conflict):
            apply(job(state), event)


@pytest.mark.parametrize(("state", "event"), [pair for pair in ALLOWED if pair[1] in {Event.RETRIED, Event.REOPENED}])
def test_a_new_attempt_forgets_the_old(state: State, event: Event) -> None:
    """After `retried` and `reopened` the attempt counts one more; only the reason, and a wish to cancel, are left."""
    old = job(
        state,
        attempt=2,
        intent="{}",
        remote_id="a" * 32,
        output_uri="s3://out/",
        submitted_at=1.0,
        ended_at=2.0,
        verdict=Verdict.PARTIAL,
        documents=3,
        failed_documents=1,
        cancel_requested=True,
        holder="me",
    )

    new = apply(old, event, reason="again")

    # a wish to cancel outlives a failed attempt; asking for the job again withdraws it
    assert new == job(attempt=3, reason="again", cancel_requested=event is Event.RETRIED)
    assert {field.name for field in fields(Job)} >= {"intent", "remote_id", "output_uri"}


@pytest.mark.parametrize("event", [Event.SNOOZED, Event.RESCUED])
def test_the_same_attempt_keeps_its_intent(event: Event) -> None:
    """Snoozed and rescued jobs go again, one time more, with the same attempt and bytes; nobody holds them."""
    held = job(State.SUBMITTING, attempt=2, intent='{"a":1}', holder="me")

    after = apply(held, event)

    assert (after.attempt, after.intent, after.holder) == (2, '{"a":1}', None)
    assert after.snoozes == 1


def test_facts_are_recorded_with_the_event() -> None:
    """What the event brought is in the job after it."""
    after = apply(job(State.SUBMITTING, holder="me"), Event.ACCEPTED, remote_id="b" * 32, submitted_at=5.0)

    assert (after.state, after.remote_id, after.submitted_at, after.holder) == (State.RUNNING, "b" * 32, 5.0, None)


def test_a_lane_is_known_by_its_name() -> None:
    """A lane's name leads back to the lane."""
    assert Lane.parse(str(LANE)) == LANE
    with pytest.raises(ValueError, match="unpack"):
        Lane.parse("no lane")
