"""List through boto3: whatever the page size, filter and order, and while jobs come and stop, each job comes once."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.conftest import Place
from tests.conformance.drivers import Boto3
from tests.conformance.shapes import STEMS, method_of, minimal_request, name_of

SandboxAt = Callable[..., Place]
FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "JobName": {"Filter": {"JobName": "wanted"}},
    "JobStatus": {"Filter": {"JobStatus": "SUBMITTED"}},
    "SubmitTimeBefore": {"Filter": {"SubmitTimeBefore": datetime(2100, 1, 1, tzinfo=UTC)}},
    "SubmitTimeAfter": {"Filter": {"SubmitTimeAfter": datetime(2000, 1, 1, tzinfo=UTC)}},
}
# A job that is stopped before it began stays in STOP_REQUESTED, so that the filter by status loses it.
ASLEEP = {"submitted_s": 1e6, "stop_s": 1e6}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stem=st.sampled_from(STEMS),
    narrowed=st.sampled_from(sorted(FILTERS)),
    order=st.sampled_from(["ascending", "descending"]),
    count=st.integers(0, 12),
    size=st.integers(1, 6),
    meanwhile=st.lists(st.sampled_from(["nothing", "start", "stop"]), max_size=6),
)
def test_every_job_comes_once(
    sandbox_at: SandboxAt, stem: str, narrowed: str, order: str, count: int, size: int, meanwhile: list[str]
) -> None:
    """Nothing twice; all that were there from the first page to the last and match; in one order.

    Oldest first, a walk meets those too that came between its pages. Newest first, they are before the first page.
    """
    with sandbox_at(list_order=order, **ASLEEP).client() as client:
        jobs = [_start(client, stem) for _ in range(count)]
        stopped: set[str] = set()
        found: list[str] = []
        there = count
        events = iter(meanwhile)
        for page in _pages(client, stem, {**FILTERS[narrowed], "MaxResults": size}):
            assert len(page) <= size
            assert not set(page) & set(found)
            found += page
            there = len(jobs)
            happens = next(events, "nothing")
            if happens == "start":
                jobs.append(_start(client, stem))
            elif happens == "stop" and jobs:
                client.call(name_of("Stop", stem), {"JobId": jobs[-1]})
                stopped.add(jobs[-1])

    descending = narrowed == "SubmitTimeAfter" or (narrowed != "SubmitTimeBefore" and order == "descending")
    lost = stopped if narrowed == "JobStatus" else set()
    due = set(jobs[: count if descending else there]) - lost
    assert due <= set(found) <= set(jobs)
    assert [jobs.index(job) for job in found] == sorted(map(jobs.index, found), reverse=descending)


@pytest.mark.parametrize("stem", STEMS)
def test_botocores_own_paginator_meets_every_job(sandbox_at: SandboxAt, stem: str) -> None:
    """For the four kinds that have one (facts sheet 3.6)."""
    with sandbox_at(**ASLEEP).client() as client:
        jobs = [_start(client, stem) for _ in range(7)]
        method = method_of(name_of("List", stem))
        if not client.client.can_paginate(method):
            assert stem == "TargetedSentimentDetectionJob"
            return
        pages = client.client.get_paginator(method).paginate(PaginationConfig={"PageSize": 3})
        found = [[job["JobId"] for job in page[f"{stem}PropertiesList"]] for page in pages]

    assert found == [jobs[:3], jobs[3:6], jobs[6:]]


def test_a_page_holds_a_hundred_jobs_unless_told_otherwise(sandbox_at: SandboxAt) -> None:
    """MaxResults is 100 by default, and 500 at most (facts sheet 3.6)."""
    stem = "SentimentDetectionJob"
    with sandbox_at(**ASLEEP).client() as client:
        for _ in range(501):
            _start(client, stem)
        sizes = [len(page) for page in _pages(client, stem, {})]
        largest = [len(page) for page in _pages(client, stem, {"MaxResults": 500})]

    assert sizes == [100] * 5 + [1]
    assert largest == [500, 1]


def _start(client: Boto3, stem: str) -> str:
    operation = name_of("Start", stem)
    return str(client.call(operation, minimal_request(operation, JobName="wanted")).body["JobId"])


def _pages(client: Boto3, stem: str, params: dict[str, Any]) -> Iterator[list[str]]:
    """The JobIds of each page; NextToken is handed back by hand."""
    token: dict[str, str] = {}
    while True:
        answer = client.call(name_of("List", stem), params | token)
        assert answer.code == "", answer.message
        yield [job["JobId"] for job in answer.body[f"{stem}PropertiesList"]]
        if "NextToken" not in answer.body:
            return
        token = {"NextToken": answer.body["NextToken"]}
