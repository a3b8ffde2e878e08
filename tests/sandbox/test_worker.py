"""A job's work from input to output: what fails it, with which Message, and what it leaves behind."""

import io
import json
import tarfile
from collections import Counter
from typing import Any

import pytest

from fleet.sandbox.store import MemoryStore, StoreError
from fleet.sandbox.switches import Switches
from fleet.sandbox.worker import Inspection, JobFailed, Worker

SENTENCE = "Anna Smith of Paris loves her new phone, and the battery is great."
LINES = "".join(f"{number} {SENTENCE}\n" for number in range(10)).encode()
TAR = "s3://out/results/1-NER-2/output/output.tar.gz"


def request(prefix: str = "s3://in/a/", **more: Any) -> dict[str, Any]:
    return {
        "InputDataConfig": {"S3Uri": prefix, "InputFormat": "ONE_DOC_PER_LINE"},
        "OutputDataConfig": {"S3Uri": "s3://out/results/"},
    } | more


async def inspect(request: dict[str, Any], store: MemoryStore, kind: str = "entities", **switches: Any) -> Inspection:
    return await Worker(store).inspect(kind, request, Switches(**switches))


async def perform(
    kind: str, request: dict[str, Any], uri: str, store: MemoryStore, *, fraction: float = 1.0, **switches: Any
) -> None:
    await Worker(store).perform(kind, request, uri, Switches(**switches), fraction=fraction)


@pytest.fixture
async def store() -> MemoryStore:
    """An input of two files of ten lines, and an empty output bucket."""
    store = MemoryStore("in", "out")
    await store.write("in", "a/one.txt", LINES)
    await store.write("in", "a/deep/two.txt", LINES)
    return store


async def records(store: MemoryStore, key: str) -> list[dict[str, Any]]:
    with tarfile.open(fileobj=io.BytesIO(await store.read("out", key))) as tar:
        lines = tar.extractfile("output").read().splitlines()  # type: ignore[union-attr]
    return [json.loads(line) for line in lines]


async def test_inspect_tells_what_a_job_would_read(store: MemoryStore) -> None:
    """Every key that begins with the prefix counts, and nothing is written."""
    found = await inspect(request("s3://in/a"), store, kind="entities")

    assert (len(found.sources), found.size_bytes) == (2, 2 * len(LINES))
    assert store.buckets["out"] == {}


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        (
            {},
            {"unreadable": ("s3://in/a",)},
            "NO_READ_ACCESS_TO_INPUT: The provided data access role does not have proper access to the input data.",
        ),
        (
            {"InputDataConfig": {"S3Uri": "s3://missing/a/"}},
            {},
            "NO_READ_ACCESS_TO_INPUT: The provided data access role does not have proper access to the input data.",
        ),
        (
            {},
            {"unwritable": ("s3://out/",)},
            "NO_WRITE_ACCESS_TO_OUTPUT: The provided data access role does not have write access to the output S3 URI.",
        ),
        (
            {"OutputDataConfig": {"S3Uri": "s3://missing/x", "KmsKeyId": "key"}},
            {},
            (
                "NO_WRITE_ACCESS_TO_OUTPUT: The provided data access role does not have write access to the output"
                " S3 URI or it does not have access to the output S3 KMS Key."
            ),
        ),
    ],
)
async def test_missing_access_fails_the_job(
    store: MemoryStore, changes: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    """With the Message that AWS gives, to the letter (facts 3.5)."""
    with pytest.raises(JobFailed) as failed:
        await inspect(request(**changes), store, **options)

    assert failed.value.message == message


@pytest.mark.parametrize(
    ("prefix", "limits", "code"),
    [
        ("s3://in/none/", {}, "NO_INPUT_FILES"),
        ("s3://in/a/", {"job_bytes_max": 100}, "INPUT_SIZE_EXCEEDED"),
        ("s3://in/a/", {"job_bytes_min": 10_000}, "INPUT_SIZE_TOO_SMALL"),
        ("s3://in/a/", {"files_max": 1}, "INPUT_FILES_EXCEEDED"),
    ],
)
async def test_an_input_outside_its_limits_fails_the_job(
    store: MemoryStore, prefix: str, limits: dict[str, int], code: str
) -> None:
    """The limits are documented (facts 1.7); that they fail the job, and these codes, are our reading."""
    with pytest.raises(JobFailed) as failed:
        await inspect(request(prefix), store, limits={"entities": limits})

    assert failed.value.code == code


async def test_an_input_below_500_bytes_is_too_small_except_for_a_recognizer(store: MemoryStore) -> None:
    """500 bytes for the built-in models, one byte for custom entities (facts 1.7)."""
    await store.write("in", "small.txt", b"A line.")

    with pytest.raises(JobFailed, match="INPUT_SIZE_TOO_SMALL"):
        await inspect(request("s3://in/small.txt"), store, kind="entities")
    found = await inspect(request("s3://in/small.txt", EntityRecognizerArn="arn:x/y"), store, kind="entities")
    assert found.size_bytes == 7


async def test_a_broken_store_is_not_missing_access(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no answer about rights goes through as it is."""

    async def broken(bucket: str, prefix: str) -> list[tuple[str, int]]:
        raise StoreError("Unavailable", "connection refused")

    monkeypatch.setattr(store, "keys", broken)
    with pytest.raises(StoreError, match="Unavailable"):
        await inspect(request(), store)


async def test_every_document_has_its_record(store: MemoryStore) -> None:
    """Joined on (File, Line), nothing is missing and nothing is there twice (facts 4.1)."""
    await perform("entities", request(), TAR, store)

    found = await records(store, "results/1-NER-2/output/output.tar.gz")
    assert [(record["File"], record["Line"]) for record in found] == [
        *(("deep/two.txt", line) for line in range(10)),
        *(("one.txt", line) for line in range(10)),
    ]


async def test_the_access_check_file_stays_behind(store: MemoryStore) -> None:
    """At the root of the user's output prefix, with or without a slash at its end (facts 4.5)."""
    await perform("entities", request(), TAR, store)
    await perform("entities", request(OutputDataConfig={"S3Uri": "s3://out/other"}), TAR, store)

    assert "results/.write_access_check_file.temp" in store.buckets["out"]
    assert "other/.write_access_check_file.temp" in store.buckets["out"]


@pytest.mark.parametrize(("fraction", "documents"), [(0.0, 0), (0.25, 5), (0.5, 10), (0.7, 14), (1.0, 20)])
async def test_a_stopped_job_leaves_the_first_documents(store: MemoryStore, fraction: float, documents: int) -> None:
    """Those already processed are in the output, in the layout of a whole one (facts 3.4)."""
    await perform("sentiment", request(), TAR, store, fraction=fraction)

    assert len(await records(store, "results/1-NER-2/output/output.tar.gz")) == documents


async def test_one_document_per_file_has_one_record_per_object(store: MemoryStore) -> None:
    """And no line number."""
    await perform(
        "key_phrases", request(InputDataConfig={"S3Uri": "s3://in/a/", "InputFormat": "ONE_DOC_PER_FILE"}), TAR, store
    )

    found = await records(store, "results/1-NER-2/output/output.tar.gz")
    assert [record["File"] for record in found] == ["deep/two.txt", "one.txt"]
    assert all("Line" not in record for record in found)


async def test_documents_over_the_limit_of_the_kind_are_refused(store: MemoryStore) -> None:
    """The job completes; the record of that line says why (facts 1.7, 4.4)."""
    await store.write("in", "long/a.txt", LINES + b"x" * 5121 + b"\n" + LINES)

    for kind, refused in (("sentiment", [10]), ("entities", [])):
        await perform(kind, request("s3://in/long/"), TAR, store)
        found = await records(store, "results/1-NER-2/output/output.tar.gz")
        assert len(found) == 21
        assert [record["Line"] for record in found if "ErrorCode" in record] == refused


async def test_a_large_document_is_analysed_like_any_other(store: MemoryStore) -> None:
    """It goes to a thread so that the event loop keeps answering; the result is the same."""
    body = f"{SENTENCE} " * 2_000
    await store.write("in", "large.txt", body.encode())

    await perform("entities", request("s3://in/large.txt"), TAR, store)

    (record,) = await records(store, "results/1-NER-2/output/output.tar.gz")
    assert sum(entity["Text"] == "Paris" for entity in record["Entities"]) == 2_000


async def test_redacted_files_keep_their_lines(store: MemoryStore) -> None:
    """Plain `<file>.out` objects with as many lines as the input, without the names."""
    config = {"PiiEntityTypes": ["ALL"], "MaskMode": "REPLACE_WITH_PII_ENTITY_TYPE"}
    redaction = request(Mode="ONLY_REDACTION", RedactionConfig=config)

    await perform("pii_entities", redaction, "s3://out/results/1-PII-2/output/", store)

    body = await store.read("out", "results/1-PII-2/output/deep/two.txt.out")
    assert body == LINES.replace(b"Anna Smith", b"[NAME]")


async def test_the_same_job_writes_the_same_bytes(store: MemoryStore) -> None:
    """Also when it runs again later, or as another job."""
    await perform("targeted_sentiment", request(), TAR, store)
    await perform("targeted_sentiment", request(), TAR.replace("NER", "TS"), store)

    out = store.buckets["out"]
    assert out["results/1-NER-2/output/output.tar.gz"] == out["results/1-TS-2/output/output.tar.gz"]


async def test_output_that_cannot_be_written_fails_the_job(store: MemoryStore) -> None:
    """A bucket that vanished after the inspection has the same Message as one that never was."""
    del store.buckets["out"]

    with pytest.raises(JobFailed) as failed:
        await perform("entities", request(), TAR, store)

    assert failed.value.code == "NO_WRITE_ACCESS_TO_OUTPUT"


class Counting(MemoryStore):
    """Counts what it is asked."""

    def __init__(self, *buckets: str) -> None:
        super().__init__(*buckets)
        self.calls: Counter[str] = Counter()

    async def keys(self, bucket: str, prefix: str) -> list[tuple[str, int]]:
        self.calls[f"list {bucket}"] += 1
        return await super().keys(bucket, prefix)

    async def write(self, bucket: str, key: str, body: bytes) -> None:
        self.calls[f"write {key.rpartition('/')[2]}"] += 1
        await super().write(bucket, key, body)


async def test_write_access_is_asked_for_once_for_each_output_prefix() -> None:
    """Ten jobs to one prefix: one look, one access check; another prefix has its own."""
    store = Counting("in", "out")
    await store.write("in", "a/one.txt", LINES)
    worker = Worker(store)

    for prefix in ["s3://out/results/"] * 9 + ["s3://out/other/"]:
        task = request(OutputDataConfig={"S3Uri": prefix})
        found = await worker.inspect("entities", task, Switches())
        await worker.perform("entities", task, TAR, Switches(), inspection=found)

    assert store.calls["list out"] == store.calls["write .write_access_check_file.temp"] == 2
    assert store.calls["list in"] == store.calls["write output.tar.gz"] == 10


async def test_a_refused_look_is_asked_again(store: MemoryStore) -> None:
    """Only success is remembered: a bucket that is made later can be written."""
    worker, task = Worker(store), request(OutputDataConfig={"S3Uri": "s3://later/x/"})
    with pytest.raises(JobFailed):
        await worker.inspect("entities", task, Switches())

    await store.create_bucket("later")

    assert await worker.inspect("entities", task, Switches())


async def test_a_job_reads_the_objects_that_were_there_when_it_began(store: MemoryStore) -> None:
    """What comes under its prefix while it runs is not part of it."""
    worker = Worker(store)
    found = await worker.inspect("entities", request(), Switches())
    await store.write("in", "a/late.txt", LINES)

    await worker.perform("entities", request(), TAR, Switches(), inspection=found)

    written = await records(store, "results/1-NER-2/output/output.tar.gz")
    assert {record["File"] for record in written} == {"deep/two.txt", "one.txt"}
