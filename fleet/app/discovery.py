"""Find the prefixes of a corpus in S3: folders at a given depth, listed one level at a time in bounded memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from fleet.app.opening import open_targets
from fleet.aws.s3 import S3, Blob
from fleet.core.errors import Denied, InvalidInput, Lost
from fleet.core.text import shown, suggestion
from fleet.core.uri import split
from fleet.settings import Settings

__all__ = ["Discovery", "discover"]

_EXAMPLES = 3


@dataclass(slots=True)
class Discovery:
    """What a look through a corpus came to, beside the prefixes. `loose`: objects above the depth that no prefix reads;
    `small`: prefixes that hold too few bytes; `folders`: how many were listed."""

    found: int = 0
    small: int = 0
    loose: int = 0
    loose_examples: list[str] = field(default_factory=list)
    folders: int = 0


async def discover(
    settings: Settings, corpus: str, *, depth: int, min_bytes: int, target: str | None, seen: Discovery
) -> AsyncIterator[str]:
    """The prefixes `depth` folders below the corpus, and nearer ones that hold objects and no folders; none overlaps.

    `seen` is kept up to date. `InvalidInput` for what is no S3 URI or no bucket.
    """
    try:
        split(corpus)
    except ValueError as error:
        raise InvalidInput(f"corpus: {error}") from None
    root = corpus if corpus.endswith("/") else f"{corpus}/"
    async with open_targets(settings) as clients:
        if target is not None and target not in clients:
            raise InvalidInput(f"--target {shown(target)}: unknown; {suggestion(target, clients)}")
        s3 = (clients[target] if target else next(iter(clients.values()))).s3
        try:
            async for prefix in _below(s3, root, depth, seen):
                if min_bytes and not await _holds(s3, prefix, min_bytes):
                    seen.small += 1
                    continue
                seen.found += 1
                yield prefix
        except Lost as error:
            raise InvalidInput(f"corpus {shown(root)}: {error}") from None
        except Denied as error:
            raise Denied(f"corpus {shown(root)}: {error}: s3:ListBucket is needed") from None


async def _below(s3: S3, folder: str, depth: int, seen: Discovery) -> AsyncIterator[str]:
    """The prefixes below one folder. Only the folders on the way down are kept in memory, one level each."""
    if depth == 0:
        yield folder
        return
    seen.folders += 1
    objects: list[str] = []
    count = 0
    inner = False
    bucket, _ = split(folder)
    async for item in s3.level(folder):
        if isinstance(item, Blob):
            if item.size_bytes or not item.key.endswith("/"):  # consoles mark an empty folder by an empty object
                count += 1
                objects += [f"s3://{bucket}/{item.key}"] if len(objects) < _EXAMPLES else []
        else:
            inner = True
            async for prefix in _below(s3, item, depth - 1, seen):
                yield prefix
    if count and not inner:
        yield folder
    elif count:
        seen.loose += count
        seen.loose_examples += objects[: _EXAMPLES - len(seen.loose_examples)]


async def _holds(s3: S3, prefix: str, min_bytes: int) -> bool:
    """Whether the objects below the prefix hold so many bytes; looks no further than that."""
    size_bytes = 0
    async for blob in s3.blobs(prefix):
        size_bytes += blob.size_bytes
        if size_bytes >= min_bytes:
            return True
    return False
