"""The bytes of an output: archive, member, JSON lines, error records and the plain files of PII."""

import gzip
import io
import json
import tarfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.sandbox.documents import Document, Refusal
from fleet.sandbox.output import archive, objects, render

LINE = Document(file="b/a.txt", line=3, text="I love Paris.", ending="\n")
FILE = Document(file="b/a.txt", line=None, text="I love Paris.\nI do.")
REFUSED = Refusal(file="a.txt", line=2, code="UNSUPPORTED_ENCODING", message="Bad.", ending="\n")
REDACTION = {"Mode": "ONLY_REDACTION", "RedactionConfig": {"PiiEntityTypes": ["ALL"], "MaskMode": "MASK"}}


def unpacked(body: bytes) -> dict[str, bytes]:
    """The members of a gzip tar."""
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("entities", ["Entities", "File", "Line"]),
        ("key_phrases", ["File", "KeyPhrases", "Line"]),
        ("pii_entities", ["Entities", "File", "Line"]),
        ("sentiment", ["File", "Line", "Sentiment", "SentimentScore"]),
        ("targeted_sentiment", ["Entities", "File", "Line"]),
    ],
)
def test_a_record_has_the_fields_of_its_kind(kind: str, fields: list[str]) -> None:
    """One JSON line; `Line` only for one document per line (facts 4.1, 4.2)."""
    line, file = (json.loads(render(kind, item, {})) for item in (LINE, FILE))

    assert list(line) == fields
    assert (line["File"], line["Line"]) == ("b/a.txt", 3)
    assert list(file) == [field for field in fields if field != "Line"]
    assert render(kind, LINE, {}).count(b"\n") == 1


def test_a_refused_document_is_an_error_record() -> None:
    """ErrorCode and ErrorMessage stand in place of results, in every kind (facts 4.4)."""
    for kind in ("entities", "sentiment", "pii_entities"):
        assert json.loads(render(kind, REFUSED, {})) == {
            "File": "a.txt",
            "Line": 2,
            "ErrorCode": "UNSUPPORTED_ENCODING",
            "ErrorMessage": "Bad.",
        }


def test_redaction_gives_plain_text_with_its_line_ends() -> None:
    """No JSON; a refused document leaves an empty line and never its text."""
    item = Document(file="a", line=0, text="Mail jane@example.com", ending="\r\n")

    assert render("pii_entities", item, REDACTION) == b"Mail ****************\r\n"
    assert render("pii_entities", REFUSED, REDACTION) == b"\n"


@settings(deadline=None)
@given(
    st.lists(st.text(), max_size=5), st.sampled_from(["entities", "key_phrases", "pii_entities", "targeted_sentiment"])
)
def test_the_same_documents_give_the_same_bytes(texts: list[str], kind: str) -> None:
    """The output is a function of documents and request: no clock, no order of a set, nothing from before."""

    def output() -> list[tuple[str, str, bytes]]:
        items = [Document(file="a", line=number, text=text) for number, text in enumerate(texts)]
        return list(objects(kind, {"a": [render(kind, item, {}) for item in items]}, "s3://out/x/output/"))

    assert output() == output()


@settings(deadline=None)
@given(st.dictionaries(st.text("abc/.", min_size=1, max_size=9).filter(lambda name: name.strip("/.")), st.binary()))
def test_an_archive_holds_what_was_put_in(members: dict[str, bytes]) -> None:
    """A gzip tar without a time stamp in either."""
    body = archive(members.items())

    assert body[4:8] == b"\0\0\0\0"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(body))) as tar:
        read = [tar.extractfile(entry).read() for entry in tar]  # type: ignore[union-attr]
    assert read == list(members.values())


def placed(kind: str, uri: str, **options: Any) -> dict[tuple[str, str], bytes]:
    files = {"a.txt": [b"1\n", b"2\n"], "b/c.txt": [b"3\n"], "empty.txt": []}
    return {(bucket, key): body for bucket, key, body in objects(kind, files, uri, **options)}


def test_the_tar_has_one_member_for_all_files() -> None:
    """It is named `output` and has one line for each document (facts 4)."""
    (((bucket, key), body),) = placed("entities", "s3://out/1-NER-2/output/output.tar.gz").items()

    assert (bucket, key) == ("out", "1-NER-2/output/output.tar.gz")
    assert unpacked(body) == {"output": b"1\n2\n3\n"}


def test_pii_is_a_plain_object_for_each_input_file() -> None:
    """`<file>.out` below the output prefix, also for a file without documents (facts 4)."""
    assert placed("pii_entities", "s3://out/1-PII-2/output/") == {
        ("out", "1-PII-2/output/a.txt.out"): b"1\n2\n",
        ("out", "1-PII-2/output/b/c.txt.out"): b"3\n",
        ("out", "1-PII-2/output/empty.txt.out"): b"",
    }


def test_the_layout_of_targeted_sentiment_is_a_switch() -> None:
    """One file as the guide says, or one for each input file as the CLI's examples say (facts 9)."""
    uri = "s3://out/1-TS-2/output/output.tar.gz"
    (one,) = placed("targeted_sentiment", uri).values()
    (many,) = placed("targeted_sentiment", uri, targeted_layout="per_input_file").values()

    assert unpacked(one) == {"output": b"1\n2\n3\n"}
    assert unpacked(many) == {"a.txt.out": b"1\n2\n", "b/c.txt.out": b"3\n", "empty.txt.out": b""}
