"""Every call a lane makes to Comprehend: first the lane's limiter for that operation, then one request, then a count.

There is one `LaneCalls` per lane and process, and one bucket per operation, so that no budget starves another.
"""

import functools
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

import anyio

from fleet.aws.comprehend import ACTIVE, Comprehend, RemoteJob
from fleet.core.bucket import Bucket
from fleet.core.errors import Denied, FleetError, Lost, Rejected, Throttled, Unavailable
from fleet.core.job import Job
from fleet.core.kinds import KINDS
from fleet.core.lane import Lane, Quotas
from fleet.core.pace import guard_s
from fleet.stages.loop import Clock
from fleet.telemetry import Telemetry

__all__ = ["LaneCalls", "Limiter"]

T = TypeVar("T")

_LATENCIES_KEPT: Final = 50
_PAGES_MAX: Final = 10_000  # a List that never ends is nonsense


class Limiter:
    """Callers wait here in the order they came until the bucket grants their call; what calls took sets its guard."""

    def __init__(self, rate_per_s: float, clock: Clock) -> None:
        self._bucket = Bucket(rate_per_s, now=clock.monotonic(), guard_s=guard_s(()))
        self._clock = clock
        self._turn = anyio.Lock()
        self._latencies_s: deque[float] = deque(maxlen=_LATENCIES_KEPT)
        self._waited = False

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

    async def take(self) -> None:
        """Return once one call is granted."""
        async with self._turn:
            while wait_s := self._bucket.take(self._clock.monotonic()):
                self._waited = True
                await self._clock.sleep(wait_s)

    def took(self, latency_s: float) -> None:
        """A granted call was answered, or failed, after this long."""
        self._latencies_s.append(latency_s)
        self._bucket.guard_s = guard_s(self._latencies_s)


class LaneCalls:
    """The four operations of one lane, each under its own quota, with the credentials of the job's target."""

    def __init__(
        self, lane: Lane, quotas: Quotas, clients: Mapping[str, Comprehend], *, clock: Clock, telemetry: Telemetry
    ) -> None:
        self.lane = lane
        self.quotas = quotas
        self._clients = clients
        self._any_client = next(iter(clients.values()))
        self._kind = KINDS[lane.kind]
        self.foreign = 0  # active jobs of other programs, as the last complete sweep showed them
        self._clock = clock
        self._telemetry = telemetry
        self._limiters = {
            self._kind.start: Limiter(quotas.start_per_s, clock),
            self._kind.describe: Limiter(quotas.describe_per_s, clock),
            self._kind.list: Limiter(quotas.list_per_s, clock),
        }

    async def start(self, job: Job, request: Mapping[str, Any]) -> RemoteJob:
        """Send the job's Start request when the rate allows."""
        return await self._call(self._kind.start, lambda: self._client(job).start(self.lane.kind, request))

    async def describe(self, job: Job) -> RemoteJob:
        """Ask for the job's status when the rate allows."""
        return await self._call(
            self._kind.describe, lambda: self._client(job).describe(self.lane.kind, str(job.remote_id))
        )

    @property
    def starts(self) -> Limiter:
        """The limiter of Start."""
        return self._limiters[self._kind.start]

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
        for _ in range(_PAGES_MAX):
            request = functools.partial(client.page, self.lane.kind, next_token=token, **which)
            page = await self._call(self._kind.list, request)
            for remote in page.jobs:
                yield remote
            if page.next_token is None:
                return
            if page.next_token == token:
                break
            token = page.next_token
        raise Unavailable(f"{self._kind.list} never ends: its NextToken repeats", maybe_accepted=False)

    def _client(self, job: Job) -> Comprehend:
        return self._clients.get(job.target, self._any_client)

    async def _call(self, operation: str, request: Callable[[], Awaitable[T]]) -> T:
        limiter = self._limiters[operation]
        await limiter.take()
        began = self._clock.monotonic()
        outcome = "ok"
        try:
            return await request()
        except FleetError as error:
            outcome = _outcome(error)
            raise
        finally:
            took_s = self._clock.monotonic() - began
            limiter.took(took_s)
            self._telemetry.api_requests.labels(operation, outcome).inc()
            self._telemetry.api_request_duration.labels(operation).observe(took_s)


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
