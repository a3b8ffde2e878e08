"""What a fault does to one request: a table with one small function for each word of faults.py."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from fleet.sandbox.clock import Clock
from fleet.sandbox.errors import ServiceError
from fleet.sandbox.faults import Fault
from fleet.sandbox.service import Service

__all__ = ["Victim", "suffer"]

_HTML: Final = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
_HANG_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A request that a fault has hit. `call` lets the service do it; `answer` makes a response of what it said."""

    fault: Fault
    request: web.BaseRequest
    call: Callable[[], dict[str, Any]]
    answer: Callable[[Mapping[str, Any]], web.Response]
    service: Service
    clock: Clock

    def call_if_accepted(self) -> None:
        """The service does it only if the fault says so."""
        if self.fault.accept:
            self.call()


async def suffer(victim: Victim) -> web.StreamResponse:
    """What is left of the answer. ServiceError where the fault is an error of the service."""
    return await _ACTIONS[victim.fault.what](victim)


async def _throttle(victim: Victim) -> web.StreamResponse:
    raise ServiceError(victim.service.switches.throttle_code, victim.fault.message)


async def _error(victim: Victim) -> web.StreamResponse:
    raise ServiceError(victim.fault.code, victim.fault.message, victim.fault.status)


async def _reset_before(victim: Victim) -> web.StreamResponse:
    return _reset(victim.request)


async def _lose_answer(victim: Victim) -> web.StreamResponse:
    victim.call()
    return _reset(victim.request)


async def _slow(victim: Victim) -> web.StreamResponse:
    answer = victim.call()
    await victim.clock.sleep(victim.fault.seconds)
    return victim.answer(answer)


async def _hang(victim: Victim) -> web.StreamResponse:
    victim.call_if_accepted()
    await victim.clock.sleep(_HANG_S)
    return _reset(victim.request)


async def _html_200(victim: Victim) -> web.StreamResponse:
    victim.call_if_accepted()
    return web.Response(body=_HTML, content_type="text/html")


async def _empty_200(victim: Victim) -> web.StreamResponse:
    victim.call_if_accepted()
    return victim.answer({})


async def _half_answer(victim: Victim) -> web.StreamResponse:
    stream, body = await _begin(victim)
    await stream.write(body[: len(body) // 2])
    return _reset(victim.request)


async def _drip(victim: Victim) -> web.StreamResponse:
    stream, body = await _begin(victim)
    for place in range(len(body)):
        await stream.write(body[place : place + 1])
        await victim.clock.sleep(victim.fault.seconds / len(body))
    return stream


async def _unknown_status(victim: Victim) -> web.StreamResponse:
    return victim.answer(_with_status(victim.call(), victim.fault.value))


async def _missing_member(victim: Victim) -> web.StreamResponse:
    return victim.answer(_without(victim.call(), victim.fault.value))


async def _doom(victim: Victim) -> web.StreamResponse:
    answer = victim.call()
    job = victim.service.jobs[answer["JobId"]]
    job.fate = victim.fault.what
    job.fate_message = victim.fault.message or "INTERNAL_ERROR: The job was made to fail."
    return victim.answer(answer)


_ACTIONS: Final[dict[str, Callable[[Victim], Awaitable[web.StreamResponse]]]] = {
    "throttle": _throttle,
    "error": _error,
    "reset_before": _reset_before,
    "lose_answer": _lose_answer,
    "half_answer": _half_answer,
    "slow": _slow,
    "drip": _drip,
    "hang": _hang,
    "html_200": _html_200,
    "empty_200": _empty_200,
    "unknown_status": _unknown_status,
    "missing_member": _missing_member,
    "fail_job": _doom,
    "stick_job": _doom,
    "lose_output": _doom,
}


def _reset(request: web.BaseRequest) -> web.Response:
    """The connection is gone at once, without a byte more. What is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _begin(victim: Victim) -> tuple[web.StreamResponse, bytes]:
    """The head of the answer has left, its body is still here."""
    whole = victim.answer(victim.call())
    body = whole.body if isinstance(whole.body, bytes) else b""
    stream = web.StreamResponse(headers=whole.headers)
    stream.content_length = len(body)
    await stream.prepare(victim.request)
    return stream, body


def _with_status(value: Any, status: str) -> Any:
    if isinstance(value, dict):
        return {name: status if name == "JobStatus" else _with_status(member, status) for name, member in value.items()}
    return [_with_status(member, status) for member in value] if isinstance(value, list) else value


def _without(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {member: _without(inner, name) for member, inner in value.items() if member != name}
    return [_without(member, name) for member in value] if isinstance(value, list) else value
