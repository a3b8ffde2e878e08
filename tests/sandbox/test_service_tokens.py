"""Idempotency by ClientRequestToken and by JobName: every reading that AWS leaves open."""

from collections.abc import Callable
from typing import Any

import pytest

from fleet.sandbox.errors import ServiceError

Ask = Callable[..., Any]


def test_the_same_token_gives_the_same_job(ask: Ask) -> None:
    """A replay makes no second job, whatever the job has become meanwhile."""
    service = ask(submitted_s=0.0, overhead_s=10.0)
    first = service.start(ClientRequestToken="t-1", now=0.0)
    service.run(50.0)

    again = service.start(ClientRequestToken="t-1", now=60.0)

    assert again == first
    assert len(service.service.jobs) == 1
    assert [entry.outcome for entry in service.service.log] == ["accepted", "replayed"]


def test_a_replay_takes_no_slot(ask: Ask) -> None:
    """With all slots taken, a token that was used still gets its job."""
    service = ask(active_jobs=1)
    first = service.start(ClientRequestToken="t-1")

    assert service.start(ClientRequestToken="t-1") == first
    with pytest.raises(ServiceError, match="TooManyRequests"):
        service.start(ClientRequestToken="t-2")


def test_a_token_belongs_to_one_kind(ask: Ask) -> None:
    """The same token for another kind is another job."""
    service = ask()

    assert service.start("entities", ClientRequestToken="t") != service.start("sentiment", ClientRequestToken="t")


def test_a_token_is_forgotten_after_its_window(ask: Ask) -> None:
    """After token_window_s the same bytes make a second job: what a client must be safe against."""
    service = ask(token_window_s=600.0)
    first = service.start(ClientRequestToken="t", now=0.0)

    assert service.start(ClientRequestToken="t", now=600.0) == first
    assert service.start(ClientRequestToken="t", now=601.0) != first


def test_a_service_may_ignore_tokens(ask: Ask) -> None:
    """replay = new_job: the token is a label and no more."""
    service = ask(replay="new_job")

    assert service.start(ClientRequestToken="t") != service.start(ClientRequestToken="t")


@pytest.mark.parametrize(("switch", "same"), [("same_job", True), ("new_job", False)])
def test_a_used_token_with_other_parameters_may_pass(ask: Ask, switch: str, same: bool) -> None:
    """mismatch decides whether other parameters under a used token get the old job or a new one."""
    service = ask(mismatch=switch)
    first = service.start(ClientRequestToken="t", prefix="s3://corpus-in/a/")

    assert (service.start(ClientRequestToken="t", prefix="s3://corpus-in/b/") == first) is same


def test_a_used_token_with_other_parameters_is_refused(ask: Ask) -> None:
    """By default the clash is an error, and no job is made."""
    service = ask()
    service.start(ClientRequestToken="t", prefix="s3://corpus-in/a/")

    with pytest.raises(ServiceError) as refused:
        service.start(ClientRequestToken="t", prefix="s3://corpus-in/b/")

    assert refused.value.code == "InvalidRequestException"
    assert len(service.service.jobs) == 1


def test_a_job_name_may_be_used_twice(ask: Ask) -> None:
    """By default names are labels: the docs do not say that they are unique."""
    service = ask()

    assert service.start(JobName="n") != service.start(JobName="n")


def test_a_job_name_may_have_to_be_unique(ask: Ask) -> None:
    """With job_name_unique the second one is a ResourceInUseException; another kind may have the name."""
    service = ask(job_name_unique=True)
    service.start(JobName="n")

    with pytest.raises(ServiceError) as refused:
        service.start(JobName="n")

    assert refused.value.code == "ResourceInUseException"
    assert service.start("sentiment", JobName="n")
