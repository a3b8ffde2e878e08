"""One `fleet sandbox` process with a corpus in it, and what the benchmark asks of it and does to it."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio

from fleet.sandbox.store import S3Store
from fleet.sandbox.truth import Entry

__all__ = ["INPUT", "ROLE", "ROOT", "RemoteJob", "Service", "Unsupported", "serve"]

ROOT: Final = Path(__file__).resolve().parents[2]
INPUT: Final = "s3://corpus-in/"
ROLE: Final = "arn:aws:iam::123456789012:role/comprehend"
_BODY: Final = b"Anna Smith lives in Paris.\nThe train was late and the food was awful.\nCall me at 555-0100.\n" * 6
_SIGNED: Final = "AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/comprehend/aws4_request, Signature=0"
_ANSWER_S: Final = 60.0


class Unsupported(Exception):
    """This sandbox does not have the endpoint that the scenario needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteJob:
    """A job as the sandbox itself shows it in the end; times are Unix seconds, `ended_at` is None while it runs."""

    job_id: str
    kind: str
    input_uri: str
    submitted_at: float
    ended_at: float | None
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running sandbox; `environment` leads any AWS client to it, and Python to this checkout."""

    environment: Mapping[str, str]
    process_id: int

    @property
    def url(self) -> str:
        """Where Comprehend and the control endpoints answer."""
        return self.environment["AWS_ENDPOINT_URL_COMPREHEND"]

    def truth(self) -> dict[str, Any]:
        """What the sandbox counted."""
        found: dict[str, Any] = json.loads(self.control("GET", "truth"))
        return found

    def log(self) -> list[Entry]:
        """The accept log so far."""
        return [Entry(**json.loads(line)) for line in self.control("GET", "log").splitlines()]

    def jobs(self, kinds: Sequence[str]) -> list[RemoteJob]:
        """Every job of these kinds, from the sandbox's own List."""
        return [job for kind in kinds for job in self._list(kind)]

    def control(self, method: str, endpoint: str, body: object = None) -> bytes:
        """The answer of a control endpoint; `Unsupported` where the sandbox does not have it."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/sandbox/{endpoint}", data=data, method=method)  # noqa: S310 - ours
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:  # noqa: S310 - our own sandbox
                found: bytes = answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise Unsupported(f"the sandbox has no {method} /sandbox/{endpoint}") from None
            raise RuntimeError(f"{method} /sandbox/{endpoint}: {error.code} {error.read().decode()}") from None
        return found

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """One Comprehend call as another program of the same account; None where it is refused."""
        request = urllib.request.Request(  # noqa: S310 - our own sandbox
            self.url,
            data=json.dumps(parameters).encode(),
            headers={
                "X-Amz-Target": f"Comprehend_20171127.{operation}",
                "Content-Type": "application/x-amz-json-1.1",
                "Authorization": _SIGNED,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:  # noqa: S310 - our own sandbox
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError:
            return None
        return found

    def _list(self, kind: str) -> Iterator[RemoteJob]:
        stem = "".join(word.capitalize() for word in kind.split("_")) + "DetectionJob"
        page: dict[str, Any] = {"MaxResults": 500}
        while True:
            answer = self.call(f"List{stem}s", page)
            if answer is None:  # throttled: the contender has left, so this passes
                time.sleep(0.2)
                continue
            yield from (_remote_job(kind, shown) for shown in answer[f"{stem}PropertiesList"])
            if not answer.get("NextToken"):
                return
            page["NextToken"] = answer["NextToken"]


@contextmanager
def serve(directory: Path, switches: Sequence[str], keys: Sequence[str]) -> Iterator[Service]:
    """A fresh sandbox process while the context lasts, with one document of more than 500 bytes under each key."""
    command = [sys.executable, "-m", "fleet", "sandbox", "--port", "0", "--s3-port", "0"]
    for switch in switches:
        command += ["--set", switch]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FLEET_"))}
    clean["PYTHONPATH"] = str(ROOT)
    log = (directory / "sandbox.log").open("wb")
    with log, subprocess.Popen(command, cwd=directory, env=clean, stdout=subprocess.PIPE, stderr=log) as process:
        try:
            environment = clean | _exports(process)
            anyio.run(_upload, environment["AWS_ENDPOINT_URL_S3"], keys)
            yield Service(environment=environment, process_id=process.pid)
        finally:
            process.terminate()


def _exports(process: "subprocess.Popen[bytes]") -> dict[str, str]:
    found: dict[str, str] = {}
    for line in process.stdout or ():
        match = re.fullmatch(r"export (\w+)=(.*)", line.decode().strip())
        if match is None:
            return found
        found[match[1]] = match[2]
    raise RuntimeError("the sandbox did not start; its sandbox.log says why")


async def _upload(url: str, keys: Sequence[str]) -> None:
    async with S3Store(url) as store:
        for bucket in ("corpus-in", "corpus-out"):
            await store.create_bucket(bucket)
        async with anyio.create_task_group() as group:
            for key in keys:
                group.start_soon(store.write, "corpus-in", key, _BODY)


def _remote_job(kind: str, shown: Mapping[str, Any]) -> RemoteJob:
    return RemoteJob(
        job_id=shown["JobId"],
        kind=kind,
        input_uri=shown["InputDataConfig"]["S3Uri"],
        submitted_at=shown["SubmitTime"],
        ended_at=shown.get("EndTime"),
        status=shown["JobStatus"],
    )
