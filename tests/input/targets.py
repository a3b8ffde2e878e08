"""What the fuzzers call: each reader of strangers' bytes with what must hold for all of them.

Every target takes bytes and returns nothing; whatever it raises is a bug. hypothesis (`test_fuzz.py`) and atheris
(`fuzz.py`) drive the same functions.
"""

import gzip
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Final

from fleet.aws.model import start_shapes
from fleet.core import uri
from fleet.core.errors import Misconfigured
from fleet.core.output import Limits, read_archive, read_records, read_text
from fleet.core.overlap import feeding_back, overlaps
from fleet.core.plan import Planner
from fleet.core.request import Defaults, Target
from fleet.core.text import shown
from fleet.core.verdict import Expected, Output, judge
from fleet.settings import Settings, load
from fleet.stages.source import read

__all__ = ["ACCOUNT", "TARGETS", "planner"]

ACCOUNT: Final = "123456789012"
_LIMITS: Final = Limits(total_bytes=1 << 20, line_bytes=1 << 14, files=100)
_KEY: Final = re.compile(r"[0-9a-f]{32}")


@cache
def planner() -> Planner:
    """A planner with one target, for manifests of which only the lines matter."""
    target = Target(
        name="main",
        region="us-east-1",
        data_access_role_arn=f"arn:aws:iam::{ACCOUNT}:role/comprehend",
        output="s3://corpus-out/results/",
    )
    defaults = Defaults(kinds=("entities",), language="en", input_format="ONE_DOC_PER_LINE")
    return Planner(defaults=defaults, targets={"main": target}, generation="1", shapes=start_shapes())


def manifest(data: bytes) -> None:
    """Every line is planned or rejected, with a reason that can be shown; lines come in order."""
    last = 0
    for batch in read(io.BytesIO(data), planner().plan):
        for line, job in batch.planned:
            assert line >= last
            assert _KEY.fullmatch(job.key)
            assert job.prefix.isprintable() or not job.prefix.isascii()
            request = json.loads(job.request)
            assert not {"ClientRequestToken", "JobName"} & request.keys()
            uri.split(job.prefix)
        for bad in batch.rejections:
            assert bad.line > 0
            assert_safe(bad.reason)
            assert_safe(bad.field or "")
        last = max([last, *(line for line, _ in batch.planned)])


def location(data: bytes) -> None:
    """A URI is taken apart and put together again, or refused with a reason that can be shown."""
    try:
        text = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    try:
        bucket, key = uri.split(text)
    except UnicodeError:
        raise
    except ValueError as error:
        assert_safe(str(error))
        return
    assert text in (f"s3://{bucket}/{key}", f"s3://{bucket}")
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket)
    text.encode()
    assert_safe(shown(text))
    reads = uri.feeds_back(bucket, key, output=("corpus-out", "results/"), account=ACCOUNT)
    assert reads == bool(feeding_back([text], [("s3://corpus-out/results/", ACCOUNT)])) or text.count("/") < 3
    assert not list(overlaps([("entities", text)]))


def configuration(data: bytes) -> None:
    """A configuration loads, or every mistake is told in lines that can be shown."""
    file = _scratch_file()
    file.write_bytes(data)
    try:
        assert isinstance(load(file, environment={}), Settings)
    except Misconfigured as error:
        for line in str(error).split("\n"):
            assert len(line) < 4_000, "a message as long as what it tells of"


def archive(data: bytes) -> None:
    """A tar inside gzip is counted or called broken."""
    _judged(lambda output: read_archive(io.BytesIO(gzip.compress(data, 1, mtime=0)), output, _LIMITS))


def packed(data: bytes) -> None:
    """Any bytes in place of an `output.tar.gz` are counted or called broken."""
    _judged(lambda output: read_archive(io.BytesIO(data), output, _LIMITS))


def records(data: bytes) -> None:
    """Any bytes in place of an `.out` object are counted or called broken; a redacted copy is always counted."""
    _judged(lambda output: read_records(io.BytesIO(data), output, _LIMITS))
    _judged(lambda output: read_text(io.BytesIO(data), "a.txt", output, per_line=True))


def _judged(fill: Callable[[Output], None]) -> None:
    output = Output(objects=1)
    fill(output)
    assert_safe(output.broken or "")
    assert len(output.errors) <= 20
    assert len(output.codes) <= 51
    finding = judge(Expected(documents={"a.txt": 1}), output)
    assert len(finding.reason or "") < 20_000


def assert_safe(text: str) -> None:
    """No character moves a cursor, breaks a line or turns the direction of reading."""
    assert text.isprintable(), ascii(text)


@cache
def _scratch_file() -> Path:
    return Path(tempfile.mkdtemp(prefix="fleet-fuzz-")) / "fleet.toml"


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "manifest": manifest,
    "uri": location,
    "config": configuration,
    "archive": archive,
    "packed": packed,
    "records": records,
}
"""By the name that `python -m tests.input.fuzz` takes."""


def seeds(target: str) -> Iterable[bytes]:
    """Where a fuzzer begins: the bad-input catalogue's own bytes, and good ones."""
    from tests.input.catalogue import seeds_of

    return seeds_of(target)
