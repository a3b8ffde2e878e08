"""Outputs as Comprehend writes them, and as it never should: counted right, or called unreadable."""

import gzip
import io
import itertools
import json
import tarfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.core.output import Limits, LineCounter, file_name, read_archive, read_records, read_text
from fleet.core.verdict import Output

RECORDS = [
    {"File": "a.txt", "Line": 0, "Entities": [{"Text": "x", "BeginOffset": 0, "EndOffset": 1}]},
    {"File": "a.txt", "Line": 1, "ErrorCode": "DOCUMENT_SIZE_EXCEEDED", "ErrorMessage": "Document size exceeds"},
    {"File": "b.txt", "Line": 0, "Entities": []},
]


def archive(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, body in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.size = len(body) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(body))
    return io.BytesIO(packed.getvalue())


def lines(*records: Any) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def test_an_archive_is_counted_document_by_document() -> None:
    """Analysed documents and per-document errors are counted by file, whichever member holds them."""
    output = Output()

    read_archive(archive(("output", lines(*RECORDS[:2])), ("more", lines(RECORDS[2]))), output, Limits())

    assert output.broken is None
    assert output.documents == {"a.txt": 1, "b.txt": 1}
    assert output.failed == {"a.txt": 1}
    assert output.codes == {"DOCUMENT_SIZE_EXCEEDED": 1}
    assert output.errors[0].line == 1


def test_only_the_head_is_read_when_that_is_enough() -> None:
    """A limit on records stops the reading after that many."""
    output = Output()

    read_archive(archive(("output", lines(*RECORDS))), output, Limits(records=2))

    assert output.documents.total() + output.failed.total() == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "cannot be read"),
        (b"not a gzip at all", "cannot be read"),
        (gzip.compress(b"not a tar" * 200), "cannot be read"),
        (archive(("output", lines(*RECORDS) * 5000)).getvalue()[:-2000], "cannot be read"),
        (archive(("output", b""), kind=tarfile.SYMTYPE).getvalue(), "not a regular file"),
        (archive(("../../etc/passwd", b""), kind=tarfile.CHRTYPE).getvalue(), "not a regular file"),
        (archive(("output", b"{broken\n")).getvalue(), "not what Comprehend writes"),
        (archive(("output", b'{"Line": 0}\n')).getvalue(), "not what Comprehend writes"),
        (archive(("output", b"[" * 100_000 + b"\n")).getvalue(), "not what Comprehend writes"),
        (archive(("output", b"x" * 300_000)).getvalue(), "longer than 200000 bytes"),
        (archive(("output", b"\n" * 5_000_000)).getvalue(), "more than 4000000 bytes"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "body",
)
def test_what_is_not_an_output_is_called_broken(body: bytes, says: str) -> None:
    """Damage, bombs, links and nonsense end in a reason, never in an exception or in unbounded reading."""
    output = Output()

    read_archive(io.BytesIO(body), output, Limits(total_bytes=4_000_000, line_bytes=200_000))

    assert output.broken is not None
    assert says in output.broken


def test_a_redacted_copy_counts_its_lines() -> None:
    """Redaction keeps lines, so a redacted object counts one document a line, or one for the whole file."""
    output = Output()

    read_text(io.BytesIO(b"one\ntwo\nthree"), "a.txt", output, per_line=True)
    read_text(io.BytesIO(b"one\ntwo\nthree"), "b.txt", output, per_line=False)

    assert output.documents == {"a.txt": 3, "b.txt": 1}


def test_records_stop_at_the_first_bad_one() -> None:
    """What comes after a broken record is not trusted."""
    output = Output()

    read_records(io.BytesIO(lines(RECORDS[0]) + b"\xff\xfe\n" + lines(RECORDS[2])), output, Limits())

    assert output.documents.total() == 1
    assert output.broken


@given(text=st.text(alphabet="ab \r\n\u2028", max_size=60), cuts=st.lists(st.integers(0, 60), max_size=5))
def test_lines_are_counted_alike_however_they_arrive(text: str, cuts: list[int]) -> None:
    """LF, CR and CRLF end a line, also across chunk borders; U+2028 does not (facts sheet, 1.7)."""
    body = text.encode()
    borders = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    counter = LineCounter()

    for begin, end in itertools.pairwise(borders):
        counter.feed(body[begin:end])

    parts = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    expected = parts[:-1] if not parts[-1] else parts
    assert counter.total == len(expected)
    assert counter.demanded == sum(bool(part.strip()) for part in expected)


@pytest.mark.parametrize(
    ("prefix", "key", "name"),
    [
        ("in/2024/", "in/2024/a.txt", "a.txt"),
        ("in/2024/", "in/2024/deep/a.txt", "deep/a.txt"),
        ("in/2024/a.txt", "in/2024/a.txt", "a.txt"),
        ("in/20", "in/2024/a.txt", "2024/a.txt"),
        ("", "a/b.txt", "a/b.txt"),
    ],
)
def test_files_are_named_below_the_prefix(prefix: str, key: str, name: str) -> None:
    """`File` is the path below the input prefix, and the base name for a single object (facts sheet, 4.1)."""
    assert file_name(prefix, key) == name
