"""Calls of which the exact answer is the matter: for `fleet doctor --probe`, which learns what AWS does.

Unlike `Comprehend` it takes a refusal for an answer: its code and text come back as they are. What is no answer (the
network, time-outs) raises the errors of `core/errors.py`.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from fleet.aws.errors import mapped
from fleet.core.kinds import KINDS, method

__all__ = ["Trial", "Tried"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One answer: a job, or the code of a refusal. Times are of the machine's monotonic clock, in seconds."""

    sent_at: float
    answered_at: float
    job_id: str | None = None
    code: str | None = None
    message: str = ""
    retry_after_s: float | None = None


class Trial:
    """One target's Comprehend, tried."""

    def __init__(self, client: Any, *, deadline_s: float) -> None:
        self._client = client
        self._deadline_s = deadline_s

    async def start(self, kind: str, request: Mapping[str, Any]) -> Tried:
        """The answer to one Start."""
        return await self._try(KINDS[kind].start, request)

    async def describe(self, kind: str, job_id: str) -> Tried:
        """The answer to one Describe, e.g. of a job of another kind."""
        return await self._try(KINDS[kind].describe, {"JobId": job_id})

    async def _try(self, operation: str, request: Mapping[str, Any]) -> Tried:
        sent_at = time.monotonic()
        async with mapped(self._deadline_s):
            try:
                answer = await getattr(self._client, method(operation))(**request)
            except ClientError as error:
                details = error.response.get("Error", {})
                headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
                return Tried(
                    sent_at=sent_at,
                    answered_at=time.monotonic(),
                    code=str(details.get("Code", "Unknown")),
                    message=str(details.get("Message", "")),
                    retry_after_s=_seconds(headers.get("retry-after")),
                )
        return Tried(sent_at=sent_at, answered_at=time.monotonic(), job_id=str(answer.get("JobId", "")))


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
