"""What a fault does to one request: a table with one small function for each word of faults.py.

Promises: no I/O and no clock. What is left of the answer is a Reply, which each shell acts on in its own way.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from fleet.sandbox.errors import ServiceError
from fleet.sandbox.faults import Fault
from fleet.sandbox.jobs import Shelf
from fleet.sandbox.listing import token_to
from fleet.sandbox.service import Service

__all__ = ["Reply", "Victim", "suffer"]

_HTML: Final = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
_HANG_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One HTTP answer, and how it leaves: `after_s` later, its body over `over_s`, whole or not.

    With `cut` only half of the body leaves, then the connection is reset. With `reset` nothing leaves at all.
    """

    status: int = 200
    headers: Mapping[str, str]
    body: bytes
    after_s: float = 0.0
    over_s: float = 0.0
    cut: bool = False
    reset: bool = False


_RESET: Final = Reply(headers={}, body=b"", reset=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A request that a fault has hit. `call` lets the service do it; `answer` makes a reply of what it said."""

    fault: Fault
    params: Mapping[str, Any]
    shelf: Shelf
    now: float
    call: Callable[[], dict[str, Any]]
    answer: Callable[[Mapping[str, Any]], Reply]
    service: Service

    def call_if_accepted(self) -> None:
        """The service does it only if the fault says so."""
        if self.fault.accept:
            self.call()


def suffer(victim: Victim) -> Reply:
    """What is left of the answer. ServiceError where the fault is an error of the service."""
    return _ACTIONS[victim.fault.what](victim)


def _throttle(victim: Victim) -> Reply:
    switches = victim.service.switches
    raise ServiceError(switches.throttle_code, victim.fault.message or switches.throttle_message)


def _refuse(victim: Victim) -> Reply:
    raise ServiceError(_CODES[victim.fault.what], victim.fault.message)


def _error(victim: Victim) -> Reply:
    raise ServiceError(victim.fault.code, victim.fault.message, victim.fault.status)


def _reset_before(_: Victim) -> Reply:
    return _RESET


def _lose_answer(victim: Victim) -> Reply:
    victim.call()
    return _RESET


def _half_answer(victim: Victim) -> Reply:
    return replace(victim.answer(victim.call()), cut=True)


def _deliver_twice(victim: Victim) -> Reply:
    answer = victim.call()
    with suppress(ServiceError):
        victim.call()
    return victim.answer(answer)


def _slow(victim: Victim) -> Reply:
    return replace(victim.answer(victim.call()), after_s=victim.fault.seconds)


def _drip(victim: Victim) -> Reply:
    return replace(victim.answer(victim.call()), over_s=victim.fault.seconds)


def _hang(victim: Victim) -> Reply:
    victim.call_if_accepted()
    return replace(_RESET, after_s=_HANG_S)


def _html_200(victim: Victim) -> Reply:
    victim.call_if_accepted()
    return Reply(headers={"Content-Type": "text/html"}, body=_HTML)


def _empty_200(victim: Victim) -> Reply:
    victim.call_if_accepted()
    return victim.answer({})


def _unknown_status(victim: Victim) -> Reply:
    return victim.answer(_with(victim.call(), "JobStatus", victim.fault.value))


def _replace_member(victim: Victim) -> Reply:
    return victim.answer(_with(victim.call(), victim.fault.member, victim.fault.value))


def _missing_member(victim: Victim) -> Reply:
    return victim.answer(_without(victim.call(), victim.fault.value))


def _endless_pages(victim: Victim) -> Reply:
    return victim.answer({**victim.call(), "NextToken": _token_to_here(victim)})


def _empty_page(victim: Victim) -> Reply:
    victim.call()
    return victim.answer({victim.shelf.kind.list_wrapper: [], "NextToken": _token_to_here(victim)})


def _doom(victim: Victim) -> Reply:
    answer = victim.call()
    victim.service.jobs[answer["JobId"]].fault = victim.fault
    return victim.answer(answer)


def _foreign_jobs(victim: Victim) -> Reply:
    victim.service.intrude(victim.shelf, victim.fault.jobs, victim.fault.seconds, victim.now)
    return victim.answer(victim.call())


_CODES: Final = {
    "expired_credentials": "ExpiredTokenException",
    "access_denied": "AccessDeniedException",
    "unavailable": "ServiceUnavailable",
}

_ACTIONS: Final[dict[str, Callable[[Victim], Reply]]] = {
    "throttle": _throttle,
    "expired_credentials": _refuse,
    "access_denied": _refuse,
    "unavailable": _refuse,
    "error": _error,
    "reset_before": _reset_before,
    "lose_answer": _lose_answer,
    "half_answer": _half_answer,
    "deliver_twice": _deliver_twice,
    "slow": _slow,
    "drip": _drip,
    "hang": _hang,
    "html_200": _html_200,
    "empty_200": _empty_200,
    "unknown_status": _unknown_status,
    "missing_member": _missing_member,
    "replace_member": _replace_member,
    "endless_pages": _endless_pages,
    "empty_page": _empty_page,
    "fail_job": _doom,
    "stick_job": _doom,
    "lose_output": _doom,
    "short_output": _doom,
    "truncate_output": _doom,
    "garbage_output": _doom,
    "bomb_output": _doom,
    "wrong_member": _doom,
    "foreign_jobs": _foreign_jobs,
}


def _token_to_here(victim: Victim) -> str:
    return token_to(victim.params, victim.service.switches, victim.now)


def _with(value: Any, name: str, new: str) -> Any:
    if isinstance(value, dict):
        return {member: new if member == name else _with(inner, name, new) for member, inner in value.items()}
    return [_with(member, name, new) for member in value] if isinstance(value, list) else value


def _without(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {member: _without(inner, name) for member, inner in value.items() if member != name}
    return [_without(member, name) for member in value] if isinstance(value, list) else value
