"""Every call a lane makes to Comprehend: first the lane's limiter for that operation, then one request, then a count.

There is one `LaneCalls` per lane and process, with one bucket and one circuit per operation, so that no budget starves
another and no operation's trouble stops another. Stages ask `room` before they call: nothing waits behind an open
circuit.
"""

import functools
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeVar

import anyio
import structlog

from fleet.aws.comprehend import ACTIVE, Comprehend, RemoteJob
from fleet.core.bucket import Bucket
from fleet.core.circuit import Circuit, broke, is_open, room, wait_s
from fleet.core.errors import Denied, FleetError, Lost, NameInUse, Rejected, Throttled, Unavailable
from fleet.core.failures import Failures
from fleet.core.job import Job
from fleet.core.kinds import KINDS
from fleet.core.lane import Lane, Quotas
from fleet.core.pace import guard_s
from fleet.stages.loop import Clock
from fleet.telemetry import CallSeries, Telemetry

__all__ = ["LaneCalls", "Limiter", "Verb"]

T = TypeVar("T")

Verb = Literal["start", "describe", "list", "stop"]
"""One of a kind's four operations, whatever the kind."""

log = structlog.get_logger()

_READING: Final = ("describe", "list")  # what asks for nothing new is never wrong in itself
_WHOLE: Final = Circuit()
_LATENCIES_KEPT: Final = 50
_PAGES_MAX: Final = 10_000  # a List that never ends is nonsense


class Limiter:
    """Callers wait here in the order they came until the bucket grants their call; what calls took sets its guard."""

    def __init__(self, rate_per_s: float, clock: Clock) -> None:
        self._bucket = Bucket(rate_per_s, now=clock.monotonic(), guard_s=guard_s(()))
        self._clock = clock
        self._turn = anyio.Lock(fast_acquire=True)
        self._latencies_s: deque[float] = deque(maxlen=_LATENCIES_KEPT)
        self._waited = False
        self._closed = False
        self._sleep = anyio.CancelScope()

    def allow(self, rate_per_s: float) -> None:
        """Grant this many calls a second from now on, at most the rate of the beginning."""
        self._bucket.rate_per_s = rate_per_s

    def begin(self, recent: Iterable[float]) -> None:
        """These calls, at monotonic times, may have left before; until now, a whole window of them was assumed."""
        self._bucket = Bucket(
            self._bucket.rate_per_s, now=self._clock.monotonic(), guard_s=self._bucket.guard_s, recent=recent
        )

    def waited(self) -> bool:
        """Whether any call had to wait for the bucket since this was last asked."""
        waited, self._waited = self._waited, False
        return waited

    def close(self) -> None:
        """Grant nothing any more, and leave nobody waiting."""
        self._closed = True
        self._sleep.cancel()

    async def take(self) -> int:
        """The number of the call that is granted; `Unavailable`, surely not sent, if the limiter closes before."""
        async with self._turn:
            while not self._closed and (wait_s := self._bucket.take(self._clock.monotonic())):
                self._waited = True
                with anyio.CancelScope() as self._sleep:
                    await self._clock.sleep(wait_s)
        if self._closed:
            raise Unavailable("fleet is leaving: the call was not sent", maybe_accepted=False)
        return self._bucket.granted

    def took(self, call: int, sent_at: float, latency_s: float) -> None:
        """The granted call of this number was answered, or failed, after this long."""
        self._latencies_s.append(latency_s)
        self._bucket.arrived(call, sent_at + guard_s(self._latencies_s, latency_s))
        self._bucket.guard_s = guard_s(self._latencies_s)


class LaneCalls:
    """The four operations of one lane, each under its own quota, with the credentials of the job's target."""

    def __init__(
        self,
        lane: Lane,
        quotas: Quotas,
        clients: Mapping[str, Comprehend],
        *,
        clock: Clock,
        telemetry: Telemetry,
        rng: random.Random | None = None,
    ) -> None:
        self.lane = lane
        self.quotas = quotas
        self._clients = clients
        self._any_client = next(iter(clients.values()))
        self._kind = KINDS[lane.kind]
        self.starting: set[int] = set()  # ids of the jobs whose Start waits for the limiter or for its answer
        self.failures = Failures()  # what track learns of the lane's jobs, and submit goes by
        self.foreign = 0  # active jobs of other programs, as the last complete sweep showed them
        self.freed: frozenset[str] = frozenset()  # JobIds of running jobs that hold no slot any more, as sweeps showed
        self.on_freed: Callable[[], None] = lambda: None
        """Called when a sweep has freed slots, for a submit stage that waits for some."""
        self.held: Callable[[], bool] = lambda: True
        """Whether this process may still start jobs here: where replicas share a ledger, a lane's lease can run out."""
        self._clock = clock
        self._rng = rng or random.Random()
        self._limiters: dict[Verb, Limiter] = {
            "start": Limiter(quotas.start_per_s, clock),
            "describe": Limiter(quotas.describe_per_s, clock),
            "list": Limiter(quotas.list_per_s, clock),
            "stop": Limiter(quotas.stop_per_s, clock),
        }
        self._circuits: dict[Verb, Circuit] = dict.fromkeys(self._limiters, _WHOLE)
        self._series: dict[Verb, CallSeries] = {
            verb: telemetry.may_call(getattr(self._kind, verb)) for verb in self._limiters
        }

    def room(self, verb: Verb, wanted: int = 1) -> int:
        """How many of the wanted calls may leave now: none or one probe while the operation fails again and again."""
        return room(self._circuits[verb], self._clock.monotonic(), wanted)

    def failing(self, verb: Verb) -> bool:
        """Whether the operation fails again and again, so that only one probe at a time may leave."""
        return is_open(self._circuits[verb])

    def ready_in_s(self, verb: Verb) -> float:
        """Seconds until there is room for a call of this operation."""
        return wait_s(self._circuits[verb], self._clock.monotonic())

    async def start(self, job: Job, request: Mapping[str, Any]) -> RemoteJob:
        """Send the job's Start request when the rate allows."""
        self.starting.add(job.id)
        try:
            return await self._call("start", lambda: self._start(job, request))
        finally:
            self.starting.discard(job.id)

    async def _start(self, job: Job, request: Mapping[str, Any]) -> RemoteJob:
        if not self.held():
            raise Unavailable("the lane's lease ran out: the call was not sent", maybe_accepted=False)
        return await self._client(job).start(self.lane.kind, request)

    async def describe(self, job: Job) -> RemoteJob:
        """Ask for the job's status when the rate allows."""
        return await self._call("describe", lambda: self._client(job).describe(self.lane.kind, str(job.remote_id)))

    async def stop(self, job: Job) -> str:
        """Ask AWS to stop the job when the rate allows; the status it answers. `Rejected` if the job has ended."""
        return await self._call("stop", lambda: self._client(job).stop(self.lane.kind, str(job.remote_id)))

    def monotonic(self) -> float:
        """Now, on the clock of the lane's limiters."""
        return self._clock.monotonic()

    @property
    def starts(self) -> Limiter:
        """The limiter of Start."""
        return self._limiters["start"]

    async def active(self) -> dict[str, RemoteJob]:
        """Every job of this lane that AWS calls active, by JobId, whoever started it: one complete sweep.

        The statuses are asked in the order in which a job passes through them, so that none slips between two Lists.
        """
        found: dict[str, RemoteJob] = {}
        for status in ACTIVE:
            found |= {remote.remote_id: remote async for remote in self._pages(self._any_client, status=status)}
        return found

    async def named(self, job: Job, name: str) -> list[RemoteJob]:
        """Every AWS job of exactly this name. Whether AWS's filter matches exactly is UNKNOWN, so we compare too."""
        return [remote async for remote in self._pages(self._client(job), name=name) if remote.name == name]

    async def since(self, submitted_after: float) -> list[RemoteJob]:
        """Every AWS job of this lane submitted after this Unix time, whoever started it."""
        return [remote async for remote in self._pages(self._any_client, submitted_after=submitted_after)]

    async def _pages(self, client: Comprehend, **which: Any) -> AsyncIterator[RemoteJob]:
        token: str | None = None
        seen: set[str] = set()
        for _ in range(_PAGES_MAX):
            request = functools.partial(client.page, self.lane.kind, next_token=token, **which)
            page = await self._call("list", request)
            for remote in page.jobs:
                yield remote
            if page.next_token is None:
                return
            if page.next_token in seen:
                break
            token = page.next_token
            seen.add(token)
        raise Unavailable(f"{self._kind.list} never ends: its NextToken repeats", maybe_accepted=False)

    def _client(self, job: Job) -> Comprehend:
        return self._clients.get(job.target, self._any_client)

    async def _call(self, verb: Verb, request: Callable[[], Awaitable[T]]) -> T:
        limiter, series = self._limiters[verb], self._series[verb]
        asked = self._clock.monotonic()
        call = await limiter.take()
        began = self._clock.monotonic()
        series.granted(began - asked)
        outcome = "ambiguous"  # as long as nothing is heard: a call may be cut off when fleet leaves
        try:
            answer = await request()
        except FleetError as error:
            outcome = _outcome(error)
            self._notice(verb, began, error)
            if isinstance(error, Rejected) and verb in _READING:  # a NextToken that expired, a code that nobody knows
                operation = getattr(self._kind, verb)
                raise Unavailable(f"{operation} was refused: {error}", maybe_accepted=False) from error
            raise
        else:
            outcome = "ok"
            self._notice(verb, began, None)
            return answer
        finally:
            took_s = self._clock.monotonic() - began
            limiter.took(call, began, took_s)
            series.ended(outcome, took_s)

    def _notice(self, verb: Verb, began: float, error: FleetError | None) -> None:
        """Open the operation's circuit when it keeps failing, and close it with the first answer."""
        before = self._circuits[verb]
        after = _WHOLE
        if isinstance(error, Unavailable) and not isinstance(error, NameInUse):
            after = broke(before, began=began, now=self._clock.monotonic(), jitter=self._rng.random())
        if after is before:
            return
        self._circuits[verb] = after
        if is_open(after) != is_open(before):
            tell = log.warning if error else log.info
            state = "operation.failing" if is_open(after) else "operation.recovered"
            tell(state, operation=getattr(self._kind, verb), lane=str(self.lane), reason=str(error) if error else None)


def _outcome(error: FleetError) -> str:
    match error:
        case Throttled():
            return "throttled"
        case Denied():
            return "denied"
        case Rejected():
            return "rejected"
        case Lost():
            return "lost"
        case Unavailable(maybe_accepted=True):
            return "ambiguous"
        case _:
            return "unavailable"
