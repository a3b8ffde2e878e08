"""What a ClientRequestToken that was used before means: all of it is UNKNOWN at AWS, so all of it is switches.

Sources: facts sheet 2. The documentation says no more than "a unique identifier for the request".
"""

from collections.abc import Mapping
from typing import Any

from fleet.sandbox.errors import ServiceError
from fleet.sandbox.jobs import Job, Shelf, Status
from fleet.sandbox.switches import Switches

__all__ = ["Tokens", "given"]


class Tokens:
    """The tokens of all Starts that made a job."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[str, str, str, str], Job] = {}

    def add(self, job: Job, switches: Switches) -> None:
        """The job's token, if it has one, stands for this job from now on."""
        if job.token:
            self._jobs[_key(job.token, job.shelf, switches)] = job

    def replayed(self, params: Mapping[str, Any], now: float, shelf: Shelf, switches: Switches) -> Job | None:
        """The job that this very request has made before, if it shall not make another."""
        job = self._find(params, now, shelf, switches)
        if job is None or job.shelf is not shelf or job.request != given(params):
            return None
        ended = switches.replay_failed if job.status is Status.FAILED else switches.replay_ended
        again = switches.replay == "new_job" or (job.ended_at is not None and ended == "new_job")
        return None if again else job

    def mismatched(self, params: Mapping[str, Any], now: float, shelf: Shelf, switches: Switches) -> Job | None:
        """The job that the token of another request stands for, if it shall be the answer to this one too.

        ServiceError if a token may not come with other parameters.
        """
        job = self._find(params, now, shelf, switches)
        if job is None or (job.shelf is shelf and job.request == given(params)):
            return None
        if switches.mismatch == "reject":
            raise ServiceError(switches.mismatch_code, "The ClientRequestToken was used before with other parameters")
        return job if switches.mismatch == "same_job" else None

    def _find(self, params: Mapping[str, Any], now: float, shelf: Shelf, switches: Switches) -> Job | None:
        token = params.get("ClientRequestToken")
        job = self._jobs.get(_key(token, shelf, switches)) if isinstance(token, str) else None
        return None if job is None or now - job.submit_time > switches.token_window_s else job


def given(params: Mapping[str, Any]) -> dict[str, Any]:
    """The request without members that are null, which mean the same as none."""
    return {name: value for name, value in params.items() if value is not None}


def _key(token: str, shelf: Shelf, switches: Switches) -> tuple[str, str, str, str]:
    scope = shelf.kind.name if switches.replay_scope == "operation" else ""
    return shelf.account, shelf.region, scope, token
