"""Do one job's work: look at its input, then read, analyse and write (facts 1.7, 3.5, 4).

Promises: what `inspect` lets pass, `perform` writes; both raise JobFailed with the Message that Describe must show.
Does not: know states, clocks or quotas; the service around it does. It opens no thread for small documents, so that it
also runs under a virtual clock.

Both let a StoreError through where the store itself is broken (code Unavailable, InternalError ...): that is no answer
to the question whether the role may read, and AWS's Message for it is UNKNOWN.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from anyio import to_thread
from anyio.lowlevel import checkpoint

from fleet.sandbox.analysis import Recognizers
from fleet.sandbox.documents import LIMITS, BlankLines, InputFormat, Limits, Source, documents, locate, sources
from fleet.sandbox.output import TargetedLayout, objects, render
from fleet.sandbox.store import Store, StoreError

# Found in AWS output, to the letter (facts 3.5).
NO_READ = "NO_READ_ACCESS_TO_INPUT: The provided data access role does not have proper access to the input data."
NO_WRITE = "NO_WRITE_ACCESS_TO_OUTPUT: The provided data access role does not have write access to the output S3 URI."
NO_WRITE_KMS = NO_WRITE[:-1] + " or it does not have access to the output S3 KMS Key."

# Codes and texts of our own: the service's words for these are UNKNOWN (facts 3.5).
NO_FILES = "NO_INPUT_FILES: No input files were found under the input S3 URI."
TOO_LARGE = "INPUT_SIZE_EXCEEDED: The input has {found} bytes, more than the {limit} bytes that one job may read."
TOO_SMALL = "INPUT_SIZE_TOO_SMALL: The input has {found} bytes, fewer than the {limit} bytes that a job needs."
TOO_MANY_FILES = "INPUT_FILES_EXCEEDED: The input has {found} files, more than the {limit} that one job may read."
TOO_MANY_LINES = "INPUT_LINES_EXCEEDED: The input has more than the {limit} lines that one job may read."

ACCESS_CHECK = ".write_access_check_file.temp"
_DENIED = frozenset({"AccessDenied", "NoSuchBucket", "NoSuchKey", "AllAccessDisabled", "InvalidBucketName"})
# About 2 ms of analysis: what the event loop may have to wait for us between two answers.
_SLICE_CHARACTERS = 4_096
# A single document larger than this goes to a thread; below it, the hop would cost more than it gives.
_THREAD_CHARACTERS = 65_536


class JobFailed(Exception):
    """The job ends FAILED, and `message` is what Describe shows."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> str:
        """The stable part of the message, before the colon."""
        return self.message.partition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a job would read."""

    size_bytes: int
    files: int


async def inspect(
    request: Mapping[str, Any],
    store: Store,
    *,
    kind: str | None = None,
    unreadable: Sequence[str] = (),
    unwritable: Sequence[str] = (),
    limits: Limits | None = None,
) -> Inspection:
    """The size of the job's input, if the role may read it and write the output; else JobFailed.

    `unreadable` and `unwritable` are S3 URI prefixes that stand for what IAM would refuse. Read access is looked at
    first (the order is UNKNOWN). The limits are those of the kind (facts 1.7), or the given ones; a custom recognizer
    needs one byte only. That breaking them fails the job, and with which text, is UNKNOWN.
    """
    found = await _sources(request, store, unreadable)
    await _check_output(request, store, unwritable)
    limits = limits or _limits(kind, request)
    size_bytes = sum(source.size_bytes for source in found)
    if not found:
        raise JobFailed(NO_FILES)
    if size_bytes > limits.job_bytes_max:
        raise JobFailed(TOO_LARGE.format(found=size_bytes, limit=limits.job_bytes_max))
    if size_bytes < limits.job_bytes_min:
        raise JobFailed(TOO_SMALL.format(found=size_bytes, limit=limits.job_bytes_min))
    if len(found) > limits.files_max:
        raise JobFailed(TOO_MANY_FILES.format(found=len(found), limit=limits.files_max))
    return Inspection(size_bytes=size_bytes, files=len(found))


async def perform(
    kind: str,
    request: Mapping[str, Any],
    output_uri: str,
    store: Store,
    *,
    fraction: float = 1.0,
    targeted_layout: str = TargetedLayout.ONE_FILE,
    recognizers: Recognizers | None = None,
    blank_lines: str = BlankLines.DOCUMENT,
) -> None:
    """The job's whole output is in the store, and the file with which the service tries its write access (facts 4.5).

    With a fraction below 1 only the documents that begin in that part of the input are there, as after a Stop (facts
    3.4; the form of partial output is UNKNOWN, here it is that of a whole one).
    """
    await _write(request, store, *_access_check(request), b"")
    found = await _sources(request, store, ())
    budget_bytes = sum(source.size_bytes for source in found) * fraction if fraction < 1 else float("inf")
    files: dict[str, list[bytes]] = {}
    job = _Job(kind=kind, request=request, store=store, recognizers=recognizers, blank_lines=blank_lines)
    lines_left = _limits(kind, request).files_max
    for source in found:
        if budget_bytes <= 0:
            break
        files[source.file] = await job.pieces(source, budget_bytes)
        budget_bytes -= source.size_bytes
        lines_left -= len(files[source.file])
        if lines_left < 0:
            raise JobFailed(TOO_MANY_LINES.format(limit=_limits(kind, request).files_max))
    for bucket, key, body in objects(kind, files, output_uri, targeted_layout=targeted_layout):
        await _write(request, store, bucket, key, body)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What stays the same from document to document."""

    kind: str
    request: Mapping[str, Any]
    store: Store
    recognizers: Recognizers | None
    blank_lines: str

    async def pieces(self, source: Source, budget_bytes: float) -> list[bytes]:
        """What each document of one object adds to the output, giving way to other tasks every few milliseconds."""
        bucket, _ = locate(self.request["InputDataConfig"]["S3Uri"])
        try:
            body = await self.store.read(bucket, source.key)
        except StoreError as error:
            _fail(error, NO_READ)
        made: list[bytes] = []
        slice_left = _SLICE_CHARACTERS
        for item in documents(
            body,
            file=source.file,
            input_format=self.request["InputDataConfig"].get("InputFormat", InputFormat.PER_LINE),
            document_bytes_max=_limits(self.kind, self.request).document_bytes_max,
            blank_lines=self.blank_lines,
        ):
            if item.start_byte >= budget_bytes:
                break
            size = len(getattr(item, "text", ""))
            if size > _THREAD_CHARACTERS:
                made.append(await to_thread.run_sync(render, self.kind, item, self.request, self.recognizers))
                continue
            made.append(render(self.kind, item, self.request, self.recognizers))
            slice_left -= size
            if slice_left <= 0:
                await checkpoint()
                slice_left = _SLICE_CHARACTERS
        return made


def _limits(kind: str | None, request: Mapping[str, Any]) -> Limits:
    if request.get("EntityRecognizerArn") or request.get("FlywheelArn"):
        return Limits(job_bytes_min=1)
    return LIMITS.get(kind or "", Limits())


async def _sources(request: Mapping[str, Any], store: Store, unreadable: Sequence[str]) -> list[Source]:
    uri = request["InputDataConfig"]["S3Uri"]
    if any(uri.startswith(prefix) for prefix in unreadable):
        raise JobFailed(NO_READ)
    bucket, prefix = locate(uri)
    try:
        return sources(await store.keys(bucket, prefix), prefix)
    except StoreError as error:
        _fail(error, NO_READ)


async def _check_output(request: Mapping[str, Any], store: Store, unwritable: Sequence[str]) -> None:
    """The role may write, and the bucket is there. Listing one key asks that without reading a large prefix."""
    if any(request["OutputDataConfig"]["S3Uri"].startswith(prefix) for prefix in unwritable):
        raise JobFailed(_no_write(request))
    try:
        await store.keys(*_access_check(request))
    except StoreError as error:
        _fail(error, _no_write(request))


async def _write(request: Mapping[str, Any], store: Store, bucket: str, key: str, body: bytes) -> None:
    try:
        await store.write(bucket, key, body)
    except StoreError as error:
        _fail(error, _no_write(request))


def _access_check(request: Mapping[str, Any]) -> tuple[str, str]:
    """Bucket and key of the file that the service leaves at the root of the user's output prefix (facts 4.5)."""
    bucket, prefix = locate(request["OutputDataConfig"]["S3Uri"])
    return bucket, prefix + ("" if prefix.endswith("/") or not prefix else "/") + ACCESS_CHECK


def _no_write(request: Mapping[str, Any]) -> str:
    return NO_WRITE_KMS if request["OutputDataConfig"].get("KmsKeyId") else NO_WRITE


def _fail(error: StoreError, message: str) -> NoReturn:
    """A refusal of the store fails the job; a broken store is nobody's missing right, and goes on as it is."""
    if error.code in _DENIED:
        raise JobFailed(message) from error
    raise error
