"""Read S3: list a prefix, stream an object. Nothing is ever written or deleted.

Objects stream: a reader in a worker thread pulls chunks from the event loop, so that a 5 GB output is read in bounded
memory by libraries that want a file.
"""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from anyio import from_thread

from fleet.aws.errors import mapped
from fleet.core.errors import Denied, Forbidden, Rejected
from fleet.core.uri import split

__all__ = ["S3", "Blob", "BlobReader"]

_CHUNK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """One object of a listing."""

    key: str
    size_bytes: int


class S3:
    """One target's S3. Raises `Lost` for what does not exist, `Denied` for what may not be read, else
    `Unavailable`; `ValueError` for what is no S3 URI."""

    def __init__(self, client: Any, *, deadline_s: float, refused: Callable[[], None] = lambda: None) -> None:
        """`refused` is called when AWS does not accept the credentials of a call."""
        self._client = client
        self._deadline_s = deadline_s
        self._refused = refused

    async def blobs(self, uri: str) -> AsyncIterator[Blob]:
        """Every object whose URI begins with this one, in key order."""
        bucket, prefix = split(uri)
        token: str | None = None
        while True:
            more = {"ContinuationToken": token} if token else {}
            async with self._asked():
                page = await self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, **more)
            for item in page.get("Contents", ()):
                yield Blob(key=item["Key"], size_bytes=item["Size"])
            token = page.get("NextContinuationToken")
            if not token:
                return

    async def etag(self, uri: str) -> str:
        """The object's entity tag, which changes with its bytes."""
        bucket, key = split(uri)
        async with self._asked():
            answer = await self._client.head_object(Bucket=bucket, Key=key)
        return str(answer["ETag"])

    async def level(self, uri: str) -> AsyncIterator[Blob | str]:
        """What lies directly below this URI, in key order: objects, and the URIs of the folders (which end in /)."""
        bucket, prefix = split(uri)
        token: str | None = None
        while True:
            more = {"ContinuationToken": token} if token else {}
            async with self._asked():
                page = await self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", **more)
            for item in page.get("Contents", ()):
                yield Blob(key=item["Key"], size_bytes=item["Size"])
            for folder in page.get("CommonPrefixes", ()):
                yield f"s3://{bucket}/{folder['Prefix']}"
            token = page.get("NextContinuationToken")
            if not token:
                return

    @asynccontextmanager
    async def open(self, uri: str) -> AsyncIterator["BlobReader"]:
        """The object's bytes as a stream that closes on exit."""
        bucket, key = split(uri)
        async with self._asked():
            answer = await self._client.get_object(Bucket=bucket, Key=key)
        body = answer["Body"]
        async with body:  # what it enters is the bare response, without a bounded read
            yield BlobReader(body, self._deadline_s)

    @asynccontextmanager
    async def _asked(self) -> AsyncIterator[None]:
        try:
            async with mapped(self._deadline_s):
                yield
        except Rejected as error:  # a disabled key, an object in an archive, another Region: it cannot be read as it is
            raise Forbidden(str(error)) from error
        except Forbidden:
            raise
        except Denied:
            self._refused()
            raise


class BlobReader(io.RawIOBase):
    """A file for worker threads (`anyio.to_thread`): each `read` fetches the next chunk through the event loop."""

    def __init__(self, body: Any, deadline_s: float) -> None:
        self._body = body
        self._deadline_s = deadline_s
        self._left = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = from_thread.run(self.next_chunk)
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    async def next_chunk(self) -> bytes:
        """The next bytes of the object, empty at its end. For the event loop's own side.

        A whole chunk must come within the deadline: a server that drips is given up, not listened to for ever.
        """
        chunk = bytearray()
        async with mapped(self._deadline_s):
            while len(chunk) < _CHUNK_BYTES and not self._ended:
                part = await self._body.read(_CHUNK_BYTES - len(chunk))
                self._ended = not part
                chunk += part
        return bytes(chunk)
