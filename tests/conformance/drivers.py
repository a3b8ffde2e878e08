"""Three clients behind one call: boto3, aioboto3, and the AWS CLI as a process of its own.

Each takes an operation with its parameters and gives an Answer, so that one table of calls serves all three.
"""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

import aioboto3
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ListShape, Shape, StructureShape

from tests.conformance.shapes import method_of, model_of

CONFIG: Final = Config(
    retries={"total_max_attempts": 1}, proxies={}, connect_timeout=5, read_timeout=20, parameter_validation=False
)
# Both generations of the CLI: the retries of a throttle and the number of attempts are not said by the newer one.
_REFUSED: Final = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation[^:]*: (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a client says of one call: the parsed answer, or the error. `status` is None where it does not say one."""

    body: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    status: int | None = None


class Driver(Protocol):
    """A client that can be called by the name of an operation."""

    def call(self, operation: str, params: Mapping[str, Any]) -> Answer:
        """The answer, whether it is one of success or not."""
        ...


class Boto3:
    """boto3 in this process. `wire` is the JSON of the last answer, before botocore parsed it."""

    def __init__(self, environment: Mapping[str, str], **changes: Any) -> None:
        known = {"endpoint_url": environment["AWS_ENDPOINT_URL_COMPREHEND"], "config": CONFIG}
        self.client: Any = _session().client("comprehend", **(_credentials(environment) | known | changes))
        self.client.meta.events.register("response-received.comprehend", self._keep)
        self.account = environment["AWS_ACCESS_KEY_ID"]
        self.wire: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def call(self, operation: str, params: Mapping[str, Any]) -> Answer:
        try:
            return _answer(getattr(self.client, method_of(operation))(**params))
        except ClientError as error:
            return _refusal(error)

    def _keep(self, response_dict: Any, **_: Any) -> None:
        self.wire = json.loads(response_dict["body"])


class Aioboto3:
    """aioboto3 on a loop of its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._session = aioboto3.Session(**_credentials(environment))
        self._url = environment["AWS_ENDPOINT_URL_COMPREHEND"]
        self._runner = asyncio.Runner()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._runner)
        client = self._session.client("comprehend", endpoint_url=self._url, config=CONFIG)
        self._client = self._runner.run(client.__aenter__())
        self._stack.callback(lambda: self._runner.run(client.__aexit__(None, None, None)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def call(self, operation: str, params: Mapping[str, Any]) -> Answer:
        return self._runner.run(self._call(operation, params))

    async def _call(self, operation: str, params: Mapping[str, Any]) -> Answer:
        try:
            return _answer(await getattr(self._client, method_of(operation))(**params))
        except ClientError as error:
            return _refusal(error)


class AwsCli:
    """The AWS CLI: each call is `aws comprehend <operation> --<member> <value> ...`, as one types it."""

    def __init__(self, command: Path, environment: Mapping[str, str], directory: Path) -> None:
        # Settings of whoever runs the tests must not reach the CLI, nor its pager a terminal.
        config = directory / "aws-config"
        config.write_text("[default]\ncli_timestamp_format = iso8601\n")
        clean = {name: value for name, value in os.environ.items() if not name.upper().startswith("AWS_")}
        private = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(directory / "none")}
        steady = {"AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "*"}
        self._environment = {**clean, **environment, **private, **steady}
        self._command = command
        self.directory = directory

    def call(self, operation: str, params: Mapping[str, Any]) -> Answer:
        words = [method_of(operation).replace("_", "-")]
        for name, value in params.items():
            words += [f"--{method_of(name).replace('_', '-')}", value if isinstance(value, str) else json.dumps(value)]
        return self.comprehend(*words)

    def comprehend(self, *words: str) -> Answer:
        """The answer to `aws comprehend` with any words."""
        ended = self.run("comprehend", *words, "--output", "json")
        if ended.returncode == 0:
            body = json.loads(ended.stdout or "{}")
            output = model_of(_operation(words[0])).output_shape
            return Answer(body=_with_times(output, body), status=200)
        found = _REFUSED.search(ended.stderr)
        assert found, ended.stderr
        return Answer(code=found[1], message=found[3].strip())

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """`aws` with any words, to its end."""
        return subprocess.run(
            [self._command, *words],
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@cache
def _session() -> boto3.session.Session:
    """One for all clients, for it reads the service's model, which takes longer than any call."""
    return boto3.session.Session()


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return {name.lower(): environment[name] for name in names} | {"region_name": environment["AWS_DEFAULT_REGION"]}


def _answer(parsed: Mapping[str, Any]) -> Answer:
    body = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
    return Answer(body=body, status=parsed["ResponseMetadata"]["HTTPStatusCode"])


def _refusal(error: ClientError) -> Answer:
    said = error.response["Error"]
    return Answer(
        code=said["Code"], message=said["Message"], status=error.response["ResponseMetadata"]["HTTPStatusCode"]
    )


def _operation(command: str) -> str:
    return "".join(word.capitalize() for word in command.split("-"))


def _with_times(shape: Shape | None, value: Any) -> Any:
    """The CLI's JSON with its times as datetimes, as the other clients give them."""
    if isinstance(shape, StructureShape):
        return {name: _with_times(shape.members.get(name), member) for name, member in value.items()}
    if isinstance(shape, ListShape):
        return [_with_times(shape.member, member) for member in value]
    return datetime.fromisoformat(value) if shape is not None and shape.type_name == "timestamp" else value
