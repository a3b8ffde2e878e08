"""How a job moves on with time: SUBMITTED, IN_PROGRESS, then COMPLETED, FAILED or STOPPED.

Promises: reads no clock and does no I/O. `advance(now)` makes every move that is due, in the order of time, and returns
what must be done outside (look at the input, write the output); `inspected`, `performed` and `failed` bring the results
back. A job is COMPLETED only after its output was written.

Sources: facts sheet 3.1, 3.3, 3.4. The durations are switches, for AWS documents none.
"""

import heapq
from dataclasses import dataclass
from typing import Final

from fleet.sandbox.jobs import Job, Shelf, Status
from fleet.sandbox.messages import Message, message
from fleet.sandbox.switches import Switches

__all__ = ["Inspect", "Lifecycle", "Perform"]

_MB: Final = 1_000_000
_MADE_TO_FAIL: Final = "INTERNAL_ERROR: The job was made to fail."


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
        self.switches = switches
        self._timers: list[tuple[float, int, int, str, Job]] = []

    def submit(self, job: Job, now: float) -> None:
        """The job has a slot and its time in SUBMITTED runs, or it waits for one (switch `cap` = queue)."""
        if self.switches.cap == "queue" and job.shelf.slots_used > self.switches.active_jobs:
            job.shelf.waiting.append(job)
        else:
            job.take_slot(now)
            self._set(job, now + self._scaled(self.switches.submitted_s), "begin")

    def admit(self, shelf: Shelf, now: float) -> None:
        """The slots that are free go to the jobs that wait longest."""
        while shelf.waiting and shelf.slots_used < self.switches.active_jobs:
            job = shelf.waiting.popleft()
            job.take_slot(now)
            self._set(job, now + self._scaled(self.switches.submitted_s), "begin")

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
            if self.switches.stop_submitted == "STOPPED":
                self._end(job, Status.STOPPED, now)
                return
            job.timer += 1
            job.move(Status.STOP_REQUESTED, now)
        elif job.status is Status.IN_PROGRESS:
            job.move(Status.STOP_REQUESTED, now)
        else:
            return
        stopped_at = now + self._scaled(self.switches.stop_s)
        done_at = None if job.begun_at is None or job.work_s is None else job.begun_at + job.work_s
        if not job.writing and (done_at is None or done_at > stopped_at):
            self._set(job, stopped_at, "halt")

    def inspected(self, job: Job, size_bytes: int, now: float) -> None:
        """The size of the input is known, and so is when the job will end."""
        if job.begun_at is None:
            return
        seconds = self.switches.overhead_s + self.switches.per_mb_s * size_bytes / _MB
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
            job.failure = message
            self._set(job, max(now, job.begun_at + self._scaled(self.switches.failure_s)), "fail")

    def _steps(self, step: str, job: Job, now: float) -> Inspect | Perform | None:
        """One timer has run out."""
        job.timer += 1
        if step == "begin":
            return self._begin(job, now)
        if step == "work":
            return self._work(job, now)
        if step == "fail":
            self._end(job, Status.FAILED, now, job.failure)
            return None
        fraction = 0.0 if job.begun_at is None or not job.work_s else min(1.0, (now - job.begun_at) / job.work_s)
        if fraction > 0 and not job.foreign:
            job.writing = job.halting = True
            return Perform(job=job, fraction=fraction)
        self._end(job, Status.STOPPED, now)
        return None

    def _begin(self, job: Job, now: float) -> Inspect | None:
        fault = job.fault
        stuck_in = fault.stuck_in if fault is not None and fault.what == "stick_job" else None
        if stuck_in == Status.SUBMITTED:
            return None
        job.move(Status.IN_PROGRESS, now)
        job.begun_at = now
        if stuck_in == Status.IN_PROGRESS:
            return None
        if job.foreign_s is not None:
            self._set(job, max(now, job.submit_time + self._scaled(job.foreign_s)), "work")
            return None
        if fault is not None and fault.what == "fail_job":
            self.failed(job, fault.message or _MADE_TO_FAIL, now)
            return None
        if self.switches.vpc_denied and job.request.get("VpcConfig"):
            self.failed(job, message(Message.VPC, self.switches.messages), now)
            return None
        return Inspect(job=job)

    def _work(self, job: Job, now: float) -> Perform | None:
        if job.foreign:
            self._end(job, Status.COMPLETED, now)
            return None
        job.writing = True
        return Perform(job=job)

    def _end(self, job: Job, status: Status, now: float, message: str | None = None) -> None:
        job.timer += 1
        job.writing = False
        job.move(status, now, message)
        self.admit(job.shelf, now)

    def _set(self, job: Job, at: float, step: str) -> None:
        """The job's one timer runs out at a time; an earlier timer of it counts no more."""
        job.timer += 1
        heapq.heappush(self._timers, (at, job.number, job.timer, step, job))

    def _scaled(self, seconds: float) -> float:
        return seconds / self.switches.time_scale
