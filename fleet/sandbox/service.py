"""The emulated service itself: Start, Describe, List and Stop of the five kinds, without a socket or a clock.

Promises: `call` answers as Comprehend does, or raises ServiceError; it reads no clock (`now` is an argument, in epoch
seconds), draws only from the given generator, and writes one entry of the accept log for each request.
Order of the checks (UNKNOWN at AWS): rate, the request itself, the token, the name, the slots.

Accounts, kept simple: the account of the access key owns the jobs and the quotas; the account in DataAccessRoleArn
stands in the JobArn and in the output path. At AWS they are one, for a role can be passed only within its account.

Sources: facts sheet 1.1, 1.2, 2, 3.1 to 3.6. Each UNKNOWN there is a switch.
"""

import random
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from fleet.sandbox.creation import Creation, foreign_request
from fleet.sandbox.errors import ServiceError
from fleet.sandbox.jobs import Job, Seen, Shelf, Status
from fleet.sandbox.kinds import OPERATIONS, Kind, Operation, Verb
from fleet.sandbox.lifecycle import Lifecycle
from fleet.sandbox.listing import page
from fleet.sandbox.model import Model
from fleet.sandbox.quota import Bucket, Quota, Window
from fleet.sandbox.rules import check_start
from fleet.sandbox.switches import FIXED, Switches
from fleet.sandbox.tally import Tally
from fleet.sandbox.tokens import Tokens
from fleet.sandbox.truth import ACCEPTED, CAPPED, REFUSED, REPLAYED, THROTTLED, Entry, Span

__all__ = ["Service"]

Answer = dict[str, Any]


class Service:
    """All jobs of all accounts and Regions, and the rules by which they come, are seen and go."""

    def __init__(self, switches: Switches | None = None, *, rng: random.Random | None = None) -> None:
        self.switches = switches or Switches()
        self.lifecycle = Lifecycle(self.switches)
        self.log: deque[Entry] = deque(maxlen=self.switches.log_max)
        self.tally = Tally()
        self.jobs: dict[str, Job] = {}
        self._model = Model(
            constraint_code=self.switches.constraint_code, unknown_members=self.switches.unknown_members
        )
        self._creation = Creation(self._model, rng or random.Random(self.switches.seed))
        self._shelves: dict[tuple[str, str, str], Shelf] = {}
        self._quotas: dict[tuple[str, str, str], tuple[Operation, Quota]] = {}
        self._tokens = Tokens()
        self._verbs = {
            Verb.START: self._start,
            Verb.DESCRIBE: self._describe,
            Verb.LIST: self._list,
            Verb.STOP: self._stop,
        }

    def call(
        self, operation: str, params: Mapping[str, Any], now: float, *, account: str, region: str, access_key: str = ""
    ) -> Answer:
        """The answer's JSON; or ServiceError, and then nothing has changed but the log."""
        known = OPERATIONS.get(operation)
        if known is None:
            raise ServiceError("UnknownOperationException", f"The operation {operation} is not known here")
        shelf = self.shelf(account, region, known.kind)
        try:
            self._throttle(known, params, now, shelf)
            self._model.check(operation, params)
            outcome, answer = self._verbs[known.verb](known.kind, params, now, shelf)
        except ServiceError as error:
            self._note(_entry(known, params, now, shelf, access_key, _outcome(error), code=error.code))
            raise
        told = answer.get(known.kind.wrapper, answer)
        job_id, status = told.get("JobId", ""), told.get("JobStatus", "")
        self._note(_entry(known, params, now, shelf, access_key, outcome, job_id=job_id, status=status))
        return answer

    def change(self, switches: Switches, now: float) -> None:
        """The switches hold from now on, for running jobs and quotas too; ValueError if one of them is fixed.

        Timers that run keep their times. With fewer slots than jobs, no job is stopped: Starts wait for their ends.
        """
        fixed = sorted(name for name in FIXED if getattr(switches, name) != getattr(self.switches, name))
        if fixed:
            raise ValueError(f"{', '.join(fixed)}: fixed when the sandbox starts")
        self.switches = self.lifecycle.switches = switches
        for operation, quota in self._quotas.values():
            quota.change(self._rate(operation), switches.burst_s)
        for shelf in self._shelves.values():
            shelf.use.change(switches.active_jobs, now)
            self.lifecycle.admit(shelf, now)

    def intrude(self, shelf: Shelf, jobs: int, seconds: float, now: float) -> list[str]:
        """The JobIds of new jobs of somebody else, as many as there are free slots; they run for so many seconds.

        The seconds are AWS's, divided by time_scale like those of any job. These jobs stand in List and Describe and
        hold slots; they read and write nothing, take no rate, and are no entry of the log.
        """
        found: list[str] = []
        for _ in range(min(jobs, self.switches.active_jobs - shelf.slots_used)):
            job = self._new_job(foreign_request(shelf, len(self.jobs)), now, shelf)
            job.foreign_s = seconds
            self._enter(job, now)
            found.append(job.job_id)
        return found

    @property
    def shelves(self) -> Iterable[Shelf]:
        """The jobs, lane by lane."""
        return self._shelves.values()

    def shelf(self, account: str, region: str, kind: Kind) -> Shelf:
        """The jobs of one account, Region and kind."""
        found = self._shelves.get((account, region, kind.name))
        if found is None:
            found = self._shelves[account, region, kind.name] = Shelf(account, region, kind, self.switches.active_jobs)
        return found

    def spans(self) -> list[Span]:
        """From when to when each job held its slot, for the checkers."""
        return [
            Span(job.kind.name, job.slot_at, job.ended_at, job.shelf.account, job.shelf.region, job.foreign)
            for job in self.jobs.values()
            if job.slot_at is not None
        ]

    def _note(self, entry: Entry) -> None:
        self.log.append(entry)
        self.tally.add(entry)

    def _throttle(self, operation: Operation, params: Mapping[str, Any], now: float, shelf: Shelf) -> None:
        free = operation.verb is Verb.START and not self.switches.replay_takes_rate
        if free and self._tokens.replayed(params, now, shelf, self.switches) is not None:
            return
        key = (shelf.account, shelf.region, operation.name)
        known = self._quotas.get(key)
        if known is None:
            quota = Window if self.switches.rate_model == "window" else Bucket
            counted = self.switches.throttled_count
            known = self._quotas[key] = (
                operation,
                quota(self._rate(operation), self.switches.burst_s, count_refused=counted),
            )
        if not known[1].take(now):
            code = self.switches.throttle_code
            declared = self._model.declares(operation.name, code)
            raise _Throttled(code if declared else "ThrottlingException", self.switches.throttle_message)

    def _rate(self, operation: Operation) -> float:
        return float(getattr(self.switches, f"{operation.verb.lower()}_per_s"))

    def _start(self, kind: Kind, params: Mapping[str, Any], now: float, shelf: Shelf) -> tuple[str, Answer]:
        check_start(kind, params, self.switches)
        full = shelf.counted(self.switches.slot_statuses) >= self.switches.active_jobs
        capped = self.switches.cap == "reject" and full
        used = self._tokens.replayed(params, now, shelf, self.switches)
        used = used or self._tokens.mismatched(params, now, shelf, self.switches)
        if used is not None and not (capped and self.switches.replay_needs_slot):
            return REPLAYED, self._started(used)
        name = params.get("JobName")
        if self.switches.job_name_unique and any(self._visible(job, now) for job in shelf.by_name.get(name or "", ())):
            raise ServiceError("ResourceInUseException")
        if capped:
            raise _Capped(self.switches.cap_code)
        job = self._new_job(params, now, shelf)
        self._tokens.add(job, self.switches)
        self._enter(job, now)
        return ACCEPTED, self._started(job)

    def _new_job(self, params: Mapping[str, Any], now: float, shelf: Shelf) -> Job:
        return self._creation.job(params, now, shelf, self.switches, len(self.jobs))

    def _enter(self, job: Job, now: float) -> None:
        job.shelf.add(job)
        self.jobs[job.job_id] = job
        self.lifecycle.submit(job, now)

    def _describe(self, kind: Kind, params: Mapping[str, Any], now: float, shelf: Shelf) -> tuple[str, Answer]:
        job = self._find(params, shelf)
        seen = job.seen(now - self.switches.describe_delay_s)
        if seen is None or not self._visible(job, now):
            raise ServiceError("JobNotFoundException")
        return ACCEPTED, {kind.wrapper: job.properties(seen)}

    def _list(self, kind: Kind, params: Mapping[str, Any], now: float, shelf: Shelf) -> tuple[str, Answer]:
        def look(job: Job) -> Seen | None:
            return job.seen(now - self.switches.list_delay_s) if self._visible(job, now) else None

        return ACCEPTED, page(kind, params, shelf, self.switches, look, now)

    def _stop(self, kind: Kind, params: Mapping[str, Any], now: float, shelf: Shelf) -> tuple[str, Answer]:
        """Facts sheet 3.4. The code for an ended job is the documented "400", read as InvalidRequestException."""
        job = self._find(params, shelf)
        if not self._visible(job, now):
            raise ServiceError("JobNotFoundException")
        if job.status in (Status.COMPLETED, Status.FAILED):
            raise ServiceError("InvalidRequestException", f"A job that is {job.status} cannot be stopped")
        self.lifecycle.stop(job, now)
        return ACCEPTED, {"JobId": job.job_id, "JobStatus": job.status}

    def _find(self, params: Mapping[str, Any], shelf: Shelf) -> Job:
        """A job of another account or Region is not found; one of another kind is as the switch says (facts 3.2)."""
        job = self.jobs.get(params["JobId"])
        if job is None or (job.shelf.account, job.shelf.region) != (shelf.account, shelf.region):
            raise ServiceError("JobNotFoundException")
        if job.shelf is not shelf:
            raise ServiceError(self.switches.cross_kind_code)
        return job

    def _visible(self, job: Job, now: float) -> bool:
        ended_at = job.ended_at
        return ended_at is None or now - ended_at <= self.switches.retention_s

    def _started(self, job: Job) -> Answer:
        answer: Answer = {"JobId": job.job_id, "JobArn": job.arn, "JobStatus": job.status}
        if "EntityRecognizerArn" in job.face:
            answer["EntityRecognizerArn"] = job.face["EntityRecognizerArn"]
        return answer


class _Throttled(ServiceError):
    """Refused for its rate."""


class _Capped(ServiceError):
    """Refused for want of a slot."""


def _entry(
    operation: Operation,
    params: Mapping[str, Any],
    now: float,
    shelf: Shelf,
    access_key: str,
    outcome: str,
    *,
    code: str = "",
    job_id: str = "",
    status: str = "",
) -> Entry:
    known = (now, shelf.account, shelf.region, operation.name, operation.kind.name, outcome, code)
    if operation.verb is not Verb.START:
        wanted = params.get("Filter")
        return Entry(
            *known,
            job_id=job_id or str(params.get("JobId", "")),
            status=status,
            access_key=access_key,
            filter_status=str(wanted.get("JobStatus", "")) if isinstance(wanted, Mapping) else "",
        )
    source = params.get("InputDataConfig")
    return Entry(
        *known,
        token=str(params.get("ClientRequestToken", "")),
        job_name=str(params.get("JobName", "")),
        job_id=job_id,
        input_uri=str(source.get("S3Uri", "")) if isinstance(source, Mapping) else "",
        status=status,
        access_key=access_key,
    )


def _outcome(error: ServiceError) -> str:
    return THROTTLED if isinstance(error, _Throttled) else CAPPED if isinstance(error, _Capped) else REFUSED
