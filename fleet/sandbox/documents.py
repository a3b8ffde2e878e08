"""From objects to documents, as the service reads them (facts 1.7, 4.1, 4.4).

Promises: every object under the input prefix, in key order; one document per file or per line; lines end with LF, CR or
CRLF and with nothing else; a document that the service would refuse becomes a Refusal with the service's own code.
Does not: judge a job's total size (worker does), or read ahead: documents come one at a time.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class BlankLines(StrEnum):
    """What a blank line is. UNKNOWN at AWS (facts 1.7), so it is a switch."""

    DOCUMENT = "document"
    SKIP = "skip"


class InputFormat(StrEnum):
    """AWS's words. A request without one behaves like per line (facts 4.1: an inference from CLI examples)."""

    PER_FILE = "ONE_DOC_PER_FILE"
    PER_LINE = "ONE_DOC_PER_LINE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one job may read (facts 1.7). `files_max` also counts the lines of a per-line job."""

    document_bytes_max: int = 1024 * 1024
    job_bytes_max: int = 5 * 1024**3
    job_bytes_min: int = 500
    files_max: int = 1_000_000


LIMITS = {
    "entities": Limits(),
    "key_phrases": Limits(),
    "pii_entities": Limits(),
    "sentiment": Limits(document_bytes_max=5 * 1024),
    "targeted_sentiment": Limits(document_bytes_max=10 * 1024, job_bytes_max=300 * 1024**2, files_max=30_000),
}


def limits_of(kind: str, *, custom: bool = False, changes: Mapping[str, int] | None = None) -> Limits:
    """What one job of the kind may read; a custom recognizer needs one byte only. Changes come last."""
    limits = Limits(job_bytes_min=1) if custom else LIMITS[kind]
    return replace(limits, **(changes or {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One input object and the name that results give it."""

    key: str
    size_bytes: int
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One text to analyse. `line` is None for one document per file; `ending` is the line end that followed it."""

    file: str
    line: int | None
    text: str
    start_byte: int = 0
    ending: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One text that the service does not analyse; the job still completes (facts 4.4)."""

    file: str
    line: int | None
    code: str
    message: str
    start_byte: int = 0
    ending: str = ""


_ENCODING_MESSAGE = "Document is not in UTF-8 format and all subsequent lines are ignored."
_ENDING = re.compile(rb"\r\n|\n|\r")


def locate(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of an S3 URI; the key may be empty."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def sources(keys: Iterable[tuple[str, int]], prefix: str) -> list[Source]:
    """The input objects with their `File` names (facts 4.1): base name of a single object, else relative to the prefix.

    Where a prefix has no trailing slash the name is UNKNOWN; here it is relative to the prefix's last folder, which
    gives both documented cases and never gives two objects one name. An empty object whose key ends with a slash is a
    folder that a console made, and holds no document (an assumption of ours).
    """
    folder = prefix.rfind("/") + 1
    return [
        Source(key=key, size_bytes=size, file=key[folder:])
        for key, size in keys
        if key.startswith(prefix) and not (key.endswith("/") and size == 0)
    ]


def documents(
    body: bytes,
    *,
    file: str,
    input_format: str = InputFormat.PER_LINE,
    document_bytes_max: int = Limits().document_bytes_max,
    blank_lines: str = BlankLines.DOCUMENT,
) -> Iterator[Document | Refusal]:
    """The documents of one object, lazily and in order.

    A text that is not UTF-8 is the last thing that a file yields: the service drops all that follows (facts 4.4). A
    byte order mark stays part of the text, and an empty object is one empty document per file but no line (both
    UNKNOWN).
    """
    per_line = input_format != InputFormat.PER_FILE
    pieces = _lines(body) if per_line else iter([(0, body, "")])
    for number, (start, piece, ending) in enumerate(pieces):
        line = number if per_line else None
        try:
            text = piece.decode()
        except UnicodeDecodeError:
            yield Refusal(
                file=file,
                line=line,
                code="UNSUPPORTED_ENCODING",
                message=_ENCODING_MESSAGE,
                start_byte=start,
                ending=ending,
            )
            return
        if len(piece) > document_bytes_max:
            yield Refusal(
                file=file,
                line=line,
                code="DOCUMENT_SIZE_EXCEEDED",
                message=f"Document size exceeds maximum size limit {document_bytes_max} bytes.",
                start_byte=start,
                ending=ending,
            )
        elif text.strip() or not per_line or blank_lines == BlankLines.DOCUMENT:
            yield Document(file=file, line=line, text=text, start_byte=start, ending=ending)


def _lines(body: bytes) -> Iterator[tuple[int, bytes, str]]:
    """Start, bytes and ending of each line. Splitting bytes is safe: no UTF-8 sequence contains CR or LF."""
    start = 0
    for ending in _ENDING.finditer(body):
        yield start, body[start : ending.start()], ending.group().decode()
        start = ending.end()
    if start < len(body):
        yield start, body[start:], ""
