"""A job's names: its key, its request token, its JobName, and the exact bytes of its Start request.

The key is the identity of the work: the same input and the same question give the same key for ever. Role, output,
tags, encryption, VPC and target are not in it, so that editing them never runs a corpus twice.
"""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from fleet.core.job import Job

__all__ = ["canonical", "identity", "intent", "job_name", "key", "parse_job_name", "request_token"]

_ANSWER_MEMBERS: Final = ("LanguageCode", "EntityRecognizerArn", "FlywheelArn", "Mode")
_INPUT_MEMBERS: Final = ("InputFormat", "DocumentReaderConfig")
_JOB_NAME: Final = re.compile(r"fleet-([0-9a-f]{32})-([1-9][0-9]{0,8})")


def canonical(value: object) -> str:
    """`value` as JSON that has one form only: sorted members, no spaces, and ASCII alone.

    ASCII, because then the text is the same bytes in every database, log and encoding, its hash cannot depend on one,
    and it holds nothing that a terminal obeys. `ValueError` for NaN and infinity, which JSON does not have.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def identity(*, generation: str, kind: str, request: Mapping[str, Any]) -> str:
    """All of a key's identity but the input prefix. Of `request` it holds only the members that change the answer."""
    asked: dict[str, Any] = {name: request[name] for name in _ANSWER_MEMBERS if name in request}
    source = request.get("InputDataConfig", {})
    asked |= {name: _as_set(source[name], "FeatureTypes") for name in _INPUT_MEMBERS if name in source}
    if "RedactionConfig" in request:
        asked["RedactionConfig"] = _as_set(request["RedactionConfig"], "PiiEntityTypes")
    return canonical({"generation": generation, "kind": kind, "request": asked})


def key(identity: str, prefix: str) -> str:
    """The name of one unit of work: 32 hex characters. `prefix` is taken to the letter."""
    # canonical JSON holds no line break, so no other pair of identity and prefix makes the same bytes
    return sha256(f"{identity}\n{prefix}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def request_token(key: str, attempt: int) -> str:
    """The ClientRequestToken of one attempt: 64 hex characters, the most that the service takes (facts sheet, 2)."""
    return sha256(f"{key}-{attempt}".encode()).hexdigest()


def job_name(key: str, attempt: int) -> str:
    """The JobName of one attempt, by which List finds it again when Start's answer was lost."""
    return f"fleet-{key}-{attempt}"


def parse_job_name(name: str) -> tuple[str, int] | None:
    """The key and the attempt that made this JobName, or None if fleet did not make it."""
    match = _JOB_NAME.fullmatch(name)
    return (match[1], int(match[2])) if match else None


def intent(job: Job) -> str:
    """The whole Start request of the job's attempt as canonical JSON: the same job and attempt give the same bytes."""
    request: dict[str, Any] = json.loads(job.request)
    request.setdefault("InputDataConfig", {})["S3Uri"] = job.prefix
    request["ClientRequestToken"] = request_token(job.key, job.attempt)
    request["JobName"] = job_name(job.key, job.attempt)
    return canonical(request)


def _as_set(value: Any, member: str) -> Any:
    """`value` with its list `member` sorted and without repeats: its order does not change the answer."""
    if isinstance(value, Mapping) and isinstance(value.get(member), list):
        return {**value, member: sorted(set(value[member]))}
    return value
