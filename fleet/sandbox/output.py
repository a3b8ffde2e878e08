"""The bytes of a job's output, in the layout of the facts sheet (3.2, 4).

Promises: the same documents and request give the same bytes; one JSON line per document, refused ones included.
Does not: analyse (analysis does) or write (worker does).

Where AWS's samples disagree: keys stand in alphabetical order, as in most of them; the tar's one member is named
`output` (facts 9); the layout of targeted sentiment is a switch.
"""

import gzip
import io
import tarfile
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from fleet.sandbox.analysis import Recognizers, analyse, redact
from fleet.sandbox.documents import Document, Refusal, locate


class TargetedLayout(StrEnum):
    """What the tar of targeted sentiment holds: the two AWS sources disagree (facts 4, 9)."""

    ONE_FILE = "one_file"
    PER_INPUT_FILE = "per_input_file"


_JSON = msgspec.json.Encoder()
_OFFSETS = frozenset({"BeginOffset", "EndOffset"})
MEMBER = "output"
SUFFIX = ".out"


def render(
    kind: str,
    item: Document | Refusal,
    request: Mapping[str, Any],
    recognizers: Recognizers | None = None,
    *,
    redaction_errors: str = "empty",
    offset_unit: str = "code_point",
) -> bytes:
    """What one document adds to the output: a JSON line (facts 4.2, 4.4), or its redacted text (facts 4.3).

    In redaction mode a refused document leaves an empty line, nothing, or its error record: UNKNOWN at AWS, and plain
    text has no room for its error code. Its text must not appear unredacted.
    """
    if is_redaction(kind, request):
        if isinstance(item, Document):
            return (redact(item.text, request.get("RedactionConfig", {})) + item.ending).encode()
        if redaction_errors != "record":
            return item.ending.encode() if redaction_errors == "empty" else b""
    fields: dict[str, Any] = {"File": item.file}
    if item.line is not None:
        fields["Line"] = item.line
    if isinstance(item, Document):
        found = analyse(kind, item.text, request, recognizers)
        fields |= in_utf16(found, item.text) if offset_unit == "utf16" else found
    else:
        fields |= {"ErrorCode": item.code, "ErrorMessage": item.message}
    return _JSON.encode(dict(sorted(fields.items()))) + b"\n"


def in_utf16(value: Any, text: str) -> Any:
    """The same findings with their offsets in UTF-16 code units: one more for each character beyond U+FFFF before."""
    if text.isascii():
        return value
    beyond = [place for place, character in enumerate(text) if ord(character) > 0xFFFF]
    return _shift(value, beyond) if beyond else value


def _shift(value: Any, beyond: Sequence[int]) -> Any:
    if isinstance(value, dict):
        return {
            name: inner + bisect_left(beyond, inner) if name in _OFFSETS else _shift(inner, beyond)
            for name, inner in value.items()
        }
    return [_shift(inner, beyond) for inner in value] if isinstance(value, list) else value


def is_redaction(kind: str, request: Mapping[str, Any]) -> bool:
    """True if the output is redacted text and not JSON."""
    return kind == "pii_entities" and request.get("Mode") == "ONLY_REDACTION"


def objects(
    kind: str,
    files: Mapping[str, Sequence[bytes]],
    output_uri: str,
    *,
    targeted_layout: str = TargetedLayout.ONE_FILE,
) -> Iterable[tuple[str, str, bytes]]:
    """The (bucket, key, body) of every output object; `files` has what `render` gave for each input file, in order.

    PII: one plain `<file>.out` per input file below the URI (facts 4). All others: one tar at the URI.
    """
    bucket, key = locate(output_uri)
    if kind == "pii_entities":
        folder = key if key.endswith("/") or not key else key + "/"
        for file, pieces in files.items():
            yield bucket, f"{folder}{file}{SUFFIX}", b"".join(pieces)
    elif kind == "targeted_sentiment" and targeted_layout == TargetedLayout.PER_INPUT_FILE:
        yield bucket, key, archive([(file + SUFFIX, b"".join(pieces)) for file, pieces in files.items()])
    else:
        yield bucket, key, archive([(MEMBER, b"".join(piece for pieces in files.values() for piece in pieces))])


def archive(members: Iterable[tuple[str, bytes]]) -> bytes:
    """A gzip tar of (name, body) members whose bytes depend on nothing else: no time, no owner."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, body in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            entry.mtime = 0
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(body))
    return gzip.compress(packed.getvalue(), compresslevel=6, mtime=0)
