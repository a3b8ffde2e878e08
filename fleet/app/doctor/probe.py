"""`--probe`: learn by a few tiny jobs what nobody has written down of AWS, and stop them again.

The order matters. A burst needs rested quotas and free slots; tokens are tried while slots are free, for else a refusal
could mean either; then the slots are filled up, and one job more shows what happens above the last.
"""

import math
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import anyio

from fleet.app.doctor.prepare import ProbePlan
from fleet.app.doctor.visit import Visit
from fleet.aws.comprehend import TERMINAL
from fleet.aws.trial import Tried
from fleet.core.errors import FleetError, Rejected, leaves
from fleet.core.kinds import KINDS
from fleet.core.probe import Seen

__all__ = ["Probe", "probe"]

_WAITS: Final = (1.1, 1.6, 2.4)  # intervals of the Start rate, before a refusal counts as one for want of a slot
_LAG_MAX_S: Final = 60.0
_QUEUE_MAX_S: Final = 300.0
_QUEUE_MIN_S: Final = 1.0
_LOOK_S: Final = 0.1


@dataclass(slots=True)
class Probe:
    """What a probe saw, and what it left: how many jobs it started, and those that it could not stop."""

    seen: Seen
    started: int = 0
    unstopped: list[str] = field(default_factory=list)
    trouble: str | None = None


async def probe(visit: Visit, plan: ProbePlan, *, tell: Callable[[str], object] = lambda _: None) -> Probe:
    """What was seen. Every job that was started is asked to stop, whatever happens. Takes minutes at AWS."""
    run = _Run(visit, plan)
    found = Probe(seen=run.seen)
    try:
        for what, step in run.steps():
            tell(what)
            await step()
    except Exception as error:
        if not all(isinstance(leaf, FleetError) for leaf in leaves(error)):
            raise
        found.trouble = str(leaves(error)[0])
    finally:
        with anyio.CancelScope(shield=True):
            tell(f"stopping {len(run.started)} jobs")
            found.started, found.unstopped = len(run.started), await run.stop()
    return found


class _Run:
    """One probe under way."""

    def __init__(self, visit: Visit, plan: ProbePlan) -> None:
        quotas = visit.quotas
        self.seen = Seen(start_per_s=quotas.start_per_s, configured_slots=quotas.active_jobs)
        self.started: list[str] = []  # JobIds, in the order of their Starts
        self._visit = visit
        self._plan = plan
        self._name = f"fleet-probe-{secrets.token_hex(4)}"
        self._interval_s = 1 / quotas.start_per_s
        self._extra: str | None = None
        self._made = 0

    def steps(self) -> list[tuple[str, Callable[[], Any]]]:
        return [
            ("how long a List lags behind a Start", self._lag),
            ("how many Starts are taken at once", self._burst),
            ("what a used token gets", self._tokens),
            ("how List and Describe answer", self._looks),
            ("what the job above the last slot gets", self._fill),
            ("what a used token gets while all slots are full", self._full_replay),
        ]

    async def _lag(self) -> None:
        first = await self._persist(self._request())
        if first.job_id is None:
            raise Rejected(f"the first Start was refused: {first.code}: {first.message}")
        name, begun = f"{self._name}-1", time.monotonic()
        looks = 0
        while time.monotonic() - begun < _LAG_MAX_S:
            asked = time.monotonic()
            looks += 1
            if (await self._visit.account.comprehend.page(self._plan.kind, name=name, size=10)).jobs:
                lag_s = 0.0 if looks == 1 else math.ceil((asked - first.answered_at) / _LOOK_S) * _LOOK_S
                self.seen.list_lag_s = round(lag_s, 3)
                return
            await anyio.sleep(max(_LOOK_S, 1 / self._visit.quotas.list_per_s))

    async def _burst(self) -> None:
        sent = self._visit.quotas.active_jobs - 3  # one is active, and two slots are for the tokens
        if sent < 2:
            return
        await anyio.sleep((sent + 1) * self._interval_s)
        answers: list[Tried] = []

        async def start(request: dict[str, Any]) -> None:
            answers.append(await self._start(request))

        async with anyio.create_task_group() as group:
            for request in [self._request() for _ in range(sent)]:
                group.start_soon(start, request)
        refused = [answer for answer in answers if answer.job_id is None]
        self.seen.burst_sent, self.seen.burst = sent, sent - len(refused)
        if refused:
            self.seen.throttle_code, self.seen.retry_after_s = refused[0].code, refused[0].retry_after_s

    async def _tokens(self) -> None:
        first = self._request(1)
        self.seen.replay = self._judged(await self._persist(first), {self.started[0]})
        known = {self.started[0], self.started[-1]}  # whichever the token stands for now
        source = dict(first["InputDataConfig"])
        whole = source.get("InputFormat") == "ONE_DOC_PER_FILE"
        source["InputFormat"] = "ONE_DOC_PER_LINE" if whole else "ONE_DOC_PER_FILE"
        self.seen.mismatch = self._judged(await self._persist(first | {"InputDataConfig": source}), known)

    async def _looks(self) -> None:
        comprehend, kind = self._visit.account.comprehend, self._plan.kind
        await anyio.sleep(self.seen.list_lag_s or 0.0)
        beginning = await comprehend.page(kind, name=f"{self._name}-", size=10)
        if self.seen.list_lag_s is not None:
            self.seen.name_match = "prefix" if beginning.jobs else "exact"
        listed = [job.remote_id for job in (await comprehend.page(kind)).jobs if job.remote_id in self.started]
        if len(listed) > 1 and self.started[0] in listed:
            ascending = listed.index(self.started[0]) == 0
            self.seen.list_order = "ascending" if ascending else "descending"
        other = next(name for name in KINDS if name != kind)
        answer = await self._visit.account.trial.describe(other, self.started[0])
        if answer.code and "AccessDenied" not in answer.code:
            self.seen.cross_kind_code = answer.code

    async def _fill(self) -> None:
        slots = self._visit.quotas.active_jobs
        while len(self.started) <= slots:
            answer = await self._persist(self._request())
            if answer.job_id is None:
                if await self._active() == len(self.started):
                    self.seen.cap, self.seen.cap_code, self.seen.slots = "reject", answer.code, len(self.started)
                return
        self._extra = self.started[-1]
        await self._watch(slots)

    async def _watch(self, slots: int) -> None:
        """A job more than there should be slots was taken: does it run, or does it wait for the others?"""
        begun, all_run_at = time.monotonic(), math.inf
        while time.monotonic() - begun < _QUEUE_MAX_S:
            statuses = await self._statuses()
            extra = statuses.pop(str(self._extra))
            if any(status in TERMINAL for status in statuses.values()):
                return  # a slot may have become free: nothing can be told any more
            now = time.monotonic()
            if extra != "SUBMITTED":
                self.seen.cap = "higher"
                return
            if all(status != "SUBMITTED" for status in statuses.values()):
                all_run_at = min(all_run_at, now)
                if now - all_run_at > max(_QUEUE_MIN_S, all_run_at - begun):
                    self.seen.cap, self.seen.slots = "queue", slots
                    return
            await anyio.sleep(_LOOK_S)

    async def _full_replay(self) -> None:
        if self.seen.cap != "reject" or self.seen.replay != "same_job":
            return
        answer = await self._persist(self._request(1))
        self.seen.replay_needs_slot = answer.job_id is None

    async def _active(self) -> int:
        return sum(status not in TERMINAL for status in (await self._statuses()).values())

    async def _statuses(self) -> dict[str, str]:
        """The status of each job that was started, one Describe after the other."""
        found = {}
        for job_id in self.started:
            found[job_id] = (await self._visit.account.comprehend.describe(self._plan.kind, job_id)).status
            await anyio.sleep(1 / self._visit.quotas.describe_per_s)
        return found

    async def _persist(self, request: dict[str, Any]) -> Tried:
        """The answer to a Start, after it had all the time that the rate may want."""
        answer = await self._start(request)
        for intervals in _WAITS:
            if answer.job_id is not None or not _passing(answer.code):
                break
            await anyio.sleep(intervals * self._interval_s)
            answer = await self._start(request)
        await anyio.sleep(self._interval_s)
        return answer

    async def _start(self, request: dict[str, Any]) -> Tried:
        answer = await self._visit.account.trial.start(self._plan.kind, request)
        if answer.job_id and answer.job_id not in self.started:
            self.started.append(answer.job_id)
        return answer

    def _request(self, number: int | None = None) -> dict[str, Any]:
        """The Start request of this number, a new one if none is said."""
        if number is None:
            self._made += 1
            number = self._made
        name = f"{self._name}-{number}"
        source = self._plan.request.get("InputDataConfig", {}) | {"S3Uri": self._plan.prefix}
        token = sha256(name.encode()).hexdigest()
        return self._plan.request | {"InputDataConfig": source, "JobName": name, "ClientRequestToken": token}

    def _judged(self, answer: Tried, known: set[str]) -> str | None:
        if answer.job_id is None:
            return None if _passing(answer.code) else answer.code
        return "same_job" if answer.job_id in known else "new_job"

    async def stop(self) -> list[str]:
        """The jobs that could not be asked to stop. Also those are stopped whose Start got no answer."""
        with suppress(FleetError):
            page = await self._visit.account.comprehend.page(self._plan.kind)
            ours = [job.remote_id for job in page.jobs if (job.name or "").startswith(f"{self._name}-")]
            self.started += [job_id for job_id in ours if job_id not in self.started]
        left = list(self.started)
        for _ in range(len(_WAITS)):
            failed = []
            for job_id in left:
                try:
                    with suppress(Rejected):  # it has ended
                        await self._visit.account.comprehend.stop(self._plan.kind, job_id)
                except FleetError:
                    failed.append(job_id)
                await anyio.sleep(1.1 / self._visit.quotas.stop_per_s)
            left = failed
            if not left:
                break
        return left


def _passing(code: str | None) -> bool:
    """Whether a refusal may be one for the rate."""
    return code is not None and ("Throttl" in code or "TooMany" in code or "LimitExceeded" in code)
