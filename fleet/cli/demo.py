"""`fleet demo`: the main job on the sandbox, with real processes and real HTTP, and nothing left running after it.

It writes a corpus, a manifest and a configuration into a directory, starts `fleet sandbox`, and runs `fleet run` as
anybody would. Then it asks the sandbox what really happened.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import anyio

from fleet.core.errors import InvalidInput
from fleet.sandbox.corpus import Corpus, make, upload
from fleet.sandbox.store import S3Store

__all__ = ["demo_command"]

_MARK: Final = ".fleet-demo"
_SPEED: Final = 160
_ROLE: Final = "arn:aws:iam::123456789012:role/comprehend"

_SWITCHES: Final = """\
# The demo's sandbox: AWS's own quotas would take hours, so jobs run {speed} times faster and calls may come faster.
time_scale = {speed}
start_per_s = 6
describe_per_s = 50
list_per_s = 20
seed = 1
"""

_CONFIG: Final = """\
# The demo's configuration: what fleet is told about the sandbox's quotas, and the corpus's defaults.
[ledger]
url = "sqlite:///fleet.db"

[defaults]
kinds = ["entities"]
language = "en"

[targets.main]
region = "us-east-1"
data_access_role_arn = "{role}"
output = "s3://{output}/results/"

[targets.main.quotas]
start_per_s = 6
describe_per_s = 50
list_per_s = 20

[track]
poll_floor_s = 0.5

[retry]
floor_s = 1.0
"""


def demo_command(directory: Path, prefixes: int) -> int:
    """Run the demo; 0 when everything that should be verified is, and nothing was lost or doubled."""
    _empty(directory)
    corpus = make(prefixes=prefixes)
    _write(directory, corpus)
    _say(
        f"fleet demo: {corpus.prefixes} S3 prefixes, {corpus.jobs} jobs of five kinds, {len(corpus.objects)} objects.",
        f"The sandbox runs jobs {_SPEED} times faster than AWS (3 s instead of 8 minutes) with 10 slots a kind.",
        f"Some prefixes must fail: {', '.join((*corpus.unreadable, *corpus.empty))}; some hold bad documents.",
        "",
    )
    with _sandbox(directory) as environment:
        anyio.run(_upload, corpus, environment["AWS_ENDPOINT_URL_S3"])
        _say(f"$ cd {directory} && fleet run manifest.jsonl")
        command = [sys.executable, "-m", "fleet", "run", "manifest.jsonl"]
        code = subprocess.run(command, cwd=directory, env=environment, check=False).returncode
        truth = _truth(environment["AWS_ENDPOINT_URL_COMPREHEND"])
    return _judge(corpus, code, truth)


def _empty(directory: Path) -> None:
    """An empty directory of ours; one that holds something else is left alone."""
    if directory.exists():
        if any(directory.iterdir()) and not (directory / _MARK).exists():
            raise InvalidInput(f"{directory} holds other files; choose another place with --directory")
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    (directory / _MARK).touch()


def _write(directory: Path, corpus: Corpus) -> None:
    (directory / "sandbox.toml").write_text(_SWITCHES.format(speed=_SPEED) + corpus.toml())
    (directory / "fleet.toml").write_text(_CONFIG.format(role=_ROLE, output=corpus.output_bucket))
    (directory / "manifest.jsonl").write_text(corpus.manifest)


@contextmanager
def _sandbox(directory: Path) -> Iterator[dict[str, str]]:
    """A sandbox process while the context lasts; the environment that leads AWS clients to it."""
    command = [sys.executable, "-m", "fleet", "sandbox", "--port", "0", "--s3-port", "0", "--switches", "sandbox.toml"]
    log = (directory / "sandbox.log").open("wb")
    # a session of its own, so that Ctrl-C drains fleet and does not take its AWS away
    with (
        log,
        subprocess.Popen(
            command, cwd=directory, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        ) as process,
    ):
        try:
            yield _own_environment() | _exports(process.stdout or (), directory)
        finally:
            process.terminate()


def _own_environment() -> dict[str, str]:
    """This process's environment without anything that would lead elsewhere than to the sandbox."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FLEET_"))}


def _exports(output: Iterable[str], directory: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in output:
        if not line.startswith("export "):
            return found
        name, _, value = line.removeprefix("export ").strip().partition("=")
        found[name] = value
    raise InvalidInput(f"the sandbox did not start; see {directory / 'sandbox.log'}")


async def _upload(corpus: Corpus, s3_url: str) -> None:
    async with S3Store(s3_url) as store:
        await upload(corpus, store)


def _truth(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/sandbox/truth", timeout=30) as answer:  # noqa: S310 - our own sandbox
        truth: dict[str, Any] = json.load(answer)
    return truth


def _judge(corpus: Corpus, code: int, truth: dict[str, Any]) -> int:
    """Print what the sandbox counted; 0 when it is what the corpus demands."""
    started, duplicates = truth["jobs_started"], len(truth["duplicates"])
    statuses: dict[str, int] = {}
    for kind in truth["jobs"].values():
        for status, jobs in kind.items():
            statuses[status] = statuses.get(status, 0) + jobs
    failing = len(corpus.unreadable) + len(corpus.empty)
    _say("", f"The sandbox's own count: {started} jobs started for {corpus.jobs} asked, {duplicates} duplicates,")
    _say(f"  {', '.join(f'{jobs} {status}' for status, jobs in sorted(statuses.items()))}.")
    expected = {"COMPLETED": corpus.jobs - failing, "FAILED": failing}
    if code in (130, 143):
        return code
    if code == 1 and statuses == expected and not duplicates and started == corpus.jobs:
        _say(f"As it should be: {failing} prefixes were made to fail, and all else is done once.")
        return 0
    _say(f"This is not as it should be (expected {expected}; fleet run left with {code}).")
    return 1


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
