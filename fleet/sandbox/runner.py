"""The jobs' work, done at the times that the lifecycle says.

Promises: every Inspect and Perform that the lifecycle returns is answered to it, also when something breaks: an
exception that nobody foresaw fails the job with INTERNAL_ERROR and is logged. A bounded number of jobs reads documents
at a time, and the event loop keeps answering meanwhile (the worker gives way between documents).
"""

import logging

import anyio
from anyio.abc import TaskGroup

from fleet.sandbox.clock import Clock
from fleet.sandbox.jobs import Job
from fleet.sandbox.lifecycle import Inspect, Perform
from fleet.sandbox.messages import Message, message
from fleet.sandbox.service import Service
from fleet.sandbox.store import Store
from fleet.sandbox.worker import Inspection, JobFailed, Worker

__all__ = ["Runner"]

log = logging.getLogger(__name__)


class Runner:
    """Drives one service's jobs against one store on one clock, until it is cancelled."""

    def __init__(self, service: Service, store: Store, clock: Clock) -> None:
        self._service = service
        self._worker = Worker(store)
        self._clock = clock
        self._changed = anyio.Event()
        self._inputs: dict[str, Inspection] = {}
        self._places = anyio.CapacityLimiter(service.switches.work_at_once)

    def wake(self) -> None:
        """A job was started or stopped, so something may be due sooner than thought."""
        self._changed.set()

    async def run(self) -> None:
        """Move the jobs on for ever."""
        async with anyio.create_task_group() as group:
            while True:
                self._changed = anyio.Event()
                self.start_due(group)
                await self._wait()

    def start_due(self, group: TaskGroup) -> None:
        """All work that is due now runs in the group."""
        for work in self._service.lifecycle.advance(self._clock.now()):
            if isinstance(work, Inspect):
                group.start_soon(self._inspect, work.job)
            else:
                group.start_soon(self._perform, work)

    async def _wait(self) -> None:
        """Return when something is due or has changed."""
        due = self._service.lifecycle.next_due()
        if due is None:
            await self._changed.wait()
            return
        async with anyio.create_task_group() as group:
            group.start_soon(self._nap, due - self._clock.now(), group.cancel_scope)
            await self._changed.wait()
            group.cancel_scope.cancel()

    async def _nap(self, seconds: float, scope: anyio.CancelScope) -> None:
        await self._clock.sleep(max(0.0, seconds))
        scope.cancel()

    async def _inspect(self, job: Job) -> None:
        found, failure = Inspection(sources=()), ""
        try:
            async with self._places:
                found = await self._worker.inspect(job.kind.name, job.request, self._service.switches)
        except JobFailed as error:
            failure = error.message
        except Exception:
            log.exception("the input of job %s could not be inspected", job.job_id)
            failure = self._internal()
        if failure:
            self._service.lifecycle.failed(job, failure, self._clock.now())
        else:
            if job.ended_at is None:
                self._inputs[job.job_id] = found
            self._service.lifecycle.inspected(job, found.size_bytes, self._clock.now())
        self.wake()

    async def _perform(self, work: Perform) -> None:
        job, failure = work.job, ""
        try:
            async with self._places:
                if not job.suffers("lose_output"):
                    await self._worker.perform(
                        job.kind.name,
                        job.request,
                        job.output_uri,
                        self._service.switches,
                        inspection=self._inputs.pop(job.job_id, None),
                        fraction=work.fraction * (0.5 if job.suffers("short_output") else 1.0),
                        fault=job.fault,
                    )
        except JobFailed as error:
            failure = error.message
        except Exception:
            log.exception("job %s could not be performed", job.job_id)
            failure = self._internal()
        self._inputs.pop(job.job_id, None)
        if failure:
            self._service.lifecycle.failed(job, failure, self._clock.now())
        else:
            self._service.lifecycle.performed(job, self._clock.now())
        self.wake()

    def _internal(self) -> str:
        return message(Message.INTERNAL, self._service.switches.messages)
