"""List: pages, filters and order."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.sandbox.errors import ServiceError
from fleet.sandbox.kinds import Verb

Ask = Callable[..., Any]


def walk(service: Any, now: float = 1_000.0, **params: Any) -> list[str]:
    """The JobIds of all pages."""
    found: list[str] = []
    token: str | None = None
    while True:
        jobs, token = service.page(now=now, **params, **({"NextToken": token} if token else {}))
        found += [job["JobId"] for job in jobs]
        if token is None:
            return found


def filled(ask: Ask, count: int, **switches: Any) -> tuple[Any, list[str]]:
    """A service with so many jobs, one a second."""
    service = ask(active_jobs=10_000, **switches)
    return service, [service.start(now=float(n), JobName=f"job-{n % 3}") for n in range(count)]


def test_a_page_holds_a_hundred_jobs_by_default(ask: Ask) -> None:
    """MaxResults is 100 where it is not given; NextToken is there only while there is more."""
    service, ids = filled(ask, 101)

    jobs, token = service.page(now=200.0)
    rest, end = service.page(now=200.0, NextToken=token)

    assert [job["JobId"] for job in jobs + rest] == ids
    assert (len(jobs), end) == (100, None)


def test_a_full_last_page_has_no_token(ask: Ask) -> None:
    """As many jobs as MaxResults: one page, no token."""
    service, _ = filled(ask, 5)

    jobs, token = service.page(now=200.0, MaxResults=5)

    assert (len(jobs), token) == (5, None)


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(1, 12),
    count=st.integers(0, 25),
    order=st.sampled_from(["ascending", "descending"]),
    wanted=st.sampled_from([None, {"SubmitTimeAfter": 4.0}, {"SubmitTimeBefore": 9.0}, {"JobName": "job-1"}]),
)
def test_pages_are_complete_and_without_repeats(
    ask: Ask, size: int, count: int, order: str, wanted: dict[str, Any] | None
) -> None:
    """Whatever the page size, filter and order: every job once, in the order of one big page."""
    service, _ = filled(ask, count, list_order=order)
    narrowed = {"Filter": wanted} if wanted else {}

    whole, token = service.page(now=200.0, MaxResults=500, **narrowed)

    assert token is None
    assert walk(service, 200.0, MaxResults=size, **narrowed) == [job["JobId"] for job in whole]


def test_jobs_that_come_meanwhile_neither_hide_nor_repeat_others(ask: Ask) -> None:
    """A walk through the pages, oldest first, with a new job after each page, meets every job once."""
    service, _ = filled(ask, 10)
    found: list[str] = []
    token: str | None = None
    for _ in range(6):
        jobs, token = service.page(now=100.0, MaxResults=3, **({"NextToken": token} if token else {}))
        found += [job["JobId"] for job in jobs]
        if token is None:
            break
        service.start(now=100.0)

    assert len(found) == len(set(found)) == len(service.service.jobs)


def test_a_submit_time_filter_sets_the_order(ask: Ask) -> None:
    """Before: oldest first. After: newest first. Neither holds the job of that very time (facts 3.6)."""
    service, ids = filled(ask, 6)

    before, _ = service.page(now=200.0, Filter={"SubmitTimeBefore": 3.0})
    after, _ = service.page(now=200.0, Filter={"SubmitTimeAfter": 3.0})

    assert [job["JobId"] for job in before] == ids[:3]
    assert [job["JobId"] for job in after] == [ids[5], ids[4]]


@pytest.mark.parametrize(("order", "step"), [("ascending", 1), ("descending", -1)])
def test_the_order_without_a_time_filter_is_a_switch(ask: Ask, order: str, step: int) -> None:
    """list_order holds for no filter, JobName and JobStatus alike."""
    service, ids = filled(ask, 7, list_order=order)
    service.run(2.5 + 5.0)

    assert walk(service, MaxResults=2) == ids[::step]
    assert walk(service, Filter={"JobName": "job-1"}) == ids[1::3][::step]
    assert walk(service, Filter={"JobStatus": "IN_PROGRESS"}, MaxResults=2) == ids[:3][::step]


@pytest.mark.parametrize(("match", "count"), [("exact", 0), ("prefix", 4)])
def test_a_name_matches_as_the_switch_says(ask: Ask, match: str, count: int) -> None:
    """exact by default; prefix is the other reading."""
    service, _ = filled(ask, 4, name_match=match)

    assert len(walk(service, Filter={"JobName": "job"})) == count
    assert len(walk(service, Filter={"JobName": "job-0"})) == 2


def test_the_filter_by_status_sees_ended_jobs(ask: Ask) -> None:
    """COMPLETED jobs are found by their status, and are no longer under IN_PROGRESS."""
    service, ids = filled(ask, 3, submitted_s=0.0, overhead_s=10.0)
    service.run(11.0)

    assert walk(service, Filter={"JobStatus": "COMPLETED"}) == ids[:2]
    assert walk(service, Filter={"JobStatus": "IN_PROGRESS"}) == ids[2:]
    assert walk(service, Filter={"JobStatus": "FAILED"}) == []


def test_two_filters_are_refused(ask: Ask) -> None:
    """One filter at a time (facts 3.6): InvalidFilterException."""
    with pytest.raises(ServiceError) as refused:
        ask().page(Filter={"JobName": "a", "JobStatus": "COMPLETED"})
    assert (refused.value.code, refused.value.status) == ("InvalidFilterException", 400)


@pytest.mark.parametrize("token", ["", "nonsense!", "bm9uc2Vuc2U=", "WzEsMl0="])
def test_a_token_that_is_none_of_ours_is_refused(ask: Ask, token: str) -> None:
    """A bad NextToken is an invalid request, never a crash or the first page again."""
    with pytest.raises(ServiceError) as refused:
        ask().page(NextToken=token)
    assert refused.value.code in ("InvalidRequestException", "ValidationException")


def test_a_token_belongs_to_its_filter(ask: Ask) -> None:
    """A NextToken under another filter would skip jobs, so it is refused."""
    service, _ = filled(ask, 5)
    _, token = service.page(now=200.0, MaxResults=2)

    with pytest.raises(ServiceError, match="another filter"):
        service.page(now=200.0, NextToken=token, Filter={"JobName": "job-1"})


def test_a_list_delay_shows_the_past(ask: Ask) -> None:
    """List may lag behind Describe: a new job is not there yet, an old one in its old status."""
    service = ask(list_delay_s=10.0, submitted_s=5.0)
    job_id = service.start(now=0.0)
    service.run(5.0)

    assert walk(service, now=9.0) == []
    assert walk(service, now=12.0, Filter={"JobStatus": "SUBMITTED"}) == [job_id]
    assert walk(service, now=12.0, Filter={"JobStatus": "IN_PROGRESS"}) == []
    assert walk(service, now=15.0, Filter={"JobStatus": "IN_PROGRESS"}) == [job_id]


def test_kinds_regions_and_accounts_do_not_mix(ask: Ask) -> None:
    """List shows the jobs of one kind, of the caller's account and Region."""
    service = ask()
    service.start("entities")

    assert walk(service, 1.0) != []
    assert service.page("sentiment") == ([], None)
    assert service.call(Verb.LIST, "entities", {}, region="eu-west-1") == {"EntitiesDetectionJobPropertiesList": []}
