"""Start, Describe, List and Stop of the five kinds, driven by the catalogue: one method each, no kind by name.

Every method makes exactly one HTTP request, raises only the errors of `core/errors.py`, and knows nothing of rates:
whoever calls has asked the lane's limiter first.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fleet.aws.errors import mapped, request_id
from fleet.core.errors import Denied, Forbidden, Lost, Unavailable
from fleet.core.kinds import KINDS, method
from fleet.core.secrets import known_secrets, redacted

__all__ = ["ACTIVE", "TERMINAL", "Comprehend", "Page", "RemoteJob"]

TERMINAL: Final = frozenset({"COMPLETED", "FAILED", "STOPPED"})
"""AWS statuses after which a job no longer changes. An unknown status is not terminal."""

ACTIVE: Final = ("SUBMITTED", "IN_PROGRESS", "STOP_REQUESTED")
"""AWS statuses in which a job holds a slot, in the order in which a job passes through them (facts sheet, 1.2, 3.1)."""

_SPACES: Final = r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # what the model's \p{Z} is
_JOB_ID: Final = re.compile(rf"[\w{_SPACES}.:/=+\-%@]{{1,32}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteJob:
    """A Comprehend job as AWS tells of it. Times are Unix seconds; members that AWS left out are None.

    `request_id` is that of the Start or Describe that told; None where a List did.
    """

    remote_id: str
    status: str
    name: str | None = None
    message: str | None = None
    output_uri: str | None = None
    submitted_at: float | None = None
    ended_at: float | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a List; `next_token` is None on the last one."""

    jobs: list[RemoteJob]
    next_token: str | None


class Comprehend:
    """One target's Comprehend. Safe to use from many tasks."""

    def __init__(self, client: Any, *, deadline_s: float, refused: Callable[[], None] = lambda: None) -> None:
        """`refused` is called when AWS does not accept the credentials of a call."""
        self._client = client
        self._deadline_s = deadline_s
        self._refused = refused

    async def start(self, kind: str, request: Mapping[str, Any]) -> RemoteJob:
        """Send one Start; its JobId and status.

        A 200 without a usable JobId (a captive portal, a proxy's page) proves nothing: `Unavailable`, maybe accepted.
        """
        try:
            answer = await self._call(KINDS[kind].start, request)
        except Lost as error:
            raise Unavailable(f"{error} (as the answer to a Start)", maybe_accepted=True) from error
        if not _is_job_id(answer.get("JobId")):
            raise Unavailable("the service answered 200 without a valid JobId", maybe_accepted=True)
        return RemoteJob(
            remote_id=answer["JobId"], status=str(answer.get("JobStatus", "")), request_id=request_id(answer)
        )

    async def describe(self, kind: str, remote_id: str) -> RemoteJob:
        """Read one job; `Lost` if AWS does not know it."""
        answer = await self._call(KINDS[kind].describe, {"JobId": remote_id})
        return _remote_job(answer.get(KINDS[kind].properties), request_id(answer))

    async def page(
        self,
        kind: str,
        *,
        name: str | None = None,
        status: str | None = None,
        submitted_after: float | None = None,
        next_token: str | None = None,
        size: int = 500,
    ) -> Page:
        """Read one page of the jobs of a kind, by name, status or time (AWS takes one filter at a time)."""
        request: dict[str, Any] = {"MaxResults": size}
        if name is not None:
            request["Filter"] = {"JobName": name}
        elif status is not None:
            request["Filter"] = {"JobStatus": status}
        elif submitted_after is not None:
            request["Filter"] = {"SubmitTimeAfter": datetime.fromtimestamp(submitted_after, UTC)}
        if next_token is not None:
            request["NextToken"] = next_token
        answer = await self._call(KINDS[kind].list, request)
        jobs = answer.get(KINDS[kind].properties_list)
        if not isinstance(jobs, list):
            raise Unavailable(f"{KINDS[kind].list} answered 200 without a list", maybe_accepted=True)
        token = answer.get("NextToken") or None
        if token is not None and not isinstance(token, str):
            raise Unavailable(f"{KINDS[kind].list} answered with a NextToken that is none", maybe_accepted=True)
        return Page(jobs=[_remote_job(job) for job in jobs], next_token=token)

    async def stop(self, kind: str, remote_id: str) -> str:
        """Ask a job to stop; the status AWS answers. `Rejected` for a job that has ended (facts sheet, 3.4)."""
        answer = await self._call(KINDS[kind].stop, {"JobId": remote_id})
        return str(answer.get("JobStatus", ""))

    async def _call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            async with mapped(self._deadline_s):
                answer = await getattr(self._client, method(operation))(**request)
        except Forbidden:
            raise
        except Denied:
            self._refused()
            raise
        if not isinstance(answer, dict):
            raise Unavailable(f"{operation} answered 200 without an object", maybe_accepted=True)
        return answer


def _is_job_id(value: Any) -> bool:
    """Whether it has the documented shape: 1 to 32 letters, digits, spaces and some signs (facts sheet, 3.1)."""
    return isinstance(value, str) and _JOB_ID.fullmatch(value) is not None


def _remote_job(properties: Any, told_by: str | None = None) -> RemoteJob:
    """The job in a Describe or List answer; a body without id and status is nonsense, not a job."""
    if not isinstance(properties, dict) or not _is_job_id(properties.get("JobId")):
        raise Unavailable("the service answered 200 without a valid JobId", maybe_accepted=True)
    if not properties.get("JobStatus"):
        raise Unavailable("the service answered 200 without JobStatus", maybe_accepted=True)
    return RemoteJob(
        remote_id=properties["JobId"],
        status=str(properties["JobStatus"]),
        name=_text(properties.get("JobName")),
        message=_told(properties.get("Message")),
        output_uri=_text((properties.get("OutputDataConfig") or {}).get("S3Uri")),
        submitted_at=_unix_s(properties.get("SubmitTime")),
        ended_at=_unix_s(properties.get("EndTime")),
        request_id=told_by,
    )


def _told(value: Any) -> str | None:
    """What AWS says of a failure: it ends in the ledger, in logs and on pages."""
    text = _text(value)
    return None if text is None else redacted(text, known_secrets(os.environ))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _unix_s(time: Any) -> float | None:
    return time.timestamp() if isinstance(time, datetime) else None
