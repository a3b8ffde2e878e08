"""S3 URIs as Comprehend takes them, and where a job's results land.

Rules: the service model's `S3Uri` shape (pattern, 1,024 characters) and S3's rules for bucket names. A prefix is
literal: nothing in it is decoded, and Comprehend reads every object whose key *begins* with it (facts sheet, 4.5).
"""

import re
from typing import Final

from fleet.core.kinds import KINDS
from fleet.core.text import shown, unsafe

__all__ = ["URI_MAX_CHARACTERS", "feeds_back", "split"]

URI_MAX_CHARACTERS: Final = 1024
KEY_MAX_BYTES: Final = 1024
"""S3 User Guide, Naming Amazon S3 objects: a key is at most 1,024 bytes of UTF-8."""

_URI: Final = re.compile(r"s3://([a-z0-9][.\-a-z0-9]{1,61}[a-z0-9])(?:/(.*))?", re.DOTALL)
_IP_ADDRESS: Final = re.compile(r"[0-9]+(\.[0-9]+){3}")
_DOTS: Final = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_WRITE_CHECK: Final = ".write_access_check_file.temp"  # the service leaves it in every output prefix (facts sheet, 4.5)


def split(uri: str) -> tuple[str, str]:
    """The bucket and the key (maybe empty) of an S3 URI; `ValueError` says why Comprehend could not take it."""
    if len(uri) > URI_MAX_CHARACTERS:
        raise ValueError(f"an S3 URI has at most {URI_MAX_CHARACTERS:,} characters, this one has {len(uri):,}")
    if not uri.isprintable() and (found := unsafe(uri)):
        raise ValueError(f"{shown(uri)} contains {found}")
    match = _URI.fullmatch(uri)
    if match is None:
        raise ValueError(f"{shown(uri)} {_why_not(uri)}")
    bucket, key = match[1], match[2] or ""
    if "." in bucket and (".." in bucket or _IP_ADDRESS.fullmatch(bucket)):
        raise ValueError(f"{shown(uri)}: a bucket name has no two dots in a row and is not an IP address")
    if uri[-1].isspace():
        raise ValueError(f"{shown(uri)} ends in white space")
    if ("." in key or "%" in key) and _DOTS.search(key):
        raise ValueError(f"{shown(uri)}: '.' and '..' are no folders in S3; write the whole prefix")
    if len(key) * 4 > KEY_MAX_BYTES and (size_bytes := len(key.encode())) > KEY_MAX_BYTES:
        raise ValueError(
            f"{shown(uri)}: a key has at most {KEY_MAX_BYTES:,} bytes in UTF-8, this one has {size_bytes:,}"
        )
    return bucket, key


def feeds_back(bucket: str, key: str, *, output: tuple[str, str], account: str) -> bool:
    """Whether a job that reads `bucket`/`key` would read results written below `output`, its own or another job's.

    Results are written to `<output>/<account>-<CODE>-<JobId>/...` (facts sheet, 3.2), and the input is every key
    that begins with `key`; so an input beside the results, in the same output prefix, is fine.
    """
    output_bucket, folder = output
    if output_bucket != bucket:
        return False
    # how the service joins an output prefix that does not end in a slash is not known: assume both ways
    folders = {folder, folder if folder.endswith("/") else f"{folder}/"} if folder else {""}
    results = [f"{name}{account}-{kind.output_code}-" for name in folders for kind in KINDS.values()]
    return any(f"{name}{_WRITE_CHECK}".startswith(key) for name in folders) or any(
        result.startswith(key) or key.startswith(result) for result in results
    )


def _why_not(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    if uri != uri.lstrip():
        return "is not an S3 URI: it begins with white space"
    if scheme != "s3" or not separator:
        return "is not an S3 URI: write s3://bucket/prefix, with s3 in small letters"
    if rest.startswith("arn:"):
        return "names an access point: Comprehend takes a bucket name"
    bucket = rest.partition("/")[0]
    if not bucket:
        return "has no bucket name: write s3://bucket/prefix"
    if not 3 <= len(bucket) <= 63:
        return f"has a bucket name of {len(bucket)} characters: S3 allows 3 to 63"
    return "has no valid bucket name: small letters, digits, dots and dashes, with a letter or digit at both ends"
