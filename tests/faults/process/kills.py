"""SIGKILL at random instants, hundreds of times in one run: fleet, and beside it a script with a saved job list.

Both get a sandbox of their own with the same seed, which loses some answers after it has accepted the request. Both
are killed at the same instants and started again by the same command; the sandboxes' accept logs say what it did.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.contenders.task import Task
from tests.bench.service import INPUT, ROLE, Service, serve
from tests.faults.process.accept_log import Judgement, Limits
from tests.faults.process.place import Place, prefixes

__all__ = ["Campaign", "Runner", "kill_again_and_again"]

KINDS: Final = ("entities", "key_phrases", "pii_entities", "sentiment", "targeted_sentiment")
_ACCOUNT: Final = "123456789012"
_LIFE_FIRST: Final = 1.3  # the longest life, in times from the start of a process to its first Start
_LIFE_STEP: Final = 1.2
_AT_LAST_KILL: Final = 0.95  # of the jobs shall be started by then
_ENDS_S: Final = 240.0
_LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """How many jobs (a multiple of the kinds), how many kills, which lives, and what the sandbox does."""

    jobs: int
    kills: int
    seed: int
    lost_answers: float = 0.05
    job_s: float = 8.0
    limits: Limits = field(default_factory=lambda: Limits(active_jobs=5, start_per_s=2))
    kinds: Sequence[str] = KINDS

    @property
    def uris(self) -> list[str]:
        """The S3 prefixes of the jobs."""
        return prefixes(self.jobs // len(self.kinds))

    def switches(self) -> list[str]:
        """The sandbox's."""
        limits = self.limits
        return [
            f"seed={self.seed}",
            f"active_jobs={limits.active_jobs}",
            f"start_per_s={limits.start_per_s}",
            f"describe_per_s={limits.describe_per_s}",
            f"list_per_s={limits.list_per_s}",
            f"submitted_s={self.job_s / 10}",
            f"overhead_s={self.job_s * 0.9}",
            "per_mb_s=0",
        ]


@dataclass(slots=True, kw_only=True)
class Runner:
    """One of the two: the command that is started again and again, and the place that judges it."""

    name: str
    command: Sequence[str]
    place: Place
    kills: int = 0
    code: int | None = None
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start the command once more."""
        with (
            (self.place.directory / "out.json").open("wb") as out,
            (self.place.directory / "fleet.log").open("ab") as log,
        ):
            self.process = subprocess.Popen(
                self.command, cwd=self.place.directory, env=dict(self.place.environment), stdout=out, stderr=log
            )

    def ended(self) -> bool:
        """Whether it has left by itself."""
        if self.process is not None and self.code is None:
            self.code = self.process.poll()
        return self.code is not None

    def kill(self) -> None:
        """SIGKILL, if it still runs; then start it again."""
        if self.ended() or self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self.kills += 1
        self.start()

    def stop(self) -> None:
        """Nothing of it is left."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def outcome(self) -> tuple[Judgement, list[str]]:
        """The judgement, and every broken promise."""
        judgement = self.place.judgement()
        broken = judgement.violations(self.place.limits)
        if self.code != 0:
            broken.insert(0, f"left with {self.code} in the end")
        return judgement, broken


def kill_again_and_again(campaign: Campaign, directory: Path, *, beside: bool = True) -> list[Runner]:
    """Run fleet, and with `beside` the script too, until both have ended after the last kill."""
    rng = random.Random(campaign.seed)
    with _services(campaign, directory, 2 if beside else 1) as services:
        fleet = _fleet(campaign, directory / "fleet", services[0])
        runners = [fleet, *(_script(campaign, directory / "script", service) for service in services[1:])]
        try:
            for runner in runners:
                runner.start()
            longest_s = _LIFE_FIRST * _first_start_s(fleet)
            while fleet.kills < campaign.kills and not fleet.ended():
                longest_s *= _longer_or_shorter(campaign, fleet)
                _wait(fleet, longest_s * rng.random())
                for runner in runners:
                    runner.kill()
            until = time.monotonic() + _ENDS_S
            while not all(runner.ended() for runner in runners) and time.monotonic() < until:
                _wait(fleet, _LOOK_S)
        finally:
            for runner in runners:
                runner.stop()
        for runner in runners:
            runner.place.freeze()
    return runners


def _first_start_s(fleet: Runner) -> float:
    """How long the process takes on this machine until the service has accepted its first Start."""
    began = time.monotonic()
    process = fleet.process
    assert process is not None
    fleet.place.wait(process, lambda: fleet.place.starts() > 0, "the first Start")
    return time.monotonic() - began


def _longer_or_shorter(campaign: Campaign, fleet: Runner) -> float:
    """What the next lives are multiplied with, so that neither the jobs nor the kills are done long before the other.

    A busy machine starts processes slower than it did a minute ago, so the lives cannot be planned beforehand.
    """
    ahead = fleet.place.service.truth()["jobs_started"] / campaign.jobs > _AT_LAST_KILL * fleet.kills / campaign.kills
    return 1 / _LIFE_STEP if ahead else _LIFE_STEP


def _wait(runner: Runner, seconds: float) -> None:
    """Return then, or as soon as the runner has ended."""
    until = time.monotonic() + seconds
    while (left_s := until - time.monotonic()) > 0 and not runner.ended():
        time.sleep(min(_LOOK_S, left_s))


@contextmanager
def _services(campaign: Campaign, directory: Path, count: int) -> Iterator[list[Service]]:
    """So many sandboxes of the same seed, with the documents in them, which lose answers."""
    keys = [f"{uri.removeprefix(INPUT)}part-0.txt" for uri in campaign.uris]
    if not count:
        yield []
        return
    home = directory / f"sandbox-{count}"
    home.mkdir(parents=True)
    with serve(home, campaign.switches(), keys) as service, _services(campaign, directory, count - 1) as others:
        if campaign.lost_answers:
            service.control("POST", "faults", {"what": "lose_answer", "probability": campaign.lost_answers})
        yield [*others, service]


def _fleet(campaign: Campaign, directory: Path, service: Service) -> Runner:
    place = Place(
        directory=directory,
        service=service,
        account=_ACCOUNT,
        uris=campaign.uris,
        kinds=campaign.kinds,
        limits=campaign.limits,
    )
    return Runner(
        name="fleet run", place=place, command=[sys.executable, "-m", "fleet", "run", "manifest.jsonl", "--json"]
    )


def _script(campaign: Campaign, directory: Path, service: Service) -> Runner:
    runner = _fleet(campaign, directory, service)
    limits = campaign.limits
    task = Task(
        jobs=[(kind, uri) for uri in campaign.uris for kind in campaign.kinds],
        slots=limits.active_jobs,
        start_per_s=limits.start_per_s,
        describe_per_s=limits.describe_per_s,
        list_per_s=limits.list_per_s,
        poll_s=max(0.5, limits.active_jobs / limits.describe_per_s),
        role=ROLE,
        output="s3://corpus-out/results/",
    )
    task.write(directory / "task.json")
    runner.name = "boto3, saved job list"
    runner.command = [sys.executable, "-m", "tests.faults.process.saved_list", "task.json"]
    return runner


def verified(runner: Runner) -> int:
    """How many jobs fleet says are verified, by its summary."""
    try:
        return int(json.loads((runner.place.directory / "out.json").read_bytes())["states"]["verified"])
    except (ValueError, KeyError):
        return 0
