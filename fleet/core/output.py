"""Read what Comprehend wrote, and count what it read, as bytes stream by: bounded memory, nothing extracted to disk.

Layouts are those of the facts sheet, section 4: a gzip tar whose members hold one JSON object a line, or for PII a
plain `.out` object per input object. Output is untrusted input: sizes are bounded, names are never used as paths.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

import msgspec

from fleet.core.archive import BrokenArchive, members
from fleet.core.verdict import Output

__all__ = ["Limits", "LineCounter", "file_name", "read_archive", "read_records", "read_text"]

_CHUNK_BYTES: Final = 1 << 20
_NAME_MAX_CHARACTERS: Final = 1024  # a key has at most so many bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of an output is read: all bytes of it together, one line, how many records (None: all), and of how
    many input files it may speak."""

    total_bytes: int = 50 << 30
    line_bytes: int = 64 << 20
    records: int | None = None
    files: int = 10_000_000


class _Record(msgspec.Struct, gc=False):
    """The members that say which document a record is about; the analysis itself is skipped unread."""

    File: str
    Line: int | None = None
    ErrorCode: str | None = None
    ErrorMessage: str = ""


_decode = msgspec.json.Decoder(_Record).decode


def read_archive(raw: IO[bytes], output: Output, limits: Limits) -> None:
    """Count every record of every member of an `output.tar.gz`; what is wrong with it goes to `output.broken`."""
    left_bytes = limits.total_bytes
    try:
        for _, size_bytes, file in members(raw):
            left_bytes -= size_bytes
            if left_bytes < 0:
                output.broken = f"the archive holds more than {limits.total_bytes} bytes"
            else:
                read_records(file, output, limits)
            if output.broken or _enough(output, limits):
                return
    except BrokenArchive as error:
        output.broken = str(error)


def read_records(file: IO[bytes], output: Output, limits: Limits) -> None:
    """Count the records of one file of JSON lines."""
    for line in _lines(file, output, limits):
        if not line.strip():
            continue
        try:
            record = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            output.broken = f"a record is not what Comprehend writes: {error}"
            return
        if len(record.File) > _NAME_MAX_CHARACTERS:
            output.broken = f"a record names a file by {len(record.File)} characters"
            return
        output.add(record.File, record.Line, record.ErrorCode, record.ErrorMessage)
        if len(output.documents) + len(output.failed) > 2 * limits.files:
            output.broken = "the output speaks of more files than the input can have"
            return
        if _enough(output, limits):
            return


def read_text(file: IO[bytes], name: str, output: Output, *, per_line: bool) -> None:
    """Count the documents of one redacted copy: its lines, or one for the whole file."""
    counter = LineCounter()
    while chunk := file.read(_CHUNK_BYTES):
        counter.feed(chunk)
    output.documents[name] += counter.total if per_line else 1


def file_name(prefix: str, key: str) -> str:
    """The `File` that the output gives an input object: its path below the prefix, its base name where that is empty.

    Facts sheet, 4.1. For a prefix that ends inside a name (`a/b` matching `a/b1/x`), the path starts after the last
    slash of the prefix (UNKNOWN at AWS; `judge` is right under both answers).
    """
    folder = prefix[: prefix.rfind("/") + 1]
    return key[len(folder) :] or key.rsplit("/", 1)[-1]


class LineCounter:
    """Counts documents of a ONE_DOC_PER_LINE file chunk by chunk: lines end with LF, CR or CRLF (facts sheet, 1.7)."""

    def __init__(self) -> None:
        self.lines = 0
        self.blank = 0
        self._open = False  # the current line has begun
        self._solid = False  # the current line holds something that is not white space
        self._after_cr = False

    def feed(self, chunk: bytes) -> None:
        """Count one more chunk."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
        if not chunk:
            return
        self._after_cr = chunk.endswith(b"\r")
        *ended, last = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in ended:
            self._end(line)
        if last:
            self._open = True
            self._solid = self._solid or bool(last.strip())

    def _end(self, line: bytes) -> None:
        self.lines += 1
        self.blank += not (self._solid or line.strip())
        self._open = self._solid = False

    @property
    def demanded(self) -> int:
        """The fewest documents these lines must yield: blank lines may or may not count (UNKNOWN)."""
        return self.total - self.blank - (self._open and not self._solid)

    @property
    def total(self) -> int:
        """All lines, the last one too where no line end follows it."""
        return self.lines + self._open


def _lines(file: IO[bytes], output: Output, limits: Limits) -> Iterator[bytes]:
    while line := file.readline(limits.line_bytes + 1):
        if len(line) > limits.line_bytes:
            output.broken = f"a line is longer than {limits.line_bytes} bytes"
            return
        yield line


def _enough(output: Output, limits: Limits) -> bool:
    return limits.records is not None and output.documents.total() + output.failed.total() >= limits.records
