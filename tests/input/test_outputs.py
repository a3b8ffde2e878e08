"""The output reader stops: whatever it is given, it reads and keeps no more than its limits."""

import gzip
import io
import tarfile

import pytest

from fleet.core.output import Limits, read_archive, read_records
from fleet.core.verdict import Output
from tests.input.endless import Endless


def member(name: str, kind: bytes, body: bytes = b"") -> bytes:
    header = tarfile.TarInfo(name)
    header.type, header.size = kind, len(body)
    return header.tobuf() + body + bytes(-len(body) % 512)


FOLDER = member("d", tarfile.DIRTYPE)
MEMBER = member("output", tarfile.REGTYPE, b'{"File": "a"}\n')
LIMITS = Limits(total_bytes=8 << 20, line_bytes=1 << 20, files=1_000)


def test_a_line_without_end_is_read_as_far_as_a_line_may_go() -> None:
    """One limit of memory, and then a verdict."""
    endless, output = Endless(b"x" * 1024), Output()

    read_records(io.BufferedReader(endless), output, LIMITS)

    assert output.broken == "a line is longer than 1048576 bytes"
    assert endless.given < 2 << 20


@pytest.mark.parametrize(
    ("piece", "says"),
    [
        (bytes(1 << 20), "the archive has something behind its end"),
        (FOLDER * 2_000, "the archive has more than 3000 members"),
        (MEMBER, "two members of the archive have the same name"),
    ],
)
def test_an_archive_without_end_is_not_read_to_its_end(
    piece: bytes, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros, folders or members without end behind an honest one; gzip in pieces makes them a thousandth of that."""
    monkeypatch.setattr("fleet.core.archive.MEMBERS_MAX", 3_000)  # a million take half a minute
    end = b"" if piece.strip(b"\0") else bytes(1024)
    endless, output = Endless(gzip.compress(piece), first=gzip.compress(MEMBER + end)), Output()

    read_archive(io.BufferedReader(endless), output, LIMITS)

    assert output.broken == says
    assert output.documents == {"a": 1}
    assert endless.given < 16 << 20


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (b'{"File": "%d"}\n', "the output speaks of more files than the input can have"),
        (b'{"File": "%d", "ErrorCode": "X"}\n', "the output speaks of more files than the input can have"),
    ],
)
def test_names_of_files_cannot_fill_the_memory(record: bytes, says: str) -> None:
    """A million names of files that nobody has are too many after a few thousand."""
    output = Output()

    read_records(io.BytesIO(b"".join(record % number for number in range(5_000))), output, LIMITS)

    assert output.broken == says
    assert len(output.documents) + len(output.failed) <= 2_001


def test_codes_and_messages_cannot_fill_the_memory() -> None:
    """Codes beyond the first fifty count as OTHER, texts are cut, the first twenty errors are kept."""
    record = b'{"File": "a", "Line": %d, "ErrorCode": "C%d", "ErrorMessage": "' + b"m" * 10_000 + b'"}\n'
    output = Output()

    read_records(io.BytesIO(b"".join(record % (number, number) for number in range(100))), output, LIMITS)

    assert output.broken is None
    assert (len(output.codes), output.codes["OTHER"], output.failed["a"]) == (51, 50, 100)
    assert [len(error.message) for error in output.errors] == [1_000] * 20
