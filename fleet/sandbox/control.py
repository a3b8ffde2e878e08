"""The sandbox's own endpoints, on the same port as the service: what is true, and what shall go wrong.

GET /sandbox/health, /sandbox/truth, /sandbox/log (JSON lines), /sandbox/switches; GET, POST and DELETE /sandbox/faults.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Final

import msgspec
from aiohttp import web

from fleet.sandbox.clock import Clock
from fleet.sandbox.configure import SwitchError, describe_switches, read_fault
from fleet.sandbox.faults import Faults
from fleet.sandbox.service import Service
from fleet.sandbox.truth import accepted_starts, duplicates, peak_active, throttled, utilisation, worst_window

__all__ = ["Control", "report"]

_JSON: Final = "application/json"


def report(service: Service, faults: Faults, now: float) -> dict[str, Any]:
    """Everything that the checkers say of the service so far, as JSON."""
    log, spans = list(service.log), service.spans()
    statuses: dict[str, Counter[str]] = {}
    for job in service.jobs.values():
        statuses.setdefault(job.kind.name, Counter())[job.status] += 1
    begin = min((span.start for span in spans), default=now)
    end = max((span.end if span.end is not None else now for span in spans), default=now)
    return {
        "jobs": statuses,
        "jobs_started": len(service.jobs),
        "starts_accepted": len(accepted_starts(log)),
        "duplicates": [{"kind": kind, "input": uri, "job_ids": ids} for (kind, uri), ids in duplicates(log).items()],
        "requests": Counter(f"{entry.operation} {entry.outcome}" for entry in log),
        "throttled": throttled(log),
        "worst_second": worst_window(log),
        "worst_second_sent": worst_window(log, without=()),
        "peak_active": peak_active(spans),
        "utilisation": utilisation(spans, slots=service.switches.active_jobs, begin=begin, end=end),
        "makespan_s": end - begin,
        "faults_fired": faults.fired,
        "log_complete": len(log) < service.switches.log_max,
    }


class Control:
    """The endpoints of one sandbox. `alive` says whether its runner still runs."""

    def __init__(self, service: Service, faults: Faults, clock: Clock, alive: Callable[[], bool]) -> None:
        self._service = service
        self._faults = faults
        self._clock = clock
        self._alive = alive
        self._routes: dict[tuple[str, str], Callable[[web.BaseRequest], Awaitable[web.Response]]] = {
            ("GET", "/sandbox/health"): self._health,
            ("GET", "/sandbox/truth"): self._truth,
            ("GET", "/sandbox/log"): self._log,
            ("GET", "/sandbox/switches"): self._switches,
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
        lines = msgspec.json.Encoder().encode_lines([entry._asdict() for entry in self._service.log])
        return web.Response(body=lines, content_type="application/x-ndjson")

    async def _switches(self, _: web.BaseRequest) -> web.Response:
        return _json(describe_switches(self._service.switches))

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


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type=_JSON)
