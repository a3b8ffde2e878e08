"""The status API: what the work is, which jobs there are, what happened to one, and what happens now."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from aiohttp import web

from fleet.core.errors import InvalidInput
from fleet.core.job import Job, State, Verdict
from fleet.core.kinds import KINDS
from fleet.ledger import Filter, Recorded
from fleet.web.openapi import document
from fleet.web.source import Source

__all__ = ["Api"]

_LIMIT_MAX: Final = 500
_LIMIT: Final = 100
_KEY_DIGITS_MIN: Final = 6
_WATCHERS_MAX: Final = 20
_HEARTBEAT_S: Final = 15.0
_HIDDEN: Final = frozenset({"id", "intent", "request", "holder"})  # long, or nobody's business outside


class Api:
    """Everything below `/api/v1`. Reads go to the ledger's reader threads, never to its writer."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.get("/api/v1/status", self.status),
            web.get("/api/v1/jobs", self.jobs),
            web.get("/api/v1/jobs/{key}", self.job),
            web.get("/api/v1/events", self.events),
            web.get("/api/v1/openapi.json", self.openapi),
        ]

    async def status(self, _: web.Request) -> web.Response:
        """Counts, lanes, ETA, reasons: all of the work in one object."""
        return web.json_response(await self._source.status())

    async def jobs(self, request: web.Request) -> web.Response:
        """A page of jobs by id; `next` is the `after` of the page that follows, null on the last one."""
        query = request.query
        known = {"state", "kind", "target", "verdict", "reason", "limit", "after"}
        if unknown := sorted(set(query) - known):
            raise InvalidInput(f"unknown parameter {unknown[0]}; known: {', '.join(sorted(known))}")
        which = Filter(
            states=[State(word) for word in _words(query.getall("state", []), State, "state")],
            kinds=_words(query.getall("kind", []), KINDS, "kind"),
            targets=query.getall("target", []),
            verdicts=[Verdict(word) for word in _words(query.getall("verdict", []), Verdict, "verdict")],
            reason_like=query.get("reason"),
        )
        limit = _number(query.get("limit", str(_LIMIT)), "limit", 1, _LIMIT_MAX)
        after = await self._named(query["after"]) if "after" in query else None
        found = await self._source.ledger.chosen(which, limit=limit + 1, after=after)
        page = found[:limit]
        more = page[-1].key if len(found) > limit else None
        return web.json_response({"jobs": [_job(job) for job in page], "next": more})

    async def job(self, request: web.Request) -> web.Response:
        """One job and all that happened to it, in order."""
        job = await self._named(request.match_info["key"])
        history = await self._source.ledger.history(job.id)
        return web.json_response(_job(job) | {"events": [_recorded(recorded) for recorded in history]})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Moves as they happen (server-sent events), of this process alone; what came before is in the jobs' histories.

        A `missed` event tells how many were lost by a reader that was too slow.
        """
        feed = self._source.telemetry.feed
        if len(feed) >= _WATCHERS_MAX:
            raise web.HTTPServiceUnavailable(text=f"more than {_WATCHERS_MAX} readers of events at a time")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        with feed.watched() as watcher:
            await response.write(b": connected\n\n")
            while True:
                try:
                    news, missed = await asyncio.wait_for(watcher.read(), _HEARTBEAT_S)
                except TimeoutError:
                    await response.write(b": still here\n\n")
                    continue
                if missed:
                    await response.write(b"event: missed\ndata: %d\n\n" % missed)
                for move in news:
                    await response.write(b"event: move\ndata: %s\n\n" % json.dumps(move).encode())

    async def openapi(self, _: web.Request) -> web.Response:
        """This API, described for machines."""
        return web.json_response(document())

    async def _named(self, key: str) -> Job:
        if len(key) < _KEY_DIGITS_MIN or len(key) > 32 or not set(key) <= set("0123456789abcdef"):
            raise InvalidInput(f"a job's key is 32 hex digits, of which {_KEY_DIGITS_MIN} may do; not {key[:64]!r}")
        found = await self._source.ledger.of_key(key)
        if not found:
            raise web.HTTPNotFound(text=f"no job has the key {key}")
        if len(found) > 1:
            raise InvalidInput(f"{len(found)} jobs have keys that begin with {key}: give more digits")
        return found[0]


def _words(given: Sequence[str], known: Any, name: str) -> list[str]:
    words = [str(word) for word in known]
    for word in given:
        if word not in words:
            raise InvalidInput(f"{name}: unknown {word[:64]!r}; known: {', '.join(words)}")
    return list(given)


def _number(text: str, name: str, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text[:9]) <= high:
        raise InvalidInput(f"{name}: must be a number from {low} to {high}, not {text[:64]!r}")
    return int(text)


def _job(job: Job) -> dict[str, Any]:
    shown = {name: value for name, value in asdict(job).items() if name not in _HIDDEN}
    return shown | {"lane": str(job.lane), "kind": job.lane.kind}


def _recorded(recorded: Recorded) -> Mapping[str, Any]:
    return recorded._asdict()
