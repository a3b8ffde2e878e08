"""What a job writes, seen from outside: a line for each document, offsets that hold, and the same bytes every time."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.conftest import TERMINAL, Place
from tests.conformance.drivers import Boto3
from tests.conformance.shapes import STEMS, minimal_request, name_of

SandboxAt = Callable[..., Place]
Documents = dict[str, bytes]
PROPERTY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Words that an analysis has something to say of, and characters that are easily miscounted.
WORDS = [
    "Alice Smith",
    " loves ",
    "Paris",
    " bob@example.com ",
    " 4111 1111 1111 1111 ",
    " was awful",
    " the new phone. ",
]
ODD = ["😀", "e\u0301", "\u2028", "\x85", "\ufeff", "\x00", "日本", "\U0001f469\u200d\U0001f52c"]
# All of Unicode that UTF-8 can carry, but the line ends.
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12)
TEXT = st.lists(st.one_of(ANY, st.sampled_from(WORDS), st.sampled_from(ODD)), max_size=12).map("".join)
# A job reads 500 bytes at least (facts sheet 1.7).
FILLER = ("Nothing here.\n" * 40).encode()


@PROPERTY
@given(stem=st.sampled_from(STEMS), texts=st.lists(TEXT, max_size=5), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_offsets_hold_for_every_line(sandbox_at: SandboxAt, stem: str, texts: list[str], end: str) -> None:
    """ONE_DOC_PER_LINE: each line is answered once, by File and Line, and its offsets are those of its own text."""
    documents = {"some.txt": "".join(f"{text}{end}" for text in texts).encode(), "z.txt": FILLER}

    lines = _lines(stem, _ran(sandbox_at(), stem, documents, "ONE_DOC_PER_LINE"))

    found = {line["Line"]: line for line in lines if line["File"] == "some.txt"}
    assert len(lines) == len(texts) + FILLER.count(b"\n")
    assert sorted(found) == list(range(len(texts)))
    for number, text in enumerate(texts):
        _check(found[number], text)


@PROPERTY
@given(stem=st.sampled_from(STEMS), texts=st.lists(st.lists(TEXT).map("\r\n".join), max_size=4))
def test_offsets_hold_for_every_file(sandbox_at: SandboxAt, stem: str, texts: list[str]) -> None:
    """ONE_DOC_PER_FILE: each file is answered once, without Line, and its line ends count as they are."""
    documents = {f"sub/{number}.txt": text.encode() for number, text in enumerate(texts)} | {"z.txt": FILLER}

    lines = _lines(stem, _ran(sandbox_at(), stem, documents, "ONE_DOC_PER_FILE"))

    found = {line["File"]: line for line in lines}
    assert sorted(found) == sorted(documents)
    for name, text in zip(documents, texts, strict=False):
        assert "Line" not in found[name]
        _check(found[name], text)


@PROPERTY
@given(
    stem=st.sampled_from(STEMS),
    texts=st.lists(TEXT, max_size=4),
    form=st.sampled_from(["ONE_DOC_PER_LINE", "ONE_DOC_PER_FILE"]),
)
def test_the_same_input_gives_the_same_bytes(sandbox_at: SandboxAt, stem: str, texts: list[str], form: str) -> None:
    """Another sandbox, another seed, another job, another time: not a byte of the output is another one."""
    documents = {"some.txt": "\n".join(texts).encode(), "z.txt": FILLER}

    once = _ran(sandbox_at(seed=1), stem, documents, form)
    again = _ran(sandbox_at(seed=2, work_at_once=1), stem, documents, form)

    assert once == again
    assert once


@PROPERTY
@given(texts=st.lists(TEXT, min_size=1, max_size=4), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_redaction_keeps_lines_and_all_that_is_not_personal(sandbox_at: SandboxAt, texts: list[str], end: str) -> None:
    """ONLY_REDACTION: the offsets of the same text say what is masked, and nothing else is changed."""
    stem, documents = "PiiEntitiesDetectionJob", {"some.txt": end.join(texts).encode(), "z.txt": FILLER}
    redaction = {"PiiEntityTypes": ["ALL"], "MaskMode": "REPLACE_WITH_PII_ENTITY_TYPE"}

    lines = _lines(stem, _ran(sandbox_at(), stem, documents, "ONE_DOC_PER_LINE"))
    redacted = _ran(sandbox_at(), stem, documents, "ONE_DOC_PER_LINE", Mode="ONLY_REDACTION", RedactionConfig=redaction)

    found = {line["Line"]: line["Entities"] for line in lines if line["File"] == "some.txt"}
    expected = end.join(_replaced(text, found.get(number, [])) for number, text in enumerate(texts))
    assert redacted["some.txt.out"].decode() == expected


@pytest.mark.parametrize("stem", STEMS)
def test_the_output_is_where_describe_says(sandbox_at: SandboxAt, stem: str) -> None:
    """A gzip tar with one member for four kinds, one .out object for each input file for PII (facts sheet 4)."""
    written = _ran(sandbox_at(), stem, {"b/one.txt": FILLER, "two.txt": FILLER}, "ONE_DOC_PER_LINE")

    assert sorted(written) == (["b/one.txt.out", "two.txt.out"] if "Pii" in stem else ["output.tar.gz"])


def _ran(place: Place, stem: str, documents: Documents, form: str, **changes: Any) -> dict[str, bytes]:
    """What a job over the documents wrote, by name below its output."""
    with place.client() as client:
        prefix = f"{client.account}/"
        for name, body in documents.items():
            place.write(prefix + name, body)
        job = _ended(client, stem, prefix, form, changes)
    assert job["JobStatus"] == "COMPLETED", job.get("Message")
    uri = job["OutputDataConfig"]["S3Uri"]
    written = place.outputs(uri)
    return written if uri.endswith("/") else {uri.rpartition("/")[2]: written[""]}


def _ended(client: Boto3, stem: str, prefix: str, form: str, changes: dict[str, Any]) -> dict[str, Any]:
    given_input = {"S3Uri": f"s3://corpus-in/{prefix}", "InputFormat": form}
    request = minimal_request(name_of("Start", stem), InputDataConfig=given_input, **changes)
    started = client.call(name_of("Start", stem), request)
    while True:
        answer = client.call(name_of("Describe", stem), {"JobId": started.body["JobId"]})
        properties: dict[str, Any] = answer.body[f"{stem}Properties"]
        if properties["JobStatus"] in TERMINAL:
            return properties


def _lines(stem: str, written: dict[str, bytes]) -> list[dict[str, Any]]:
    """The JSON objects of an output, one for each document."""
    if "Pii" in stem:
        bodies = [body for name, body in written.items() if name.endswith(".out")]
    else:
        with tarfile.open(fileobj=io.BytesIO(written["output.tar.gz"]), mode="r:gz") as tar:
            bodies = [file.read() for member in tar if (file := tar.extractfile(member)) is not None]
    return [json.loads(line) for body in bodies for line in body.split(b"\n") if line]


def _check(line: dict[str, Any], text: str) -> None:
    """No error, and every span lies within the text and is what it says."""
    assert "ErrorCode" not in line, line
    for span in _spans(line):
        begin, end = span["BeginOffset"], span["EndOffset"]
        assert 0 <= begin < end <= len(text)
        assert 0 <= span["Score"] <= 1
        assert span.get("Text", text[begin:end]) == text[begin:end]


def _spans(value: Any) -> Iterator[dict[str, Any]]:
    """Everything with offsets, at any depth: entities, key phrases, mentions."""
    if isinstance(value, dict):
        if "BeginOffset" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            yield from _spans(member)


def _replaced(text: str, entities: list[dict[str, Any]]) -> str:
    for entity in sorted(entities, key=lambda one: one["BeginOffset"], reverse=True):
        text = f"{text[: entity['BeginOffset']]}[{entity['Type']}]{text[entity['EndOffset'] :]}"
    return text
