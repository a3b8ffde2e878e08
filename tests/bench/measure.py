"""One contender in one scenario: a fresh sandbox, a real process, and then what the sandbox saw."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fleet.sandbox.truth import Entry
from tests.bench.bound import Limits, lower_bound_s
from tests.bench.contenders.task import Task
from tests.bench.scenarios import Scenario
from tests.bench.service import INPUT, ROLE, RemoteJob, Service, serve
from tests.bench.timeline import Timeline

__all__ = ["CONTENDERS", "Cost", "Observation", "measure", "run_process"]

CONTENDERS: Final = {
    "fleet": ("fleet_run",),
    "boto3 threads": ("boto3_threads",),
    "boto3 adaptive": ("boto3_adaptive",),
    "aioboto3": ("aioboto3_semaphore",),
    "aioboto3 paced": ("aioboto3_semaphore", "paced"),
}
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process took, as the kernel counts it."""

    cpu_s: float
    peak_rss_mib: float
    elapsed_s: float
    code: int
    timed_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Everything that is judged. Times are Unix seconds; `faulted`: what a storm refused, by operation."""

    scenario: Scenario
    log: list[Entry]
    jobs: list[RemoteJob]
    limits: list[Limits]
    cost: Cost
    faulted: Mapping[str, int]

    @property
    def expected(self) -> set[tuple[str, str]]:
        """The (kind, input S3 URI) pairs that were asked for."""
        return set(_jobs(self.scenario))


def measure(scenario: Scenario, contender: str, keep: Path | None = None) -> Observation:
    """Run one contender once; its directory stays below `keep`, where that is given."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        keys = [f"{uri.removeprefix(INPUT)}part-0.txt" for uri in dict.fromkeys(uri for _, uri in _jobs(scenario))]
        with serve(directory, scenario.switches(), keys) as service:
            timeline = Timeline(service, scenario)
            _task(scenario).write(directory / "task.json")
            timeline.begin()
            module, *words = CONTENDERS[contender]
            command = [sys.executable, "-m", f"tests.bench.contenders.{module}", "task.json", *words]
            cost = run_process(command, directory, service, timeout_s=_timeout_s(scenario))
            log = service.log()
            timeline.end()
            _wait_for_ends(service, timeout_s=10 * scenario.duration_s + 60)
            jobs = service.jobs(scenario.kinds)
            (directory / "accept.jsonl").write_bytes(service.control("GET", "log"))
            return Observation(
                scenario=scenario, log=log, jobs=jobs, limits=timeline.limits(), cost=cost, faulted=timeline.faulted
            )


def run_process(command: Sequence[str], directory: Path, service: Service, *, timeout_s: float) -> Cost:
    """Run one process against the sandbox to its end, or kill it after `timeout_s`.

    CPU time comes from wait4. The peak RSS is VmHWM where there is /proc, for ru_maxrss begins at what the parent of
    a process had.
    """
    began = time.monotonic()
    with (directory / "contender.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=directory, env=service.environment, stdout=log, stderr=log)
        peak_kib, timed_out = 0, False
        try:
            while True:
                peak_kib = max(peak_kib, _peak_rss_kib(process.pid))
                found, status, usage = os.wait4(process.pid, os.WNOHANG)
                if found:
                    process.returncode = os.waitstatus_to_exitcode(status)
                    break
                if time.monotonic() - began > timeout_s and not timed_out:
                    timed_out = True
                    process.kill()
                time.sleep(_LOOK_S)
        finally:
            if process.returncode is None:
                process.kill()
    return Cost(
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_rss_mib=(peak_kib or usage.ru_maxrss) / 1024,
        elapsed_s=time.monotonic() - began,
        code=process.returncode,
        timed_out=timed_out,
    )


def _jobs(scenario: Scenario) -> list[tuple[str, str]]:
    uris = [f"{INPUT}{number:05d}/" for number in range(1, scenario.prefixes + 1)]
    return [(kind, uri) for uri in uris for kind in scenario.kinds]


def _task(scenario: Scenario) -> Task:
    return Task(
        jobs=_jobs(scenario),
        slots=scenario.told_slots or scenario.slots,
        start_per_s=scenario.told_start_per_s or scenario.start_per_s,
        describe_per_s=scenario.describe_per_s,
        list_per_s=scenario.list_per_s,
        poll_s=scenario.poll_s,
        role=ROLE,
        output="s3://corpus-out/results/",
    )


def _timeout_s(scenario: Scenario) -> float:
    bound_s = lower_bound_s(
        scenario.prefixes, duration_s=scenario.duration_s, slots=scenario.slots, start_per_s=scenario.start_per_s
    )
    return 120 + 5 * bound_s


def _wait_for_ends(service: Service, *, timeout_s: float) -> None:
    """The jobs that a contender left behind have ended too, as far as they ever do."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        active = ("SUBMITTED", "IN_PROGRESS", "STOP_REQUESTED")
        if not sum(kind.get(status, 0) for kind in service.truth()["jobs"].values() for status in active):
            return
        time.sleep(_LOOK_S)


def _peak_rss_kib(process_id: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0
