"""The demo corpus: made the same each time, large enough, and honest about what is in it."""

import io
import json
import tarfile
from collections import Counter
from typing import Any

import pytest

from fleet.sandbox.analysis import analyse
from fleet.sandbox.configure import read_switches
from fleet.sandbox.corpus import Corpus, make, upload
from fleet.sandbox.output import is_redaction
from fleet.sandbox.store import MemoryStore
from fleet.sandbox.switches import Switches
from fleet.sandbox.worker import JobFailed, Worker

KINDS = {"entities", "key_phrases", "pii_entities", "sentiment", "targeted_sentiment"}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """The corpus of the demo."""
    return make()


@pytest.fixture(scope="module")
def entries(corpus: Corpus) -> list[dict[str, Any]]:
    """Its manifest."""
    return [json.loads(line) for line in corpus.manifest.splitlines()]


def start_request(entry: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "InputDataConfig": {"S3Uri": entry["prefix"], "InputFormat": entry["input_format"]},
        "OutputDataConfig": {"S3Uri": "s3://corpus-out/results/"},
        **entry.get("request", {}).get(kind, {}),
    }


def test_the_same_seed_gives_the_same_corpus(corpus: Corpus) -> None:
    """Objects, manifest and ground truth; another seed gives other texts."""
    assert make() == corpus
    assert make(seed=2).objects != corpus.objects


def test_it_is_hundreds_of_prefixes_of_all_kinds(corpus: Corpus, entries: list[dict[str, Any]]) -> None:
    """At least 300 prefixes and 500 jobs, every kind among them often, both input formats, few objects."""
    kinds = Counter(kind for entry in entries for kind in entry["kinds"])

    assert len({entry["prefix"] for entry in entries}) == len(entries) == corpus.prefixes >= 300
    assert 500 <= sum(kinds.values()) == corpus.jobs <= 600
    assert set(kinds) == KINDS
    assert min(kinds.values()) >= 50
    assert {entry["input_format"] for entry in entries} == {"ONE_DOC_PER_LINE", "ONE_DOC_PER_FILE"}
    assert len(corpus.objects) < 2 * corpus.prefixes


def test_a_smaller_corpus_keeps_the_special_prefixes() -> None:
    """The size is the caller's, and every prefix counts."""
    small = make(prefixes=20)

    assert small.prefixes == small.manifest.count("\n") == 20
    assert {"forbidden", "empty", "overlong", "mojibake"} <= {
        json.loads(line)["label"] for line in small.manifest.splitlines()
    }


def test_some_jobs_redact(corpus: Corpus, entries: list[dict[str, Any]]) -> None:
    """In both modes, by AWS's own request syntax under the kind's name."""
    asked = [(kind, start_request(entry, kind)) for entry in entries for kind in entry["kinds"]]
    configs = [request["RedactionConfig"] for kind, request in asked if is_redaction(kind, request)]

    assert {config["MaskMode"] for config in configs} == {"MASK", "REPLACE_WITH_PII_ENTITY_TYPE"}


def test_planted_values_are_where_the_truth_says(corpus: Corpus) -> None:
    """The ground truth has the offsets of each planted value in its document."""
    for planted in corpus.planted:
        text = corpus.objects[planted.key].decode()
        document = text if planted.line is None else text.split("\n")[planted.line]
        assert document[planted.begin : planted.end] == planted.text


def test_planted_personal_data_is_found(corpus: Corpus) -> None:
    """At least 99 of 100 values with their exact extent and type, and no type below 9 of 10."""
    found: dict[tuple[str, int | None], set[tuple[str, int, int]]] = {}
    hits, all_of = Counter[str](), Counter[str]()
    for planted in corpus.planted:
        place = (planted.key, planted.line)
        if place not in found:
            text = corpus.objects[planted.key].decode()
            document = text if planted.line is None else text.split("\n")[planted.line]
            spans = analyse("pii_entities", document, {})["Entities"]
            found[place] = {(span["Type"], span["BeginOffset"], span["EndOffset"]) for span in spans}
        all_of[planted.type] += 1
        hits[planted.type] += (planted.type, planted.begin, planted.end) in found[place]

    assert hits.total() >= 0.99 * all_of.total()
    assert {kind: hits[kind] for kind in all_of if hits[kind] < 0.9 * all_of[kind]} == {}


async def test_only_the_jobs_that_must_fail_fail(corpus: Corpus, entries: list[dict[str, Any]]) -> None:
    """One for access and one for no input; every other input keeps the limits of its kind."""
    store = MemoryStore()
    await upload(corpus, store)
    switches = read_switches(corpus.toml())
    failed = {}
    for entry in entries:
        for kind in entry["kinds"]:
            try:
                await Worker(store).inspect(kind, start_request(entry, kind), switches)
            except JobFailed as error:
                failed[entry["prefix"]] = error.code

    assert failed == {
        **dict.fromkeys(corpus.unreadable, "NO_READ_ACCESS_TO_INPUT"),
        **dict.fromkeys(corpus.empty, "NO_INPUT_FILES"),
    }


async def test_partial_prefixes_have_refused_documents(corpus: Corpus, entries: list[dict[str, Any]]) -> None:
    """Two over-long reviews, and a bad line that also drops the rest of its file (facts 1.7, 4.4)."""
    store = MemoryStore()
    await upload(corpus, store)
    refused: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    for entry in entries:
        if entry["prefix"] in corpus.partial:
            (kind,) = entry["kinds"]
            request = start_request(entry, kind)
            await Worker(store).perform(kind, request, "s3://corpus-out/output.tar.gz", Switches())
            with tarfile.open(fileobj=io.BytesIO(await store.read("corpus-out", "output.tar.gz"))) as tar:
                records = [json.loads(line) for line in tar.extractfile("output").read().splitlines()]  # type: ignore[union-attr]
            lines[entry["label"]] = len(records)
            refused[entry["label"]] = [record["ErrorCode"] for record in records if "ErrorCode" in record]

    assert refused == {"overlong": ["DOCUMENT_SIZE_EXCEEDED"] * 2, "mojibake": ["UNSUPPORTED_ENCODING"]}
    assert lines == {"overlong": 24, "mojibake": 22}


async def test_upload_puts_every_object_there(corpus: Corpus) -> None:
    """And makes both buckets."""
    store = MemoryStore()

    await upload(corpus, store)

    assert store.buckets == {corpus.input_bucket: dict(corpus.objects), corpus.output_bucket: {}}


def test_the_custom_recognizer_finds_its_clauses(corpus: Corpus, entries: list[dict[str, Any]]) -> None:
    """One entry names a recognizer, and the corpus has its terms."""
    (arn,) = corpus.recognizers
    (entry,) = (entry for entry in entries if entry["label"] == "clauses")
    text = corpus.objects["clauses/part-0.txt"].decode()

    assert entry["request"] == {"entities": {"EntityRecognizerArn": arn}}
    spans = analyse("entities", text, {"EntityRecognizerArn": arn}, corpus.recognizers)["Entities"]
    assert {span["Type"] for span in spans} <= set(corpus.recognizers[arn])
    assert spans


def test_the_corpus_says_its_switches_in_toml(corpus: Corpus) -> None:
    """What a sandbox must be told of the corpus can be put behind any other top-level switches."""
    switches = read_switches(f"time_scale = 160\n{corpus.toml()}")

    assert switches.time_scale == 160
    assert switches.unreadable == corpus.unreadable
    assert switches.recognizers == {arn: dict(types) for arn, types in corpus.recognizers.items()}
