"""Whether a role's trust policy lets Comprehend take the role on for our jobs, and what it leaves open.

Sources: facts sheet, section 6; IAM User Guide (policy grammar, string and ARN conditions). It knows the conditions
that such policies use; one that it does not know is told, never guessed at.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from fleet.core.kinds import KINDS

__all__ = ["Trust", "Trusted", "trust_of"]

_SERVICE: Final = "comprehend.amazonaws.com"
_OPERATORS: Final = {
    "stringequals": False,
    "stringequalsignorecase": False,
    "arnequals": True,
    "arnlike": True,
    "stringlike": True,
}
"""Operators that are understood, and whether `*` and `?` in their values stand for anything."""


class Trust(StrEnum):
    """What a trust policy means for our jobs."""

    GIVEN = "given"
    OPEN = "open"  # given, and to anybody's jobs: the confused deputy
    PARTLY = "partly"  # for some kinds, or under conditions that are not understood
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """The meaning and, for people, why."""

    trust: Trust
    why: str


def trust_of(policy: Any, *, account: str, region: str, kinds: list[str], partition: str = "aws") -> Trusted:
    """What the policy (the JSON object of AssumeRolePolicyDocument) means for jobs of these kinds."""
    statements = list(_for_comprehend(policy))
    denying = [one for one in statements if one.get("Effect") == "Deny"]
    if denying:
        unsure = all(one.get("Condition") for one in denying)
        why = f"a Deny statement names {_SERVICE}" + (", under conditions" if unsure else "")
        return Trusted(trust=Trust.PARTLY if unsure else Trust.DENIED, why=why)
    allowing = [one.get("Condition") or {} for one in statements if one.get("Effect") == "Allow"]
    if not allowing:
        return Trusted(trust=Trust.DENIED, why=f"no statement lets {_SERVICE} call sts:AssumeRole")
    strange: set[str] = set()
    contexts = {kind: _context(kind, account, region, partition) for kind in kinds}
    served = {kind for kind in kinds if any(_holds(one, contexts[kind], strange) for one in allowing)}
    missing = [kind for kind in kinds if kind not in served]
    if missing and strange:
        return Trusted(trust=Trust.PARTLY, why=f"conditions that fleet cannot judge: {', '.join(sorted(strange))}")
    if len(missing) == len(kinds):
        return Trusted(trust=Trust.DENIED, why=f"its conditions let no job of account {account} in {region} use it")
    if missing:
        return Trusted(trust=Trust.PARTLY, why=f"its conditions leave out jobs of {', '.join(missing)}")
    if not all(_is_bound(one) for one in allowing):
        return Trusted(trust=Trust.OPEN, why="no aws:SourceAccount or aws:SourceArn: jobs of any account may use it")
    return Trusted(trust=Trust.GIVEN, why=f"lets {_SERVICE} use it for jobs of account {account}")


def _for_comprehend(policy: Any) -> Iterator[Mapping[str, Any]]:
    """The statements that speak of Comprehend and of AssumeRole."""
    for one in _list(policy.get("Statement")) if isinstance(policy, Mapping) else ():
        if not isinstance(one, Mapping):
            continue
        principal = one.get("Principal")
        services = _list(principal.get("Service")) if isinstance(principal, Mapping) else []
        actions = [str(action).lower() for action in _list(one.get("Action"))]
        if _SERVICE in services and any(_like(action, "sts:assumerole") for action in actions):
            yield one


def _context(kind: str, account: str, region: str, partition: str) -> dict[str, str]:
    """What Comprehend says of itself when it takes the role on for a job of this kind (facts sheet, section 6)."""
    stem = re.sub(r"(?<!^)(?=[A-Z])", "-", KINDS[kind].stem).lower()
    source = f"arn:{partition}:comprehend:{region}:{account}:{stem}/0123456789abcdef0123456789abcdef"
    return {"aws:sourceaccount": account, "aws:sourcearn": source}


def _holds(condition: Mapping[str, Any], context: Mapping[str, str], strange: set[str]) -> bool:
    """Whether all conditions hold in this context; what is not understood does not, and is noted."""
    for operator, keys in condition.items():
        plain = operator.lower().removesuffix("ifexists")
        for key, values in keys.items() if isinstance(keys, Mapping) else ():
            if plain not in _OPERATORS or key.lower() not in context:
                strange.add(f"{operator} {key}")
                return False
            value, wild = context[key.lower()], _OPERATORS[plain]
            if not any(_like(str(one), value) if wild else str(one) == value for one in _list(values)):
                return False
    return True


def _is_bound(condition: Mapping[str, Any]) -> bool:
    keys = {key.lower() for inner in condition.values() if isinstance(inner, Mapping) for key in inner}
    return bool(keys & {"aws:sourceaccount", "aws:sourcearn"})


def _like(pattern: str, text: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, text) is not None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
