"""Documents as the service reads them: which objects, which lines, which names, and what it refuses."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.sandbox.documents import LIMITS, Document, Refusal, documents, locate, sources

LINES = st.lists(st.sampled_from(["", "a", "é", "\u2028", "two words", "\r", "\n", "\r\n", "\x0b", "\x85", "🙂"]))


def per_line(body: bytes, **options: object) -> list[Document | Refusal]:
    return list(documents(body, file="f", input_format="ONE_DOC_PER_LINE", **options))  # type: ignore[arg-type]


def simple_lines(text: str) -> list[str]:
    """The rule in its plainest form: three line ends, and the last one begins no line."""
    lines = re.sub("\r\n|\r", "\n", text).split("\n")
    return lines if lines[-1] else lines[:-1]


@settings(deadline=None)
@given(LINES.map("".join))
def test_lines_are_those_of_a_simple_reference(text: str) -> None:
    """LF, CR and CRLF end a line, and nothing else does, U+2028 included (facts 1.7)."""
    found = per_line(text.encode())

    assert [item.text for item in found if isinstance(item, Document)] == simple_lines(text)
    assert [item.line for item in found] == list(range(len(found)))


@settings(deadline=None)
@given(LINES.map("".join))
def test_lines_and_their_ends_make_the_object_again(text: str) -> None:
    """No character is lost, so that a redacted copy can keep the line structure."""
    found = per_line(text.encode())

    assert "".join(item.text + item.ending for item in found if isinstance(item, Document)) == text
    assert all(text.encode()[item.start_byte :].startswith(item.text.encode()) for item in found)  # type: ignore[union-attr]


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_give_documents_up_to_the_first_bad_line(body: bytes) -> None:
    """A line that is not UTF-8 is an error record and the last thing of its file; what precedes it stays (4.4)."""
    found = per_line(body)

    refused = [item for item in found if isinstance(item, Refusal)]
    assert refused in ([], found[-1:])
    assert all(item.code == "UNSUPPORTED_ENCODING" for item in refused)


def test_a_bad_line_silently_drops_the_rest() -> None:
    """Lines before it are documents, it is an error with its number, lines after it are not mentioned."""
    found = per_line(b"one\ntwo\ncaf\xe9\nfour\n")

    assert [type(item) for item in found] == [Document, Document, Refusal]
    assert found[-1].line == 2
    assert "all subsequent lines are ignored" in found[-1].message  # type: ignore[union-attr]


def test_a_document_may_be_as_long_as_its_limit_and_no_longer() -> None:
    """The limit counts bytes, not characters, and the message names it (facts 4.4)."""
    limit = LIMITS["sentiment"].document_bytes_max
    body = b"a" * limit + b"\n" + "é".encode() * (limit // 2) + b"a\nfine\n"

    found = per_line(body, document_bytes_max=limit)

    assert [type(item) for item in found] == [Document, Refusal, Document]
    assert isinstance(found[1], Refusal)
    assert (found[1].code, found[1].line) == ("DOCUMENT_SIZE_EXCEEDED", 1)
    assert found[1].message == "Document size exceeds maximum size limit 5120 bytes."


def test_one_document_per_file_is_the_whole_object() -> None:
    """Line ends are part of the document, and there is no line number."""
    (item,) = documents(b"one\r\ntwo\n", file="f", input_format="ONE_DOC_PER_FILE")

    assert item == Document(file="f", line=None, text="one\r\ntwo\n")


def test_a_blank_line_is_a_document_unless_switched_off() -> None:
    """UNKNOWN at AWS (facts 1.7). Skipped lines keep their numbers, so that results still join on (File, Line)."""
    body = b"one\n\n  \nfour"

    assert [item.line for item in per_line(body)] == [0, 1, 2, 3]
    assert [item.line for item in per_line(body, blank_lines="skip")] == [0, 3]


def test_documents_come_one_at_a_time() -> None:
    """Reading the first document does not look at the second."""
    found = iter(documents(b"good\n\xff\n", file="f", input_format="ONE_DOC_PER_LINE"))

    assert isinstance(next(found), Document)


@pytest.mark.parametrize(
    ("prefix", "key", "file"),
    [
        ("corpus/", "corpus/a.txt", "a.txt"),
        ("corpus/", "corpus/2024/01/a.txt", "2024/01/a.txt"),
        ("corpus/a.txt", "corpus/a.txt", "a.txt"),
        ("", "deep/a.txt", "deep/a.txt"),
        ("MovieData", "MovieData2/a.txt", "MovieData2/a.txt"),
    ],
)
def test_file_is_the_base_name_or_relative_to_the_prefix(prefix: str, key: str, file: str) -> None:
    """A single object gives its base name, a folder gives paths below it; `MovieData` also takes `MovieData2` (4.5)."""
    assert [source.file for source in sources([(key, 9)], prefix)] == [file]


@settings(deadline=None)
@given(st.sets(st.text(alphabet="ab/", min_size=1)), st.text(alphabet="ab/"))
def test_no_two_objects_share_a_name(keys: set[str], prefix: str) -> None:
    """Every key that begins with the prefix is a source, under a name of its own."""
    found = sources([(key, 1) for key in sorted(keys)], prefix)

    assert [source.key for source in found] == sorted(key for key in keys if key.startswith(prefix))
    assert len({source.file for source in found}) == len(found)


def test_an_empty_folder_object_is_no_document() -> None:
    """Consoles make such objects; with content they count like any other."""
    assert sources([("a/", 0), ("a/b/", 0)], "a/") == []
    assert len(sources([("a/b/", 5), ("a/c", 0)], "a/")) == 2


def test_an_s3_uri_is_a_bucket_and_a_key() -> None:
    """The key may be empty and may hold slashes."""
    assert locate("s3://bucket/a/b.txt") == ("bucket", "a/b.txt")
    assert locate("s3://bucket") == locate("s3://bucket/") == ("bucket", "")
