"""IAM's rules as far as our policies use them: allow statements, exact actions, wildcards in resources, conditions."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.deploy.recorder import Need
from tests.deploy.tools import ROOT

__all__ = ["FILLED", "Grant", "grants", "read"]

IAM: Final = ROOT / "deploy" / "iam"

FILLED: Final = {
    "DATA_ACCESS_ROLE": "comprehend",
    "SUBMITTER_ROLE": "fleet",
    "MANIFEST_BUCKET": "corpus-manifests",
    "INPUT_BUCKET": "corpus-in",
    "OUTPUT_BUCKET": "corpus-out",
    "OUTPUT_PREFIX": "results",
    "ACCOUNT": "123456789012",
    "REGION": "us-east-1",
}
"""What the placeholders stand for in the tests. The longest come first, for one may hold another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One action on one resource pattern under one condition: the smallest thing that a policy gives."""

    sid: str
    action: str
    resource: str
    condition: tuple[tuple[str, str, tuple[str, ...]], ...]

    def allows(self, need: Need) -> bool:
        """Whether IAM would grant the need by this alone."""
        if self.action != need.action or not _like(self.resource, need.resource):
            return False
        context = dict(need.context)
        return all(
            any(
                _like(value, context.get(key, "")) if "Like" in operator else value == context.get(key)
                for value in values
            )
            for operator, key, values in self.condition
        )


def read(name: str) -> dict[str, Any]:
    """A policy of deploy/iam with its placeholders filled in."""
    text = (IAM / name).read_text()
    for placeholder in sorted(FILLED, key=len, reverse=True):
        text = re.sub(rf"\b{placeholder}\b", FILLED[placeholder], text)
    policy: dict[str, Any] = json.loads(text)
    return policy


def grants(name: str) -> set[Grant]:
    """Everything that a policy of deploy/iam gives."""
    return set(_grants(read(name)))


def _grants(policy: Mapping[str, Any]) -> Iterator[Grant]:
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        condition = tuple(
            (operator, key, tuple(_list(values)))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
        for action in _list(statement["Action"]):
            for resource in _list(statement.get("Resource", "*")):
                yield Grant(sid=statement["Sid"], action=action, resource=resource, condition=condition)


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _like(pattern: str, text: str) -> bool:
    """IAM's wildcards: `*` for any run of characters, `?` for one."""
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, text) is not None


_MATCHES: Final = {"StringEquals": str.__eq__, "StringLike": _like, "ArnLike": _like}
