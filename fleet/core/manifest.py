"""Manifest lines become entries; every bad line is named by its number, field, value and reason, and the rest goes on.

A line is JSON (JSONL) or comma-separated cells under a header (CSV). Reading streams: nothing is kept between lines.
A quoted CSV cell may hold commas and quotes but no line break: a stray quote then costs one line, not the next hundred.
"""

import csv
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any, Final

from fleet.core import strict_json
from fleet.core.text import named, shown, suggestion, unsafe

__all__ = ["LINE_MAX_BYTES", "Entry", "Form", "Rejection", "entries", "split_lines"]

LINE_MAX_BYTES: Final = 1 << 20
LABEL_MAX_CHARACTERS: Final = 256
_REJECTIONS_MAX: Final = 20
_KINDS_MAX: Final = 50
_COLUMNS_TOLD: Final = 3

_FIELDS: Final[dict[str, type]] = {
    "prefix": str,
    "kinds": list,
    "language": str,
    "input_format": str,
    "output": str,
    "target": str,
    "label": str,
    "request": dict,
}
_ARTICLES: Final[dict[type, str]] = {
    str: "a string",
    list: 'a list of strings, such as ["entities"]',
    dict: "an object in AWS's request syntax",
}
_GZIP: Final = b"\x1f\x8b"
_BLANK: Final = b" \t\r\n"
_MISTAKEN: Final = (
    (b"PK\x03\x04", "the file is a ZIP archive or an Excel workbook: save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "the file is an Excel workbook: save it as CSV"),
    (b"PAR1", "the file is Parquet: write it as JSONL or CSV"),
    (b"BZh", "the file is compressed with bzip2: use gzip, or unpack it"),
    (b"\xfd7zXZ\0", "the file is compressed with xz: use gzip, or unpack it"),
    (b"\x28\xb5\x2f\xfd", "the file is compressed with Zstandard: use gzip, or unpack it"),
    (b"%PDF", "the file is a PDF: a manifest names S3 prefixes, in JSONL or CSV"),
    (b"<", "the file is HTML or XML: a manifest is JSONL or CSV"),
)
_YAML: Final = re.compile(rb"---|%YAML|- |[A-Za-z_]+:(?:\s|$)")


class Form(StrEnum):
    """How the lines of a manifest are written."""

    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One good line of a manifest: each field has its type; whether the values can work is seen when it is planned."""

    line: int
    prefix: str
    kinds: tuple[str, ...] | None = None
    language: str | None = None
    input_format: str | None = None
    output: str | None = None
    target: str | None = None
    label: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One thing that is wrong with one line. `field` is None where the line as a whole is wrong; `reason` is safe."""

    line: int
    field: str | None
    reason: str


def entries(lines: Iterable[bytes], *, form: Form | None = None) -> Iterator[Entry | Rejection]:
    """Every line as an entry, or as one rejection or more, in the order of the lines. Never raises for any bytes.

    `lines` are whole lines, with their ends or without. Without a `form`, the first line that is not blank tells: it
    begins with `{` in JSONL. Blank lines are skipped. What is wrong with the file as a whole (UTF-16, gzip, the CSV
    header) is one rejection, and nothing follows it.
    """
    numbered = _numbered(lines)
    first = next(numbered, None)
    if first is None:
        return
    number, line = first
    if reason := _not_a_manifest(line):
        yield Rejection(line=number, field=None, reason=reason)
        return
    if form is None:
        form = Form.JSONL if line.lstrip(_BLANK).startswith(b"{") else Form.CSV
    yield from (_jsonl if form is Form.JSONL else _csv)(chain((first,), numbered))


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a byte stream in bounded memory, for `entries`. LF, CRLF and CR end a line.

    Of a line that is too long only its beginning is kept, one byte more than is allowed.
    """
    rest, after_cr = b"", False
    for chunk in filter(None, chunks):
        part = chunk[1:] if after_cr and chunk.startswith(b"\n") else chunk
        after_cr = chunk.endswith(b"\r")
        *whole, last = part.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            yield (rest + line)[: LINE_MAX_BYTES + 1]
            rest = b""
        if len(rest) <= LINE_MAX_BYTES:
            rest = (rest + last)[: LINE_MAX_BYTES + 1]
    if rest:
        yield rest


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank with their numbers, the first without its byte order mark."""
    for number, line in enumerate(lines, start=1):
        if number == 1 and line.startswith(BOM_UTF8):
            line = line.removeprefix(BOM_UTF8)
        if line and not line.isspace():
            yield number, line


def _not_a_manifest(line: bytes) -> str | None:
    if line.startswith((BOM_UTF16_BE, BOM_UTF16_LE)) or (line[:1] == b"\0") != (line[1:2] == b"\0"):
        return "the file is UTF-16: save it as UTF-8"
    if line.startswith(_GZIP):
        return "the file is compressed with gzip twice: unpack it once"
    for beginning, reason in _MISTAKEN:
        if line.startswith(beginning):
            return reason
    text = line.strip()
    if text.startswith(b"["):
        return "the file is a JSON array: write one JSON object per line"
    if text == b"{":
        return "the file has a JSON object on several lines: write one JSON object per line"
    if _YAML.match(text):
        return "the file is YAML: a manifest is JSONL (one JSON object per line) or CSV"
    return None


def _text(line: bytes) -> str:
    """The line as text without its end; `ValueError` says what is wrong with its bytes."""
    if len(line) > LINE_MAX_BYTES:
        raise ValueError(f"longer than {LINE_MAX_BYTES:,} bytes")
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"not UTF-8: byte 0x{line[error.start]:02x} at position {error.start + 1:,}; save the file as UTF-8"
        ) from None
    if "\0" in text:
        raise ValueError(f"contains a NUL character at position {text.index(chr(0)) + 1:,}")
    return text.rstrip("\r\n")


def _jsonl(lines: Iterable[tuple[int, bytes]]) -> Iterator[Entry | Rejection]:
    for number, line in lines:
        try:
            fields = strict_json.parse(_text(line))
        except ValueError as error:
            yield Rejection(line=number, field=None, reason=str(error))
            continue
        if isinstance(fields, dict):
            yield from _entry(number, fields)
        else:
            yield Rejection(line=number, field=None, reason=f"must be a JSON object, not {shown(fields)}")


def _csv(lines: Iterator[tuple[int, bytes]]) -> Iterator[Entry | Rejection]:
    number, line = next(lines)
    try:
        header = [name.strip() for name in _cells(_text(line))]
        _check_header(header)
    except ValueError as error:
        yield Rejection(line=number, field=None, reason=f"CSV header: {error}")
        return
    for number, line in lines:
        try:
            cells = _cells(_text(line))
            if len(cells) != len(header):
                raise ValueError(f"has {len(cells):,} cells, the header has {len(header)}")
        except ValueError as error:
            yield Rejection(line=number, field=None, reason=str(error))
            continue
        fields: dict[str, Any] = {name: cell for name, cell in zip(header, cells, strict=True) if cell}
        if "kinds" in fields:
            fields["kinds"] = [kind.strip() for kind in fields["kinds"].split("|")]
        if "request" in fields:
            try:
                fields["request"] = strict_json.parse(fields["request"])
            except ValueError as error:
                yield Rejection(line=number, field="request", reason=str(error))
                continue
        yield from _entry(number, fields)


def _cells(text: str) -> list[str]:
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader((text,), strict=True))
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise ValueError("a quoted cell is not closed on its line") from None
        raise ValueError(f"not CSV: {error}") from None


def _check_header(header: list[str]) -> None:
    unknown = [name for name in header if name not in _FIELDS]
    wrong = [f"{shown(name)} is unknown ({suggestion(name, _FIELDS)})" for name in unknown[:_COLUMNS_TOLD]]
    if len(unknown) > _COLUMNS_TOLD:
        wrong.append(f"so are {len(unknown) - _COLUMNS_TOLD:,} more")
    wrong += [f"{name!r} is given twice" for name in _FIELDS if header.count(name) > 1]
    if "prefix" not in header:
        wrong.append("the column 'prefix' is missing")
        if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
            wrong.append("cells are separated by commas")
        elif any(name.startswith("s3://") for name in header):
            wrong.append("the first line names the columns, such as prefix,kinds,language")
    if wrong:
        raise ValueError("; ".join(wrong))


def _entry(line: int, fields: dict[str, Any]) -> list[Entry] | list[Rejection]:
    wrong: list[Rejection] = []
    for name, value in fields.items():
        if reason := _wrong(name, value):
            if len(wrong) == _REJECTIONS_MAX:
                return [*wrong, Rejection(line=line, field=None, reason="and more")]
            wrong.append(Rejection(line=line, field=named(name), reason=reason))
    if "prefix" not in fields:
        wrong.append(Rejection(line=line, field="prefix", reason="is missing"))
    if wrong:
        return wrong
    if "kinds" in fields:
        fields["kinds"] = tuple(fields["kinds"])
    return [Entry(line=line, **fields)]


def _wrong(name: str, value: object) -> str | None:
    """What is wrong with one field of a line, or None."""
    expected = _FIELDS.get(name)
    if expected is None:
        return f"is unknown: {suggestion(name, _FIELDS)}"
    if value is None:
        return "is null: give a value or leave it out"
    if type(value) is not expected:
        return f"must be {_ARTICLES[expected]}, not {shown(value)}"
    if isinstance(value, str):
        return _wrong_text(name, value)
    if isinstance(value, list):
        return _wrong_kinds(value)
    return None


def _wrong_text(name: str, text: str) -> str | None:
    if not text:
        return "is empty"
    if not text.isprintable() and (found := unsafe(text)):
        return f"{shown(text)} contains {found}"
    if name == "label" and len(text) > LABEL_MAX_CHARACTERS:
        return f"takes at most {LABEL_MAX_CHARACTERS} characters, has {len(text):,}"
    return None


def _wrong_kinds(kinds: list[object]) -> str | None:
    if not kinds:
        return "is an empty list: name at least one kind or leave it out"
    if len(kinds) > _KINDS_MAX:
        return f"names {len(kinds):,} kinds: there are not so many"
    for kind in kinds:
        if not isinstance(kind, str):
            return f"must be {_ARTICLES[list]}, not {shown(kind)}"
    return None
