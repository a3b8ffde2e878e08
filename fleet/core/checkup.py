"""What a check of `fleet doctor` found, and the plain decisions that several of them need.

Promises: reads no clock and asks nobody; what a check saw goes in, what it means comes out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fleet.core.text import shown

__all__ = [
    "CLOCK_BROKEN_S",
    "CLOCK_DOUBTFUL_S",
    "Finding",
    "Outcome",
    "Tick",
    "exit_code",
    "kms_problem",
    "principal_role",
    "skew_s",
]

CLOCK_BROKEN_S: Final = 300.0
"""AWS refuses signatures whose time is further from its own than five minutes (IAM User Guide, request signing)."""

CLOCK_DOUBTFUL_S: Final = 30.0

_ASSUMED: Final = re.compile(r"arn:(aws(?:-[^:]+)?):sts::([0-9]{12}):assumed-role/([^/]+)/.+")
_IAM_ENTITY: Final = re.compile(r"arn:aws(?:-[^:]+)?:iam::[0-9]{12}:(?:user|role)/.+")
_KEY_ID: Final = r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})"
_KMS_KEY: Final = re.compile(rf"{_KEY_ID}|alias/[a-zA-Z0-9/_-]+")
_KMS_ARN: Final = re.compile(
    rf"arn:aws(?:-[^:]+)?:kms:([a-z0-9-]+):([0-9]{{12}}):(?:key/{_KEY_ID}|alias/[a-zA-Z0-9/_-]+)"
)


class Outcome(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - the word, no secret
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of a checkup: what was checked (of which target), how it ended, what was seen, and what to do.

    `configured`: the configuration is what is wrong, so that nothing but an edit of it helps.
    """

    check: str
    outcome: Outcome
    found: str
    next: str | None = None
    target: str | None = None
    configured: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The time that a server wrote into an answer, in whole Unix seconds, and our own when we asked and heard."""

    server_at: float
    asked_at: float
    heard_at: float


def exit_code(findings: Iterable[Finding]) -> int:
    """0 if nothing failed, 78 if the configuration is what is wrong, else 1 (the table of fleet/cli/exits.py)."""
    failed = [finding for finding in findings if finding.outcome is Outcome.FAIL]
    if not failed:
        return 0
    return 78 if any(finding.configured for finding in failed) else 1


def skew_s(ticks: Sequence[Tick]) -> float | None:
    """How many seconds our clock is surely ahead of the servers' (behind them: negative); None without any answer.

    A Date header has whole seconds: the server's time was in [date, date + 1) at some moment between our question and
    its answer. So every answer bounds the difference, and the quickest one bounds it best. 0 where it may be none.
    """
    if not ticks:
        return None
    best = min(ticks, key=lambda tick: tick.heard_at - tick.asked_at)
    least, most = best.asked_at - (best.server_at + 1), best.heard_at - best.server_at
    return least if least > 0 else min(most, 0.0)


def principal_role(arn: str) -> tuple[str, str] | None:
    """The IAM ARN of whoever has this identity, and the name of the role if it is an assumed one (else empty).

    None for what IAM's simulator takes not: the root user, federated users. The path of an assumed role is not in its
    identity, so the ARN is right only for roles without one.
    """
    match = _ASSUMED.fullmatch(arn)
    if match:
        return f"arn:{match[1]}:iam::{match[2]}:role/{match[3]}", match[3]
    return (arn, "") if _IAM_ENTITY.fullmatch(arn) else None


def kms_problem(keys: Mapping[str, Iterable[str]], region: str) -> str | None:
    """What is wrong with the form of the first bad key (by the member that names it), or None.

    Forms: an id, an alias, or the ARN of either (Comprehend API reference, KmsKeyId); a key serves its own Region.
    """
    for member, some in keys.items():
        for key in sorted(some):
            if _KMS_KEY.fullmatch(key):
                continue
            arn = _KMS_ARN.fullmatch(key)
            if arn is None:
                return f"{member} {shown(key)} is no KMS key: an id, alias/NAME, or the ARN of one"
            if arn[1] != region:
                return f"{member} {shown(key)} is a key of {arn[1]}, and the target is in {region}"
    return None
