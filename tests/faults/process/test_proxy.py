"""Answers that hang or drip: every call has a deadline as a whole. (Runs over bad networks: campaign_proxy.py.)"""

import pytest

from fleet.aws.session import Access, Timeouts, open_clients
from fleet.core.errors import Unavailable
from tests.bench.service import Service
from tests.faults.process.proxy import Way, proxied


@pytest.mark.parametrize("way", [Way.HANG_BEFORE, Way.HANG_AFTER, Way.DRIP])
async def test_an_answer_that_never_comes_or_never_ends_is_given_up(
    service: Service, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    """The call as a whole has a deadline, which bytes that keep dripping do not prolong: maybe accepted."""
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)

    with proxied(service.url, {way: 1.0}) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COMPREHEND", proxy.url)
        async with open_clients({"main": Access(region="us-east-1")}, Timeouts(call_s=0.5)) as clients:
            with pytest.raises(Unavailable) as raised:
                await clients["main"].comprehend.page("entities")

    assert raised.value.maybe_accepted
    assert proxy.fired == {way: 1}


async def test_an_object_that_drips_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of an S3 object has a deadline as a whole: a byte now and then does not keep a reader for ever."""
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)

    with proxied(service.environment["AWS_ENDPOINT_URL_S3"], {}) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        timeouts = Timeouts(call_s=1.0)
        async with open_clients({"main": Access(region="us-east-1")}, timeouts) as clients:
            whole = [blob async for blob in clients["main"].s3.blobs("s3://corpus-in/00001/")]
            proxy.ways = {Way.DRIP: 1.0}
            with pytest.raises(Unavailable):
                async with clients["main"].s3.open("s3://corpus-in/00001/part-0.txt") as body:
                    await body.next_chunk()

    assert len(whole) == 1
