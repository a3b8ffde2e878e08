"""S3's REST protocol over a store in memory: what reading a prefix and writing an object need, and no more.

ListObjectsV2, GetObject, HeadObject, PutObject and CreateBucket, with path-style or virtual-host addresses. Anything
else is answered with NotImplemented, never with a guess.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from fleet.sandbox.mischief import Reply
from fleet.sandbox.store import MemoryStore, StoreError

__all__ = ["S3Protocol"]

_XML: Final = "application/xml"
_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_KEYS_MAX: Final = 1000
_STATUSES: Final = {"NoSuchKey": 404, "NoSuchBucket": 404, "AccessDenied": 403, "NotImplemented": 501}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    body: bytes


class S3Protocol:
    """Answers S3 requests from a store."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def reply(self, method: str, url: str, body: bytes) -> Reply:
        """The answer to one request; errors are S3's own, with S3's statuses."""
        request = _read(method, url, body)
        try:
            return await self._answer(request)
        except StoreError as error:
            return _refusal(error.code, error.message)

    async def _answer(self, request: _Request) -> Reply:
        match request.method, bool(request.key):
            case "GET", False if request.query.get("list-type") == "2":
                return await self._list(request)
            case (("GET" | "HEAD"), True):
                return await self._get(request)
            case "PUT", True:
                await self._store.write(request.bucket, request.key, request.body)
                return Reply(headers={"ETag": _etag(request.body)}, body=b"")
            case "PUT", False:
                await self._store.create_bucket(request.bucket)
                return Reply(headers={"Location": f"/{request.bucket}"}, body=b"")
        return _refusal("NotImplemented", f"{request.method} is not part of this S3")

    async def _get(self, request: _Request) -> Reply:
        body = await self._store.read(request.bucket, request.key)
        headers = {"Content-Length": str(len(body)), "ETag": _etag(body), "Content-Type": "binary/octet-stream"}
        return Reply(headers=headers, body=body if request.method == "GET" else b"")

    async def _list(self, request: _Request) -> Reply:
        """One page in key order; the continuation token is the last key of the page before."""
        query = request.query
        prefix, after = query.get("prefix", ""), query.get("continuation-token") or query.get("start-after", "")
        size = min(int(query.get("max-keys", _KEYS_MAX)), _KEYS_MAX)
        found = [entry for entry in await self._store.keys(request.bucket, prefix) if entry[0] > after]
        page, more = found[:size], len(found) > size
        coded = query.get("encoding-type") == "url"

        def shown(text: str) -> str:
            return quote(text, safe="/") if coded else escape(text)

        entries = "".join(
            f"<Contents><Key>{shown(key)}</Key><Size>{size_bytes}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key, size_bytes in page
        )
        token = f"<NextContinuationToken>{escape(page[-1][0])}</NextContinuationToken>" if more else ""
        encoding = "<EncodingType>url</EncodingType>" if coded else ""
        return _xml(
            f'<ListBucketResult xmlns="{_NAMESPACE}"><Name>{request.bucket}</Name><Prefix>{shown(prefix)}</Prefix>'
            f"<KeyCount>{len(page)}</KeyCount><MaxKeys>{size}</MaxKeys>{encoding}"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}</ListBucketResult>"
        )


def _read(method: str, url: str, body: bytes) -> _Request:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    path = unquote(parts.path).removeprefix("/")
    host = parts.hostname or ""
    bucket, dot, _ = host.partition(".s3.")
    if not dot:
        bucket, _, path = path.partition("/")
    return _Request(method=method, bucket=bucket, key=path, query=query, body=body)


def _refusal(code: str, text: str) -> Reply:
    return _xml(f"<Error><Code>{code}</Code><Message>{escape(text)}</Message></Error>", status=_STATUSES.get(code, 400))


def _xml(text: str, status: int = 200) -> Reply:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return Reply(status=status, headers={"Content-Type": _XML, "Content-Length": str(len(body))}, body=body)


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
