"""Outputs as they should never be: each fault, as a reader of the objects meets it."""

import gzip
import io
import json
import tarfile
import zlib
from typing import Any, get_args

import pytest

from fleet.sandbox.faults import Fault, WrongMember
from fleet.sandbox.spoiling import spoiled
from fleet.sandbox.store import MemoryStore
from fleet.sandbox.switches import Switches
from fleet.sandbox.worker import Worker

LINES = b"Anna Smith of Paris loves her new phone.\n" * 20
FILES = {"a.txt": [b'{"File":"a.txt","Line":0}\n', b'{"File":"a.txt","Line":1}\n']}


async def written(fault: Fault, kind: str = "entities") -> bytes:
    """The one output object of a job that the fault has hit."""
    store = MemoryStore("in", "out")
    await store.write("in", "a/one.txt", LINES)
    request = {"InputDataConfig": {"S3Uri": "s3://in/a/"}, "OutputDataConfig": {"S3Uri": "s3://out/"}}
    uri = "s3://out/job/output/" if kind == "pii_entities" else "s3://out/job/output/output.tar.gz"

    await Worker(store).perform(kind, request, uri, Switches(), fault=fault)

    (body,) = (body for key, body in store.buckets["out"].items() if key.startswith("job/"))
    return body


def members(body: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
        return [(entry, tar.extractfile(entry).read() if entry.isreg() else b"") for entry in tar]  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["entities", "pii_entities"])
async def test_a_truncated_output_ends_in_the_middle(kind: str) -> None:
    """Half of the bytes that a whole one has; an archive cannot be unpacked to its end."""
    whole, half = await written(Fault(what="slow"), kind), await written(Fault(what="truncate_output"), kind)

    assert half == whole[: len(whole) // 2]
    if kind == "entities":
        with pytest.raises((EOFError, tarfile.TarError, zlib.error)):
            gzip.decompress(half)


@pytest.mark.parametrize("kind", ["entities", "pii_entities"])
async def test_garbage_holds_no_record(kind: str) -> None:
    """As many lines as documents, and no line is an object with a File and an integer Line."""
    body = await written(Fault(what="garbage_output"), kind)
    lines = (body if kind == "pii_entities" else members(body)[0][1]).splitlines()

    assert len(lines) == 20
    for line in lines:
        assert not is_record(line)


def is_record(line: bytes) -> bool:
    try:
        record: Any = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and "File" in record and isinstance(record.get("Line"), int)


def test_a_bomb_unpacks_to_its_size_and_is_small() -> None:
    """A thousand times larger than its own bytes, in one member named output."""
    size_bytes = 8 << 20
    fault = Fault(what="bomb_output", size_bytes=size_bytes)

    ((_, _, body),) = spoiled(fault, "entities", FILES, [("out", "output.tar.gz", b"")])

    ((entry, content),) = members(body)
    assert (entry.name, entry.size, len(content)) == ("output", size_bytes, size_bytes)
    assert len(body) * 900 < size_bytes


def test_a_bomb_of_pii_is_an_object_of_that_size() -> None:
    """PII's outputs are not packed."""
    ((_, key, body),) = spoiled(Fault(what="bomb_output", size_bytes=999), "pii_entities", FILES, [("b", "k.out", b"")])

    assert (key, len(body)) == ("k.out", 999)


@pytest.mark.parametrize("wrong", get_args(WrongMember))
async def test_an_archive_may_hold_what_must_not_be_believed(wrong: WrongMember) -> None:
    """A link, a device, a path that leads out, a name twice, or nothing; beside it the honest member."""
    found = [entry for entry, _ in members(await written(Fault(what="wrong_member", wrong=wrong)))]

    if wrong == "none":
        assert found == []
        return
    honest, bad = found
    assert (honest.name, honest.isreg()) == ("output", True)
    assert {
        "symlink": bad.issym() and bad.linkname == "/etc/passwd",
        "hardlink": bad.islnk(),
        "device": bad.ischr(),
        "parent_path": bad.name.startswith("../"),
        "absolute_path": bad.name.startswith("/"),
        "twice": bad.name == "output",
    }[wrong]


def test_a_wrong_member_never_hits_pii() -> None:
    """It has no archive; every other fault of a job is for it too."""
    start = "StartPiiEntitiesDetectionJob"

    assert not Fault(what="wrong_member").matches(start, "s3://in/")
    assert Fault(what="bomb_output").matches(start, "s3://in/")


@pytest.mark.parametrize("what", ["truncate_output", "garbage_output", "bomb_output", "wrong_member"])
async def test_the_same_fault_gives_the_same_bytes(what: Any) -> None:
    """Like an honest output, a spoiled one is a function of its documents and its request."""
    fault = Fault(what=what, size_bytes=1000)

    assert await written(fault) == await written(fault)
