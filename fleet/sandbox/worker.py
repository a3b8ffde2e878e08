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

from fleet.sandbox.documents import (
    Document,
    InputFormat,
    Limits,
    Refusal,
    Source,
    documents,
    limits_of,
    locate,
    sources,
)
from fleet.sandbox.faults import Fault
from fleet.sandbox.messages import Message, message
from fleet.sandbox.output import objects, render
from fleet.sandbox.spoiling import spoiled
from fleet.sandbox.store import Store, StoreError
from fleet.sandbox.switches import Switches

__all__ = ["Inspection", "JobFailed", "Worker"]

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
    """What a job will read: the objects that were there when it began."""

    sources: Sequence[Source]

    @property
    def size_bytes(self) -> int:
        """The bytes of all objects together."""
        return sum(source.size_bytes for source in self.sources)


class Worker:
    """Does the work of any number of jobs in one store.

    It asks for write access and leaves its access check once for each output prefix, and not for each job: whoever
    takes the write access away later is found out by the write itself.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listed: set[tuple[str, str]] = set()
        self._left: set[tuple[str, str]] = set()

    async def inspect(self, kind: str, request: Mapping[str, Any], switches: Switches) -> Inspection:
        """The job's input, if the role may read it and write the output; else JobFailed.

        `unreadable` and `unwritable` are S3 URI prefixes that stand for what IAM would refuse. Read access is looked at
        first (the order is UNKNOWN). The limits are those of the kind (facts 1.7) or of the switches; a custom
        recognizer needs one byte only.
        """
        task = _Task(kind=kind, request=request, store=self._store, switches=switches)
        found = await task.list_sources()
        await self._check_output(task)
        if not found and switches.empty_input == "fail":
            raise JobFailed(message(Message.NO_FILES, switches.messages))
        inspection = Inspection(sources=found)
        if found and switches.over_limit == "fail":
            _check_limits(task.limits, inspection, switches)
        return inspection

    async def perform(
        self,
        kind: str,
        request: Mapping[str, Any],
        output_uri: str,
        switches: Switches,
        *,
        inspection: Inspection | None = None,
        fraction: float = 1.0,
        fault: Fault | None = None,
    ) -> None:
        """The job's whole output is in the store, and the file with which the service tries its write access (4.5).

        With a fraction below 1 only the documents that begin in that part of the input are there, as after a Stop
        (facts 3.4; the form of partial output is UNKNOWN, here it is that of a whole one). A fault spoils the output.
        """
        task = _Task(kind=kind, request=request, store=self._store, switches=switches)
        await self._leave_access_check(task)
        found = inspection.sources if inspection is not None else await task.list_sources()
        files = await task.read(found, fraction)
        made = objects(kind, files, output_uri, targeted_layout=switches.targeted_layout)
        if fault is not None:
            made = await to_thread.run_sync(spoiled, fault, kind, files, list(made))
        for bucket, key, body in made:
            await task.write(bucket, key, body)

    async def _check_output(self, task: "_Task") -> None:
        """The role may write, and the bucket is there. Listing one key asks that without reading a large prefix."""
        uri = task.request["OutputDataConfig"]["S3Uri"]
        if any(uri.startswith(prefix) for prefix in task.switches.unwritable):
            raise JobFailed(task.no_write)
        check = _access_check(uri)
        if check in self._listed:
            return
        try:
            await self._store.keys(*check)
        except StoreError as error:
            _fail(error, task.no_write)
        self._listed.add(check)

    async def _leave_access_check(self, task: "_Task") -> None:
        check = _access_check(task.request["OutputDataConfig"]["S3Uri"])
        if check not in self._left:
            await task.write(*check, b"")
            self._left.add(check)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What stays the same from document to document of one job."""

    kind: str
    request: Mapping[str, Any]
    store: Store
    switches: Switches

    @property
    def limits(self) -> Limits:
        """What this job may read."""
        custom = bool(self.request.get("EntityRecognizerArn") or self.request.get("FlywheelArn"))
        return limits_of(self.kind, custom=custom, changes=self.switches.limits.get(self.kind, {}))

    @property
    def no_write(self) -> str:
        """The Message of a job that may not write."""
        encrypted = self.request["OutputDataConfig"].get("KmsKeyId")
        return message(Message.NO_WRITE_KMS if encrypted else Message.NO_WRITE, self.switches.messages)

    @property
    def no_read(self) -> str:
        """The Message of a job that may not read."""
        return message(Message.NO_READ, self.switches.messages)

    async def list_sources(self) -> list[Source]:
        """Every input object, if the role may read them."""
        uri = self.request["InputDataConfig"]["S3Uri"]
        if any(uri.startswith(prefix) for prefix in self.switches.unreadable):
            raise JobFailed(self.no_read)
        bucket, prefix = locate(uri)
        try:
            return sources(await self.store.keys(bucket, prefix), prefix)
        except StoreError as error:
            _fail(error, self.no_read)

    async def read(self, found: Sequence[Source], fraction: float) -> dict[str, list[bytes]]:
        """File -> what each of its documents adds to the output, up to the fraction of all bytes."""
        budget_bytes = sum(source.size_bytes for source in found) * fraction if fraction < 1 else float("inf")
        files: dict[str, list[bytes]] = {}
        lines = 0
        for source in found:
            if budget_bytes <= 0:
                break
            files[source.file] = await self._pieces(source, budget_bytes)
            budget_bytes -= source.size_bytes
            lines += len(files[source.file])
            if lines > self.limits.files_max and self.switches.over_limit == "fail":
                raise JobFailed(message(Message.TOO_MANY_LINES, self.switches.messages, limit=self.limits.files_max))
        return files

    async def write(self, bucket: str, key: str, body: bytes) -> None:
        """The object is there; JobFailed if the role may not write it."""
        try:
            await self.store.write(bucket, key, body)
        except StoreError as error:
            _fail(error, self.no_write)

    async def _pieces(self, source: Source, budget_bytes: float) -> list[bytes]:
        """What each document of one object adds to the output, giving way to other tasks every few milliseconds."""
        bucket, _ = locate(self.request["InputDataConfig"]["S3Uri"])
        try:
            body = await self.store.read(bucket, source.key)
        except StoreError as error:
            _fail(error, self.no_read)
        made: list[bytes] = []
        slice_left = _SLICE_CHARACTERS
        for item in documents(
            body,
            file=source.file,
            input_format=self.request["InputDataConfig"].get("InputFormat", InputFormat.PER_LINE),
            document_bytes_max=self.limits.document_bytes_max,
            blank_lines=self.switches.blank_lines,
        ):
            if item.start_byte >= budget_bytes:
                break
            size = len(getattr(item, "text", ""))
            if size > _THREAD_CHARACTERS:
                made.append(await to_thread.run_sync(self._render, item))
                continue
            made.append(self._render(item))
            slice_left -= size
            if slice_left <= 0:
                await checkpoint()
                slice_left = _SLICE_CHARACTERS
        return made

    def _render(self, item: Document | Refusal) -> bytes:
        return render(
            self.kind,
            item,
            self.request,
            self.switches.recognizers,
            redaction_errors=self.switches.redaction_errors,
            offset_unit=self.switches.offset_unit,
        )


def _check_limits(limits: Limits, found: Inspection, switches: Switches) -> None:
    """That breaking a limit fails the job, and with which text, is UNKNOWN."""
    size_bytes, files = found.size_bytes, len(found.sources)
    for name, broken, value, limit in (
        (Message.TOO_LARGE, size_bytes > limits.job_bytes_max, size_bytes, limits.job_bytes_max),
        (Message.TOO_SMALL, size_bytes < limits.job_bytes_min, size_bytes, limits.job_bytes_min),
        (Message.TOO_MANY_FILES, files > limits.files_max, files, limits.files_max),
    ):
        if broken:
            raise JobFailed(message(name, switches.messages, found=value, limit=limit))


def _access_check(output_uri: str) -> tuple[str, str]:
    """Bucket and key of the file that the service leaves at the root of the user's output prefix (facts 4.5)."""
    bucket, prefix = locate(output_uri)
    return bucket, prefix + ("" if prefix.endswith("/") or not prefix else "/") + ACCESS_CHECK


def _fail(error: StoreError, text: str) -> NoReturn:
    """A refusal of the store fails the job; a broken store is nobody's missing right, and goes on as it is."""
    if error.code in _DENIED:
        raise JobFailed(text) from error
    raise error
