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
from collections.abc import Mapping
from typing import Any, Final

from fleet.sandbox.errors import ServiceError
from fleet.sandbox.jobs import Job, Seen, Shelf, Status
from fleet.sandbox.kinds import KINDS, OPERATIONS, Kind, Operation, Verb
from fleet.sandbox.lifecycle import Lifecycle
from fleet.sandbox.listing import page
from fleet.sandbox.model import Model
from fleet.sandbox.quota import Window
from fleet.sandbox.rules import check_start
from fleet.sandbox.switches import Switches
from fleet.sandbox.truth import ACCEPTED, CAPPED, REFUSED, REPLAYED, THROTTLED, Entry, Span

__all__ = ["Service"]

_ROLE_PARTITION, _ROLE_ACCOUNT = 1, 4
# Members that a Start takes and no Describe shows, or shows in another form (facts sheet 3.2).
_NOT_SHOWN: Final = frozenset({"OutputDataConfig", "JobName"})

Answer = dict[str, Any]


class Service:
    """All jobs of all accounts and Regions, and the rules by which they come, are seen and go."""

    def __init__(self, switches: Switches | None = None, *, rng: random.Random | None = None) -> None:
        self.switches = switches or Switches()
        self.lifecycle = Lifecycle(self.switches)
        self.log: deque[Entry] = deque(maxlen=self.switches.log_max)
        self.jobs: dict[str, Job] = {}
        self._rng = rng or random.Random(self.switches.seed)
        self._model = Model(
            constraint_code=self.switches.constraint_code, unknown_members=self.switches.unknown_members
        )
        self._shown = {kind.name: self._model.members(kind.wrapper) - _NOT_SHOWN for kind in KINDS.values()}
        self._shelves: dict[tuple[str, str, str], Shelf] = {}
        self._windows: dict[tuple[str, str, str], Window] = {}
        self._tokens: dict[tuple[str, str, str, str], Job] = {}
        self._verbs = {
            Verb.START: self._start,
            Verb.DESCRIBE: self._describe,
            Verb.LIST: self._list,
            Verb.STOP: self._stop,
        }

    def call(self, operation: str, params: Mapping[str, Any], now: float, *, account: str, region: str) -> Answer:
        """The answer's JSON; or ServiceError, and then nothing has changed but the log."""
        known = OPERATIONS.get(operation)
        if known is None:
            raise ServiceError("UnknownOperationException", f"The operation {operation} is not known here")
        shelf = self.shelf(account, region, known.kind)
        try:
            self._throttle(known, now, shelf)
            self._model.check(operation, params)
            outcome, answer = self._verbs[known.verb](known.kind, params, now, shelf)
        except ServiceError as error:
            self.log.append(_entry(known, params, now, shelf, _outcome(error), code=error.code))
            raise
        self.log.append(_entry(known, params, now, shelf, outcome, job_id=answer.get("JobId", "")))
        return answer

    def shelf(self, account: str, region: str, kind: Kind) -> Shelf:
        """The jobs of one account, Region and kind."""
        found = self._shelves.get((account, region, kind.name))
        if found is None:
            found = self._shelves[account, region, kind.name] = Shelf(account, region)
        return found

    def spans(self) -> list[Span]:
        """From when to when each job held its slot, for the checkers."""
        return [Span(job.kind.name, job.submit_time, job.ended_at) for job in self.jobs.values()]

    def _throttle(self, operation: Operation, now: float, shelf: Shelf) -> None:
        key = (shelf.account, shelf.region, operation.name)
        window = self._windows.get(key)
        if window is None:
            rate = getattr(self.switches, f"{operation.verb.lower()}_per_s")
            window = self._windows[key] = Window(rate, self.switches.burst_s)
        if not window.take(now):
            code = self.switches.throttle_code
            raise _Throttled(code if self._model.declares(operation.name, code) else "ThrottlingException")

    def _start(self, kind: Kind, params: Mapping[str, Any], now: float, shelf: Shelf) -> tuple[str, Answer]:
        check_start(kind, params, self.switches)
        used = self._used_token(kind, params, now, shelf)
        if used is not None:
            return REPLAYED, self._started(used)
        name = params.get("JobName")
        if self.switches.job_name_unique and any(self._visible(job, now) for job in shelf.by_name.get(name or "", ())):
            raise ServiceError("ResourceInUseException")
        if self.switches.cap == "reject" and shelf.slots_used >= self.switches.active_jobs:
            raise _Capped(self.switches.cap_code)
        job = self._new_job(kind, params, now, shelf)
        shelf.add(job)
        self.jobs[job.job_id] = job
        if job.token:
            self._tokens[shelf.account, shelf.region, kind.name, job.token] = job
        self.lifecycle.submit(job, now)
        return ACCEPTED, self._started(job)

    def _describe(self, kind: Kind, params: Mapping[str, Any], now: float, shelf: Shelf) -> tuple[str, Answer]:
        job = self._find(params, shelf)
        seen = job.seen(now - self.switches.describe_delay_s)
        if seen is None or not self._visible(job, now):
            raise ServiceError("JobNotFoundException")
        return ACCEPTED, {kind.wrapper: job.properties(seen)}

    def _list(self, kind: Kind, params: Mapping[str, Any], now: float, shelf: Shelf) -> tuple[str, Answer]:
        def look(job: Job) -> Seen | None:
            return job.seen(now - self.switches.list_delay_s) if self._visible(job, now) else None

        return ACCEPTED, page(kind, params, shelf, self.switches, look)

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
        """A job of another kind, account or Region is not found: the only declared error that fits (facts 3.2)."""
        job = self.jobs.get(params["JobId"])
        if job is None or job.shelf is not shelf:
            raise ServiceError("JobNotFoundException")
        return job

    def _visible(self, job: Job, now: float) -> bool:
        ended_at = job.ended_at
        return ended_at is None or now - ended_at <= self.switches.retention_s

    def _used_token(self, kind: Kind, params: Mapping[str, Any], now: float, shelf: Shelf) -> Job | None:
        """The job that this token stands for, as the switches say; all of it is UNKNOWN at AWS (facts sheet 2)."""
        token = params.get("ClientRequestToken")
        job = self._tokens.get((shelf.account, shelf.region, kind.name, token)) if token else None
        if job is None or now - job.submit_time > self.switches.token_window_s:
            return None
        if job.request == _given(params):
            return job if self.switches.replay == "same_job" else None
        if self.switches.mismatch == "reject":
            raise ServiceError(
                "InvalidRequestException", "The ClientRequestToken was used before with other parameters"
            )
        return job if self.switches.mismatch == "same_job" else None

    def _started(self, job: Job) -> Answer:
        answer: Answer = {"JobId": job.job_id, "JobArn": job.arn, "JobStatus": job.status}
        if "EntityRecognizerArn" in job.face:
            answer["EntityRecognizerArn"] = job.face["EntityRecognizerArn"]
        return answer

    def _new_job(self, kind: Kind, params: Mapping[str, Any], now: float, shelf: Shelf) -> Job:
        request = _given(params)
        job_id = f"{self._rng.getrandbits(128):032x}"
        role = request["DataAccessRoleArn"].split(":")
        arn = f"arn:{role[_ROLE_PARTITION]}:comprehend:{shelf.region}:{role[_ROLE_ACCOUNT]}:{kind.arn_part}/{job_id}"
        output = request["OutputDataConfig"]
        output_uri = _output_uri(output["S3Uri"], role[_ROLE_ACCOUNT], kind, job_id)
        # The service makes a name where none is given (facts sheet 3.2); its form is UNKNOWN.
        name = request.get("JobName", job_id)
        face = {
            "JobId": job_id,
            "JobArn": arn,
            "JobName": name,
            "SubmitTime": round(now, 3),
            "OutputDataConfig": {**output, "S3Uri": output_uri},
            **{member: value for member, value in request.items() if member in self._shown[kind.name]},
        }
        return Job(
            kind=kind,
            job_id=job_id,
            number=len(self.jobs),
            arn=arn,
            name=name,
            token=request.get("ClientRequestToken"),
            request=request,
            output_uri=output_uri,
            submit_time=now,
            face=face,
            shelf=shelf,
            luck=self._rng.lognormvariate(0.0, self.switches.spread),
            history=[Seen(at=now, status=Status.SUBMITTED)],
        )


class _Throttled(ServiceError):
    """Refused for its rate."""


class _Capped(ServiceError):
    """Refused for want of a slot."""


def _entry(
    operation: Operation,
    params: Mapping[str, Any],
    now: float,
    shelf: Shelf,
    outcome: str,
    *,
    code: str = "",
    job_id: str = "",
) -> Entry:
    known = (now, shelf.account, shelf.region, operation.name, operation.kind.name, outcome, code)
    if operation.verb is not Verb.START:
        return Entry(*known, job_id=job_id or str(params.get("JobId", "")))
    source = params.get("InputDataConfig")
    return Entry(
        *known,
        token=str(params.get("ClientRequestToken", "")),
        job_name=str(params.get("JobName", "")),
        job_id=job_id,
        input_uri=str(source.get("S3Uri", "")) if isinstance(source, Mapping) else "",
    )


def _outcome(error: ServiceError) -> str:
    return THROTTLED if isinstance(error, _Throttled) else CAPPED if isinstance(error, _Capped) else REFUSED


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    """The request without members that are null, which mean the same as none."""
    return {name: value for name, value in params.items() if value is not None}


def _output_uri(uri: str, account: str, kind: Kind, job_id: str) -> str:
    """Facts sheet 3.2. How a prefix without a slash at its end is joined is UNKNOWN; here a slash is put between."""
    slash = "" if uri.endswith("/") else "/"
    return f"{uri}{slash}{account}-{kind.code}-{job_id}/{kind.tail}"
