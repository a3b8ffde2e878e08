"""How a job comes to be: its id, its ARN, the output path that the service makes of the user's, and its luck.

Sources: facts sheet 3.1, 3.2. Promises: draws only from the given generator, so that a seed gives the same jobs.
"""

import random
from collections.abc import Mapping
from typing import Any, Final

from fleet.sandbox.jobs import Job, Seen, Shelf, Status
from fleet.sandbox.kinds import Kind
from fleet.sandbox.model import Model
from fleet.sandbox.switches import Switches
from fleet.sandbox.tokens import given

__all__ = ["Creation", "foreign_request"]

_ROLE_PARTITION, _ROLE_ACCOUNT = 1, 4
# Members that a Start takes and no Describe shows, or shows in another form (facts sheet 3.2).
_NOT_SHOWN: Final = frozenset({"OutputDataConfig", "JobName"})


class Creation:
    """Makes the jobs of one service."""

    def __init__(self, model: Model, rng: random.Random) -> None:
        self._model = model
        self._rng = rng
        self._shown: dict[str, frozenset[str]] = {}

    def job(self, params: Mapping[str, Any], now: float, shelf: Shelf, switches: Switches, number: int) -> Job:
        """A job that is SUBMITTED and on no shelf yet; `number` is its place among all."""
        kind, request = shelf.kind, given(params)
        job_id = f"{self._rng.getrandbits(128):032x}"
        role = request["DataAccessRoleArn"].split(":")
        arn = f"arn:{role[_ROLE_PARTITION]}:comprehend:{shelf.region}:{role[_ROLE_ACCOUNT]}:{kind.arn_part}/{job_id}"
        output = request["OutputDataConfig"]
        output_uri = _output_uri(output["S3Uri"], role[_ROLE_ACCOUNT], kind, job_id, switches.output_join)
        # The service makes a name where none is given (facts sheet 3.2); its form is UNKNOWN.
        name = request.get("JobName", job_id)
        face = {
            "JobId": job_id,
            "JobArn": arn,
            "JobName": name,
            "SubmitTime": round(now, 3),
            "OutputDataConfig": {**output, "S3Uri": output_uri},
            **{member: value for member, value in request.items() if member in self._members(kind)},
        }
        return Job(
            kind=kind,
            job_id=job_id,
            number=number,
            arn=arn,
            name=name,
            token=request.get("ClientRequestToken"),
            request=request,
            output_uri=output_uri,
            submit_time=now,
            face=face,
            shelf=shelf,
            luck=self._luck(switches),
            history=[Seen(at=now, status=Status.SUBMITTED)],
        )

    def _members(self, kind: Kind) -> frozenset[str]:
        if kind.name not in self._shown:
            self._shown[kind.name] = self._model.members(kind.wrapper) - _NOT_SHOWN
        return self._shown[kind.name]

    def _luck(self, switches: Switches) -> float:
        """The factor on the job's time in IN_PROGRESS: a log-normal spread, and a tail of jobs that take very long."""
        luck = self._rng.lognormvariate(0.0, switches.spread)
        if switches.tail_probability and self._rng.random() < switches.tail_probability:
            luck *= switches.tail_factor
        return luck


def foreign_request(shelf: Shelf, number: int) -> dict[str, Any]:
    """What somebody else has asked for: a name and places that nobody who uses the sandbox has."""
    return {
        "JobName": f"somebody-else-{number}",
        "InputDataConfig": {"S3Uri": f"s3://somebody-else/{number}/", "InputFormat": "ONE_DOC_PER_LINE"},
        "OutputDataConfig": {"S3Uri": "s3://somebody-else/output/"},
        "DataAccessRoleArn": f"arn:aws:iam::{shelf.account}:role/somebody-else",
        "LanguageCode": "en",
        **({"Mode": "ONLY_OFFSETS"} if shelf.kind.name == "pii_entities" else {}),
    }


def _output_uri(uri: str, account: str, kind: Kind, job_id: str, join: str) -> str:
    """Facts sheet 3.2; how a prefix without a slash at its end is joined is a switch."""
    slash = "" if uri.endswith("/") or join == "plain" else "/"
    return f"{uri}{slash}{account}-{kind.code}-{job_id}/{kind.tail}"
