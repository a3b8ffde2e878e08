"""Where the sandbox's documents live: a dict for tests and simulation, or S3 over HTTP.

Promises: the same three calls whatever is behind them, and one error class with S3's own codes.
Does not: stream. An emulator's objects are small; one object at a time is held in memory.
"""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Protocol, Self
from weakref import WeakValueDictionary

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client


class StoreError(Exception):
    """An object or a bucket cannot be had; `code` is S3's error code, or Unavailable if S3 gave none."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message


class Store(Protocol):
    """What the sandbox needs of an object store. Every method may raise StoreError and nothing else."""

    async def keys(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        """Every key that begins with the prefix, with its size in bytes, sorted by key."""
        ...

    async def read(self, bucket: str, key: str) -> bytes:
        """The whole object."""
        ...

    async def write(self, bucket: str, key: str, body: bytes) -> None:
        """The object is there, whole, for every later read."""
        ...


class MemoryStore:
    """Buckets in a dict, for tests and for simulation under a virtual clock: it never waits."""

    def __init__(self, *buckets: str) -> None:
        self.buckets: dict[str, dict[str, bytes]] = {bucket: {} for bucket in buckets}

    async def create_bucket(self, bucket: str) -> None:
        """The bucket exists; if it did before, its objects are untouched."""
        self.buckets.setdefault(bucket, {})

    async def keys(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        objects = self._objects(bucket)
        return [(key, len(objects[key])) for key in sorted(objects) if key.startswith(prefix)]

    async def read(self, bucket: str, key: str) -> bytes:
        objects = self._objects(bucket)
        if key not in objects:
            raise StoreError("NoSuchKey", f"The specified key does not exist: {key}")
        return objects[key]

    async def write(self, bucket: str, key: str, body: bytes) -> None:
        self._objects(bucket)[key] = bytes(body)

    def _objects(self, bucket: str) -> dict[str, bytes]:
        if bucket not in self.buckets:
            raise StoreError("NoSuchBucket", f"The specified bucket does not exist: {bucket}")
        return self.buckets[bucket]


# The user's profile, files and proxy must not reach a server that runs on the same machine for the demo.
_ISOLATED: Mapping[str, tuple[None, None, Any, None]] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ca_bundle": (None, None, None, None),
}


class S3Store:
    """An S3 server at `url` (for the sandbox: moto's), by path-style addresses.

    Use it as an async context manager. It has fixed credentials of its own and reads no AWS setting of the user, so a
    mistake in the sandbox can never touch a real account. Retries are off: a failure of a server on the same machine
    is a finding, not weather.
    """

    def __init__(
        self,
        url: str,
        *,
        region: str = "us-east-1",
        access_key: str = "sandbox",
        secret_key: str = "sandbox",  # noqa: S107 - a fixed name for an emulator, not a secret
        connections_max: int = 16,
        timeout_s: float = 30.0,
    ) -> None:
        self.url = url
        self.region = region
        self._access_key, self._secret_key = access_key, secret_key
        self._config = AioConfig(
            max_pool_connections=connections_max,
            connect_timeout=5,
            read_timeout=timeout_s,
            retries={"total_max_attempts": 1, "mode": "standard"},
            proxies={},
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        # Waiting here is cheaper than waiting in the HTTP client, which counts the wait as part of the timeout.
        self._places = asyncio.Semaphore(connections_max)
        # One at a time for each key: moto closes an object that another replaces, also while it still answers for it.
        self._writing: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._stack = AsyncExitStack()
        self._client: S3Client | None = None

    async def __aenter__(self) -> Self:
        session = AioSession(session_vars=dict(_ISOLATED))
        self._client = await self._stack.enter_async_context(
            session.create_client(
                "s3",
                region_name=self.region,
                endpoint_url=self.url,
                aws_access_key_id=self._access_key,
                aws_secret_access_key=self._secret_key,
                config=self._config,
            )
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        self._client = None
        await self._stack.aclose()

    async def create_bucket(self, bucket: str) -> None:
        """The bucket exists; if it did before, its objects are untouched."""
        request: dict[str, Any] = {"Bucket": bucket}
        if self.region != "us-east-1":
            request["CreateBucketConfiguration"] = {"LocationConstraint": self.region}
        try:
            await self._call("create_bucket", **request)
        except StoreError as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise

    async def keys(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        page: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
        while True:
            answer = await self._call("list_objects_v2", **page)
            found += [(entry["Key"], entry["Size"]) for entry in answer.get("Contents", ())]
            if not answer.get("IsTruncated"):
                return sorted(found)
            page["ContinuationToken"] = answer["NextContinuationToken"]

    async def read(self, bucket: str, key: str) -> bytes:
        async with self._places:
            try:
                answer = await self._open().get_object(Bucket=bucket, Key=key)
                async with answer["Body"] as body:
                    return bytes(await body.read())
            except (ClientError, BotoCoreError) as error:
                raise _store_error(error) from error

    async def write(self, bucket: str, key: str, body: bytes) -> None:
        turn = self._writing.setdefault((bucket, key), asyncio.Lock())
        async with turn:
            await self._call("put_object", Bucket=bucket, Key=key, Body=body)

    async def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        async with self._places:
            try:
                answer: dict[str, Any] = await getattr(self._open(), operation)(**request)
            except (ClientError, BotoCoreError) as error:
                raise _store_error(error) from error
            return answer

    def _open(self) -> "S3Client":
        if self._client is None:
            raise StoreError("Unavailable", "the store is not open: use it in an async with block")
        return self._client


def _store_error(error: Exception) -> StoreError:
    """S3's own code where S3 answered, else Unavailable. A HEAD-like 404 without a body has only its number."""
    if isinstance(error, ClientError):
        detail = error.response.get("Error", {})
        code = str(detail.get("Code", "Unavailable"))
        return StoreError({"403": "AccessDenied", "404": "NoSuchKey"}.get(code, code), str(detail.get("Message", "")))
    return StoreError("Unavailable", str(error))
