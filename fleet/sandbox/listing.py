"""Pages of jobs: one filter, an order, and a NextToken that leads through them without gap or repeat.

Sources: facts sheet 3.6. SubmitTimeBefore sorts oldest first, SubmitTimeAfter newest first; the other orders, the match
of JobName and the error for two filters are not stated (switches, and InvalidFilterException as declared candidate).
"""

import base64
import binascii
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from fleet.sandbox.errors import ServiceError
from fleet.sandbox.jobs import ACTIVE, Job, Seen, Shelf, Status
from fleet.sandbox.kinds import Kind
from fleet.sandbox.switches import Switches

__all__ = ["page", "token_to"]

_MAX_RESULTS: Final = 100

Look = Callable[[Job], Seen | None]


def page(
    kind: Kind, params: Mapping[str, Any], shelf: Shelf, switches: Switches, look: Look, now: float
) -> dict[str, Any]:
    """The answer of List: at most MaxResults jobs, and a NextToken if there are more.

    `look` says how a job is seen now, or None if it is not. The token names the last job of the page by its place in
    the order of submission, which never changes, and the filter that it belongs to.
    """
    name, value = _filter(params)
    descending = _descends(name, switches)
    after = _read_token(params.get("NextToken"), name, value, oldest=now - switches.next_token_s)
    size = params.get("MaxResults") or _MAX_RESULTS
    matching = (
        (job, seen)
        for job in _candidates(shelf, name, value, switches, after, descending)
        if (seen := look(job)) is not None and _matches(job, seen, name, value, switches)
    )
    found = list(islice(matching, size + 1))
    answer: dict[str, Any] = {kind.list_wrapper: [job.properties(seen) for job, seen in found[:size]]}
    if len(found) > size:
        answer["NextToken"] = _write_token(found[size - 1][0].number, name, value, now)
    return answer


def token_to(params: Mapping[str, Any], switches: Switches, now: float) -> str:
    """A NextToken that leads to the page that this request asks for."""
    if params.get("NextToken"):
        return str(params["NextToken"])
    name, value = _filter(params)
    return _write_token(sys.maxsize if _descends(name, switches) else -1, name, value, now)


def _candidates(
    shelf: Shelf, name: str, value: Any, switches: Switches, after: int | None, descending: bool
) -> Iterator[Job]:
    """The jobs that can match, in order, from behind the last page on. All are in the order of their numbers."""
    jobs: Iterable[Job]
    if name == "JobName" and switches.name_match == "exact":
        jobs = shelf.by_name.get(value, [])
    elif name == "JobStatus" and value in ACTIVE and not switches.list_delay_s:
        jobs = shelf.active.values()
    else:
        yield from _slice(shelf, after, descending)
        return
    for job in sorted(jobs, key=_number, reverse=descending):
        if after is None or (job.number < after if descending else job.number > after):
            yield job


def _filter(params: Mapping[str, Any]) -> tuple[str, Any]:
    filters = {name: value for name, value in (params.get("Filter") or {}).items() if value is not None}
    if len(filters) > 1:
        raise ServiceError("InvalidFilterException", "Only one filter can be set at a time")
    return next(iter(filters.items()), ("", None))


def _descends(name: str, switches: Switches) -> bool:
    return name == "SubmitTimeAfter" or (name != "SubmitTimeBefore" and switches.list_order == "descending")


def _slice(shelf: Shelf, after: int | None, descending: bool) -> Iterator[Job]:
    """All jobs from behind the last page on, without a walk through those before it."""
    if descending:
        start = len(shelf.jobs) if after is None else shelf.position(after - 1)
        return (shelf.jobs[place] for place in range(start - 1, -1, -1))
    start = 0 if after is None else shelf.position(after)
    return (shelf.jobs[place] for place in range(start, len(shelf.jobs)))


def _matches(job: Job, seen: Seen, name: str, value: Any, switches: Switches) -> bool:
    if name == "JobName":
        return job.name.startswith(value) if switches.name_match == "prefix" else job.name == value
    if name == "JobStatus":
        return seen.status is Status(value)
    if name == "SubmitTimeBefore":
        return bool(job.face["SubmitTime"] < value)
    if name == "SubmitTimeAfter":
        return bool(job.face["SubmitTime"] > value)
    return True


def _number(job: Job) -> int:
    return job.number


def _write_token(number: int, name: str, value: Any, now: float) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([number, name, value, now])).decode()


def _read_token(token: str | None, name: str, value: Any, *, oldest: float) -> int | None:
    """The place that a token leads to. A token that is none of ours, or of another filter, is an invalid request.

    So is one that was made before `oldest`; that error is ours, for whether a token expires at all is UNKNOWN.
    """
    if token is None:
        return None
    try:
        number, token_name, token_value, made_at = msgspec.json.decode(
            base64.urlsafe_b64decode(token.encode()), type=tuple[int, str, str | float | None, float]
        )
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise ServiceError("InvalidRequestException", "The NextToken is not valid") from error
    if (token_name, token_value) != (name, value):
        raise ServiceError("InvalidRequestException", "The NextToken belongs to another filter")
    if made_at < oldest:
        raise ServiceError("InvalidRequestException", "The NextToken has expired")
    return number
