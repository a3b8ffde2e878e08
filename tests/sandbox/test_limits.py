"""Size limits of a job, by kind, and what breaks them: the facts sheet's 1.7 with its switches."""

from typing import Any

import pytest

from fleet.sandbox.configure import SwitchError, read_switches
from fleet.sandbox.documents import LIMITS, limits_of
from fleet.sandbox.store import MemoryStore
from fleet.sandbox.switches import Switches
from fleet.sandbox.worker import JobFailed, Worker

LINES = b"A line of text.\n" * 100


async def fails(kind: str = "entities", **switches: Any) -> str:
    """The Message of a job over an input of 100 lines in one file; empty if it does not fail."""
    store = MemoryStore("in", "out")
    await store.write("in", "a/one.txt", LINES)
    request = {"InputDataConfig": {"S3Uri": "s3://in/a/"}, "OutputDataConfig": {"S3Uri": "s3://out/"}}
    worker, chosen = Worker(store), Switches(**switches)
    try:
        found = await worker.inspect(kind, request, chosen)
        await worker.perform(kind, request, "s3://out/output.tar.gz", chosen, inspection=found)
    except JobFailed as error:
        return error.message
    return ""


def test_the_limits_are_those_of_the_kind() -> None:
    """The table of facts 1.7; a custom recognizer needs one byte; changes come last."""
    assert limits_of("sentiment").document_bytes_max == 5 * 1024
    assert limits_of("targeted_sentiment").job_bytes_max == 300 * 1024**2
    assert {kind: limits.job_bytes_min for kind, limits in LIMITS.items()} == dict.fromkeys(LIMITS, 500)
    assert limits_of("entities", custom=True).job_bytes_min == 1
    assert limits_of("entities", custom=True, changes={"job_bytes_min": 7}).job_bytes_min == 7


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"job_bytes_max": 1599}, "INPUT_SIZE_EXCEEDED"),
        ({"job_bytes_max": 1600}, ""),
        ({"job_bytes_min": 1601}, "INPUT_SIZE_TOO_SMALL"),
        ({"files_max": 0}, "INPUT_FILES_EXCEEDED"),
        ({"files_max": 99}, "INPUT_LINES_EXCEEDED"),
        ({"files_max": 100}, ""),
    ],
)
async def test_a_limit_may_be_moved_for_a_kind(limits: dict[str, int], code: str) -> None:
    """It fails the job with our code; the other kinds keep theirs."""
    failure = await fails(limits={"entities": limits})

    assert failure.partition(":")[0] == code
    assert await fails("key_phrases", limits={"entities": limits}) == ""


async def test_a_broken_limit_may_be_harmless() -> None:
    """over_limit = complete."""
    assert await fails(limits={"entities": {"job_bytes_max": 1, "files_max": 1}}, over_limit="complete") == ""


async def test_a_text_of_the_user_gets_its_figures() -> None:
    """{found} and {limit}, or neither."""
    limits = {"entities": {"job_bytes_max": 10}}

    text = await fails(
        limits=limits, messages=read_switches("[messages]\ntoo_large = 'BIG: {found} > {limit}'").messages
    )

    assert text == "BIG: 1600 > 10"


def test_tables_come_from_toml_and_from_words() -> None:
    """Limits, messages and recognizers: a table in a file, JSON in a word."""
    toml = '[limits.sentiment]\njob_bytes_min = 1\n[recognizers."arn:aws:x"]\nCLAUSE = ["shall pay"]\n'

    from_file = read_switches(toml)
    from_words = read_switches(
        pairs=['limits={"sentiment": {"job_bytes_min": 1}}', 'recognizers={"arn:aws:x": {"CLAUSE": ["shall pay"]}}']
    )

    assert from_file == from_words
    assert from_file.recognizers == {"arn:aws:x": {"CLAUSE": ("shall pay",)}}


@pytest.mark.parametrize(
    "toml", ["[limits.events]\nfiles_max = 1", "[limits.entities]\nfiles = 1", "[messages]\nno_luck = 'x'"]
)
def test_a_table_with_a_wrong_name_is_refused(toml: str) -> None:
    """A kind, a limit and a message that do not exist."""
    with pytest.raises(SwitchError):
        read_switches(toml)
