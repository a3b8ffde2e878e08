"""The two stores keep one contract: a dict, and S3 over HTTP against moto's real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import anyio
import pytest

from fleet.sandbox.store import MemoryStore, S3Store, StoreError

AnyStore = MemoryStore | S3Store


@pytest.fixture(params=["memory", "s3"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[AnyStore]:
    """Each kind of store in turn."""
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            yield MemoryStore()
        else:
            yield await stack.enter_async_context(S3Store(request.getfixturevalue("s3_url")))


@pytest.fixture
async def bucket(store: AnyStore) -> str:
    """A new bucket."""
    name = f"bucket-{uuid4().hex}"
    await store.create_bucket(name)
    return name


async def test_what_is_written_can_be_read(store: AnyStore, bucket: str) -> None:
    """Whole, whatever the bytes and the key, and a second write replaces the first."""
    for key, body in (("a b/ü+&=%.txt", bytes(range(256))), ("empty", b""), ("empty", b"no more")):
        await store.write(bucket, key, body)
        assert await store.read(bucket, key) == body


async def test_keys_are_those_that_begin_with_the_prefix(store: AnyStore, bucket: str) -> None:
    """Sorted, with sizes; a prefix is no folder, so `a` also takes `ab`."""
    for key in ("b", "ab/2", "a/1", "ab", "a/10"):
        await store.write(bucket, key, key.encode())

    assert await store.keys(bucket, "a") == [("a/1", 3), ("a/10", 4), ("ab", 2), ("ab/2", 4)]
    assert await store.keys(bucket, "none/") == []


async def test_all_pages_of_keys_come_back(store: AnyStore, bucket: str) -> None:
    """S3 gives at most 1,000 keys a page."""
    names = [f"k{number:04d}" for number in range(1_005)]
    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(store.write, bucket, name, b"x")

    assert await store.keys(bucket, "k") == [(name, 1) for name in names]


async def test_missing_things_have_codes(store: AnyStore, bucket: str) -> None:
    """NoSuchKey and NoSuchBucket, S3's own."""
    asked: list[tuple[str, Any]] = [
        ("NoSuchKey", store.read(bucket, "missing")),
        ("NoSuchBucket", store.read("no-such-bucket-here", "a")),
        ("NoSuchBucket", store.keys("no-such-bucket-here", "a")),
        ("NoSuchBucket", store.write("no-such-bucket-here", "a", b"")),
    ]
    for code, call in asked:
        with pytest.raises(StoreError) as failed:
            await call
        assert failed.value.code == code


async def test_a_bucket_can_be_made_again(store: AnyStore, bucket: str) -> None:
    """Its objects are untouched."""
    await store.write(bucket, "a", b"1")
    await store.create_bucket(bucket)

    assert await store.keys(bucket, "") == [("a", 1)]


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    """One attempt, one error of our own."""
    async with S3Store("http://127.0.0.1:9") as store:
        with pytest.raises(StoreError) as failed:
            await store.read("bucket", "key")

    assert failed.value.code == "Unavailable"


async def test_the_users_settings_are_not_read(s3_url: str, monkeypatch: pytest.MonkeyPatch, bucket_name: str) -> None:
    """A profile, a proxy or an endpoint of the user would send the demo's objects to a real account, or break it."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/no/such/file")

    async with S3Store(s3_url) as store:
        await store.create_bucket(bucket_name)
        assert await store.keys(bucket_name, "") == []


@pytest.fixture
def bucket_name() -> str:
    """A name that no other test has."""
    return f"bucket-{uuid4().hex}"


async def test_a_store_outside_its_block_is_unavailable(s3_url: str) -> None:
    """Not an attribute error: the caller has one error class to know."""
    with pytest.raises(StoreError, match="async with"):
        await S3Store(s3_url).keys("bucket", "")


async def test_many_writers_of_one_key_are_all_answered(s3_url: str) -> None:
    """As jobs that check one output at the same moment are; moto drops an object in the middle of its own answer."""
    async with S3Store(s3_url) as store:
        await store.create_bucket("bucket")
        async with asyncio.TaskGroup() as group:
            for number in range(120):
                group.create_task(store.write("bucket", "one", b"x" * number))

        assert await store.read("bucket", "one") == b"x" * 119
