"""The checkers: plain functions over the accept log and over spans."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.sandbox.errors import ServiceError
from fleet.sandbox.truth import Entry, Span, duplicates, losses, peak_active, throttled, utilisation, worst_window

Ask = Callable[..., Any]
START = "StartEntitiesDetectionJob"


def entry(time: float, outcome: str = "accepted", **known: str) -> Entry:
    """One request of one account and Region."""
    words = {"operation": START, "kind": "entities", **known}
    return Entry(time, "123456789012", "us-east-1", outcome=outcome, **words)


def test_a_duplicate_is_two_jobs_for_one_input_and_kind() -> None:
    """Replays and other kinds are none; two JobIds are."""
    log = [
        entry(0, job_id="a", input_uri="s3://in/1"),
        entry(1, outcome="replayed", job_id="a", input_uri="s3://in/1"),
        entry(2, job_id="b", input_uri="s3://in/1", kind="sentiment"),
        entry(3, job_id="c", input_uri="s3://in/2"),
        entry(4, job_id="d", input_uri="s3://in/2"),
        entry(5, outcome="refused", input_uri="s3://in/1"),
    ]

    assert duplicates(log) == {("entities", "s3://in/2"): ["c", "d"]}


def test_a_loss_is_an_expected_pair_without_a_job() -> None:
    """Refused and throttled Starts do not count."""
    log = [entry(0, input_uri="s3://in/1"), entry(1, outcome="throttled", input_uri="s3://in/2")]

    expected = {("entities", "s3://in/1"), ("entities", "s3://in/2"), ("sentiment", "s3://in/1")}

    assert losses(log, expected) == {("entities", "s3://in/2"), ("sentiment", "s3://in/1")}


def test_the_worst_window_is_half_open() -> None:
    """Two requests exactly a second apart are not in one second; throttled ones count only on demand."""
    log = [entry(0.0), entry(1.0), entry(1.5, outcome="throttled"), entry(1.999)]

    assert worst_window(log) == {START: 2}
    assert worst_window(log, without=()) == {START: 3}
    assert worst_window([entry(0.0), entry(1.0)]) == {START: 1}


def test_windows_of_two_regions_do_not_mix() -> None:
    """Quotas are per account and Region, and so is the judgement."""
    log = [entry(0.0), entry(0.1)._replace(region="eu-west-1")]

    assert worst_window(log) == {START: 1}


@given(st.lists(st.integers(0, 5_000), max_size=60))
def test_the_worst_window_is_that_of_a_plain_count(times_ms: list[int]) -> None:
    """As a count of every window by hand says."""
    times = [time / 1000 for time in times_ms]

    by_hand = max((sum(1 for other in times if time - 1.0 < other <= time) for time in times), default=0)

    assert worst_window([entry(time) for time in times]).get(START, 0) == by_hand


def test_the_peak_counts_a_handed_over_slot_once() -> None:
    """One job ends when the next begins: one slot."""
    spans = [Span("entities", 0.0, 5.0), Span("entities", 5.0, None), Span("entities", 4.0, 6.0)]

    assert peak_active(spans) == {"entities": 2}


def test_utilisation_is_the_part_of_the_slots_time_that_was_used() -> None:
    """Two slots over ten seconds, held for ten seconds in all: one half. Time outside does not count."""
    spans = [Span("entities", -5.0, 5.0), Span("entities", 5.0, None)]

    assert utilisation(spans, slots=2, begin=0.0, end=10.0) == {"entities": 0.5}
    assert utilisation(spans, slots=2, begin=1.0, end=1.0) == {}


def test_the_service_writes_the_log_that_the_checkers_read(ask: Ask) -> None:
    """An accepted, a capped and a refused Start, as they were."""
    service = ask(active_jobs=1)
    job_id = service.start(prefix="s3://corpus-in/a/", JobName="n", ClientRequestToken="t", now=1.0)
    for change in ({"prefix": "s3://corpus-in/b/"}, {"LanguageCode": "xx"}):
        with pytest.raises(ServiceError):
            service.start(**change, now=2.0)

    accepted, capped, refused = service.service.log

    assert accepted == entry(
        1.0, token="t", job_name="n", job_id=job_id, input_uri="s3://corpus-in/a/", status="SUBMITTED"
    )
    assert (capped.outcome, refused.outcome, refused.code) == ("capped", "refused", "ValidationException")
    assert throttled(service.service.log) == {START: 1}
    assert service.service.spans() == [Span("entities", 1.0, None, "123456789012", "us-east-1")]


def test_the_log_is_bounded(ask: Ask) -> None:
    """The oldest entries go first; the jobs themselves stay."""
    service = ask(log_max=3, active_jobs=10)
    for second in range(5):
        service.start(now=float(second))

    assert [kept.time for kept in service.service.log] == [2.0, 3.0, 4.0]
    assert len(service.service.jobs) == 5
