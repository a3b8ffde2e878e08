"""How a job moves on with time: SUBMITTED, IN_PROGRESS, then COMPLETED, FAILED or STOPPED.

Promises: reads no clock and does no I/O. `advance(now)` makes every move that is due, in the order of time, and returns
what must be done outside (look at the input, write the output); `inspected`, `performed` and `failed` bring the results
back. A job is COMPLETED only after its output was written.

Sources: facts sheet 3.1, 3.3, 3.4. The durations are switches, for AWS documents none.
"""

import heapq
from dataclasses import dataclass
from typing import Final

from fleet.sandbox.jobs import Job, Status
from fleet.sandbox.switches import Switches

__all__ = ["Inspect", "Lifecycle", "Perform"]

_MB: Final = 1_000_000
_VPC_MESSAGE: Final = (
    "NOT_ENOUGH_ACCESS_TO_VPC: The provided data access role does not have ec2:DescribeSecurityGroups permission."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspect:
    """Look at the job's input; answer with `inspected` or `failed`."""

    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Perform:
    """Write the job's output, a fraction of it after a Stop; answer with `performed` or `failed`."""

    job: Job
    fraction: float = 1.0


class Lifecycle:
    """The timers of all jobs."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._timers: list[tuple[float, int, int, str, Job]] = []

    def submit(self, job: Job, now: float) -> None:
        """The job has a slot and its time in SUBMITTED runs, or it waits for one (switch `cap` = queue)."""
        if job.shelf.slots_used > self._switches.active_jobs:
            job.shelf.waiting.append(job)
        else:
            self._set(job, now + self._scaled(self._switches.submitted_s), "begin")

    def next_due(self) -> float | None:
        """When `advance` has something to do next, as far as is known now."""
        while self._timers and self._timers[0][2] != self._timers[0][4].timer:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def advance(self, now: float) -> list[Inspect | Perform]:
        """Every move that was due by `now` is made; what is returned must now be done."""
        work: list[Inspect | Perform] = []
        while (due := self.next_due()) is not None and due <= now:
            _, _, _, step, job = heapq.heappop(self._timers)
            todo = self._steps(step, job, max(due, job.history[-1].at))
            if todo is not None:
                work.append(todo)
        return work

    def stop(self, job: Job, now: float) -> None:
        """A running job is STOP_REQUESTED and will be STOPPED, unless it ends before; else nothing changes.

        A job that is still SUBMITTED becomes what the switch says: both were seen (facts sheet 3.4). One that waits
        for a slot is STOPPED at once, for there is nothing to wind down.
        """
        if job in job.shelf.waiting:
            job.shelf.waiting.remove(job)
            job.move(Status.STOPPED, now)
            return
        if job.status is Status.SUBMITTED:
            if self._switches.stop_submitted == "STOPPED":
                self._end(job, Status.STOPPED, now)
                return
            job.timer += 1
            job.move(Status.STOP_REQUESTED, now)
        elif job.status is Status.IN_PROGRESS:
            job.move(Status.STOP_REQUESTED, now)
        else:
            return
        stopped_at = now + self._scaled(self._switches.stop_s)
        done_at = None if job.begun_at is None or job.work_s is None else job.begun_at + job.work_s
        if not job.writing and (done_at is None or done_at > stopped_at):
            self._set(job, stopped_at, "halt")

    def inspected(self, job: Job, size_bytes: int, now: float) -> None:
        """The size of the input is known, and so is when the job will end."""
        if job.begun_at is None or job.fate == "stick_job":
            return
        seconds = self._switches.overhead_s + self._switches.per_mb_s * size_bytes / _MB
        job.work_s = self._scaled(seconds * job.luck)
        if job.status is Status.IN_PROGRESS:
            self._set(job, max(now, job.begun_at + job.work_s), "work")

    def performed(self, job: Job, now: float) -> None:
        """The output is written: the job is COMPLETED, or STOPPED if a Stop cut it short."""
        self._end(job, Status.STOPPED if job.halting else Status.COMPLETED, now)

    def failed(self, job: Job, message: str, now: float) -> None:
        """The job will be FAILED with the message: at once if it was writing, else after its time for failures.

        A job that was asked to stop ends STOPPED in any case: the service names no other end (facts sheet 3.4).
        """
        if job.writing:
            status = Status.STOPPED if job.status is Status.STOP_REQUESTED else Status.FAILED
            self._end(job, status, now, message if status is Status.FAILED else None)
        elif job.status is Status.IN_PROGRESS and job.begun_at is not None:
            job.fate, job.fate_message = "fail_job", message
            self._set(job, max(now, job.begun_at + self._scaled(self._switches.failure_s)), "fail")

    def _steps(self, step: str, job: Job, now: float) -> Inspect | Perform | None:
        """One timer has run out."""
        job.timer += 1
        if step == "begin":
            return self._begin(job, now)
        if step == "work":
            job.writing = True
            return Perform(job=job)
        if step == "fail":
            self._end(job, Status.FAILED, now, job.fate_message)
            return None
        fraction = 0.0 if job.begun_at is None or not job.work_s else min(1.0, (now - job.begun_at) / job.work_s)
        if fraction > 0:
            job.writing = job.halting = True
            return Perform(job=job, fraction=fraction)
        self._end(job, Status.STOPPED, now)
        return None

    def _begin(self, job: Job, now: float) -> Inspect | None:
        job.move(Status.IN_PROGRESS, now)
        job.begun_at = now
        if job.fate == "fail_job":
            self.failed(job, job.fate_message, now)
            return None
        if self._switches.vpc_denied and job.request.get("VpcConfig"):
            self.failed(job, _VPC_MESSAGE, now)
            return None
        return Inspect(job=job)

    def _end(self, job: Job, status: Status, now: float, message: str | None = None) -> None:
        job.timer += 1
        job.writing = False
        job.move(status, now, message)
        self._release(job, now)

    def _release(self, job: Job, now: float) -> None:
        """The slot goes to the job that waits longest."""
        if job.shelf.waiting:
            self._set(job.shelf.waiting.popleft(), now + self._scaled(self._switches.submitted_s), "begin")

    def _set(self, job: Job, at: float, step: str) -> None:
        """The job's one timer runs out at a time; an earlier timer of it counts no more."""
        job.timer += 1
        heapq.heappush(self._timers, (at, job.number, job.timer, step, job))

    def _scaled(self, seconds: float) -> float:
        return seconds / self._switches.time_scale
