"""The sandbox's own endpoints, on the same port as the service: what is true, and what shall go wrong.

GET /sandbox/health, /sandbox/truth, /sandbox/log and /sandbox/spans (JSON lines); GET and POST /sandbox/switches; GET,
POST and DELETE /sandbox/faults; POST /sandbox/foreign.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web

from fleet.sandbox.clock import Clock
from fleet.sandbox.configure import SwitchError, change, describe_switches, read_fault
from fleet.sandbox.faults import Faults
from fleet.sandbox.jobs import Shelf
from fleet.sandbox.kinds import KINDS
from fleet.sandbox.service import Service

__all__ = ["Control", "Foreign", "report"]

_JSON: Final = "application/json"


def report(service: Service, faults: Faults, now: float) -> dict[str, Any]:
    """Everything that was counted of the service so far, as JSON, at a cost that does not grow with the jobs.

    Jobs of somebody else hold slots (peak_active, utilisation), and are counted in nothing else.
    """
    tally, shelves = service.tally, [shelf for shelf in service.shelves if shelf.jobs]
    periods = [period for shelf in shelves if (period := shelf.use.period(now)) is not None]
    statuses: dict[str, Counter[str]] = {}
    for shelf in shelves:
        if shelf.use.started:
            statuses.setdefault(shelf.kind.name, Counter()).update(+shelf.use.statuses)
    return {
        "jobs": statuses,
        "jobs_started": sum(shelf.use.started for shelf in shelves),
        "foreign_jobs": sum(shelf.use.foreign for shelf in shelves),
        "starts_accepted": tally.starts_accepted,
        "duplicates": tally.duplicates(),
        "requests": tally.requests,
        "throttled": tally.throttled,
        "worst_second": tally.worst_second,
        "worst_second_sent": tally.worst_second_sent,
        "peak_active": _by_kind(shelves, lambda shelf: shelf.use.peak),
        "utilisation": _by_kind(shelves, lambda shelf: shelf.use.utilisation(now)),
        "makespan_s": max((end for _, end in periods), default=0.0) - min((begin for begin, _ in periods), default=0.0),
        "lanes": [_lane(shelf, now) for shelf in shelves],
        "faults_fired": faults.fired,
        "log_complete": tally.entries == len(service.log),
    }


def _by_kind(shelves: list[Shelf], figure: Callable[[Shelf], float]) -> dict[str, float]:
    """Kind -> the highest figure of its lanes."""
    found: dict[str, float] = {}
    for shelf in shelves:
        found[shelf.kind.name] = max(found.get(shelf.kind.name, 0), figure(shelf))
    return found


def _lane(shelf: Shelf, now: float) -> dict[str, Any]:
    use = shelf.use
    return {
        "account": shelf.account,
        "region": shelf.region,
        "kind": shelf.kind.name,
        "jobs": +use.statuses,
        "foreign_jobs": use.foreign,
        "slots": use.slots,
        "slots_held": use.held,
        "peak_active": use.peak,
        "waiting": len(shelf.waiting),
        "utilisation": use.utilisation(now),
        "steady_utilisation": use.steady_utilisation(now),
        "makespan_s": use.makespan_s(now),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """What POST /sandbox/foreign takes: so many jobs of somebody else, as far as there are slots, for `seconds`."""

    kind: Literal["entities", "key_phrases", "pii_entities", "sentiment", "targeted_sentiment"]
    jobs: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 600.0
    account: str = ""
    region: str = ""


class Control:
    """The endpoints of one sandbox. `alive` says whether its runner still runs; `on_change` wakes it."""

    def __init__(
        self,
        service: Service,
        faults: Faults,
        clock: Clock,
        *,
        alive: Callable[[], bool],
        on_change: Callable[[], None],
    ) -> None:
        self._service = service
        self._faults = faults
        self._clock = clock
        self._alive = alive
        self._on_change = on_change
        self._routes: dict[tuple[str, str], Callable[[web.BaseRequest], Awaitable[web.Response]]] = {
            ("GET", "/sandbox/health"): self._health,
            ("GET", "/sandbox/truth"): self._truth,
            ("GET", "/sandbox/log"): self._log,
            ("GET", "/sandbox/spans"): self._spans,
            ("GET", "/sandbox/switches"): self._switches,
            ("POST", "/sandbox/switches"): self._change_switches,
            ("POST", "/sandbox/foreign"): self._add_foreign,
            ("GET", "/sandbox/faults"): self._list_faults,
            ("POST", "/sandbox/faults"): self._add_faults,
            ("DELETE", "/sandbox/faults"): self._clear_faults,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a request below /sandbox."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            known = sorted(f"{method} {path}" for method, path in self._routes)
            return _json({"error": "no such endpoint", "endpoints": known}, status=404)
        return await route(request)

    async def _health(self, _: web.BaseRequest) -> web.Response:
        alive = self._alive()
        return _json({"alive": alive}, status=200 if alive else 503)

    async def _truth(self, _: web.BaseRequest) -> web.Response:
        return _json(report(self._service, self._faults, self._clock.now()))

    async def _log(self, _: web.BaseRequest) -> web.Response:
        return _lines([entry._asdict() for entry in self._service.log])

    async def _spans(self, _: web.BaseRequest) -> web.Response:
        return _lines([span._asdict() for span in self._service.spans()])

    async def _switches(self, _: web.BaseRequest) -> web.Response:
        return _json(describe_switches(self._service.switches))

    async def _change_switches(self, request: web.BaseRequest) -> web.Response:
        """All of the values hold from now on, or none."""
        try:
            values = msgspec.json.decode(await request.read(), type=dict[str, Any])
            change(self._service, values, self._clock.now())
        except (msgspec.MsgspecError, SwitchError) as error:
            return _json({"error": str(error)}, status=400)
        self._on_change()
        return _json(values)

    async def _add_foreign(self, request: web.BaseRequest) -> web.Response:
        """The JobIds of the jobs of somebody else that have found a slot."""
        try:
            wanted = msgspec.json.decode(await request.read(), type=Foreign)
        except msgspec.MsgspecError as error:
            return _json({"error": str(error)}, status=400)
        switches = self._service.switches
        shelf = self._service.shelf(
            wanted.account or switches.account, wanted.region or switches.region, KINDS[wanted.kind]
        )
        job_ids = self._service.intrude(shelf, wanted.jobs, wanted.seconds, self._clock.now())
        self._on_change()
        return _json({"job_ids": job_ids}, status=201)

    async def _list_faults(self, _: web.BaseRequest) -> web.Response:
        return _json([{**asdict(fault), "seen": seen, "fired": fired} for fault, seen, fired in self._faults.rules()])

    async def _add_faults(self, request: web.BaseRequest) -> web.Response:
        """One fault or a list of them; either all are added or none."""
        try:
            given = msgspec.json.decode(await request.read())
            faults = [read_fault(table) for table in (given if isinstance(given, list) else [given])]
        except (msgspec.DecodeError, SwitchError, TypeError) as error:
            return _json({"error": str(error)}, status=400)
        self._faults.add(*faults)
        return _json({"added": len(faults)}, status=201)

    async def _clear_faults(self, _: web.BaseRequest) -> web.Response:
        self._faults.clear()
        return _json({"rules": 0})


def _lines(values: list[dict[str, Any]]) -> web.Response:
    return web.Response(body=msgspec.json.Encoder().encode_lines(values), content_type="application/x-ndjson")


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type=_JSON)
