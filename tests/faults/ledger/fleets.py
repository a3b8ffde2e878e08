"""A real `fleet run` against a sandbox process, killed at some write of its ledger; the next one finishes the work."""

import json
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio

from fleet.sandbox.store import S3Store
from tests.e2e.conftest import CONFIG, SWITCHES, Place, sandbox
from tests.faults.ledger.syscalls import Injection, trace

__all__ = ["killed"]

_PREFIXES = ("a/", "b/", "c/")
_KILLS = 3


def killed(rng: random.Random) -> tuple[int, list[str]]:
    """How often a fleet of 15 jobs was killed at a random write, and what was wrong when the last had finished.

    AWS knows no token again here, so that a lost intent would show as a second job.
    """
    with tempfile.TemporaryDirectory() as directory, _place(Path(directory)) as place:
        place.documents(*_PREFIXES)
        manifest = place.write("manifest.jsonl", *({"prefix": f"s3://corpus-in/{prefix}"} for prefix in _PREFIXES))
        reached = 0
        for _ in range(_KILLS):
            call, most = rng.choice((("pwrite64", 300), ("fdatasync", 40)))
            injection = Injection(call=call, nth=rng.randint(1, most))
            log = place.directory / "trace"
            command = ["-m", "fleet", "run", manifest]
            found = trace(command, injection, log, cwd=place.directory, environment=place.environment)
            reached += found.reached
        last = place.fleet("run", manifest, "--json")
        return reached, _wrong(place, last.returncode, last.stdout or last.stderr)


def _wrong(place: Place, code: int, said: str) -> list[str]:
    if code:
        return [f"the last run left with {code}: {said[-300:]}"]
    truth, verified = place.truth(), json.loads(said)["states"]["verified"]
    found = [] if truth["duplicates"] == [] else [f"AWS has jobs twice: {truth['duplicates']}"]
    if not truth["jobs_started"] == verified == 5 * len(_PREFIXES):
        found.append(f"{truth['jobs_started']} jobs were started and {verified} verified")
    checked = place.fleet("ledger", "check")
    return found + ([checked.stdout] if checked.returncode else [])


@contextmanager
def _place(directory: Path) -> Iterator[Place]:
    with sandbox(directory, (*SWITCHES, "replay=new_job")) as environment:
        (directory / "fleet.toml").write_text(CONFIG)

        async def make_buckets() -> None:
            async with S3Store(environment["AWS_ENDPOINT_URL_S3"]) as store:
                await store.create_bucket("corpus-in")
                await store.create_bucket("corpus-out")

        anyio.run(make_buckets)
        yield Place(directory, environment)
