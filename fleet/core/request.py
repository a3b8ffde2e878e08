"""An entry and the defaults become a Start request, validated whole before anything is sent.

Several places may say something; the later ones win, objects merge and everything else replaces:

    the kind's own default < [defaults] and the target < defaults.request < defaults.request.<kind>
        < the line's fields < the line's request < the line's request.<kind>

A problem names the place where the value was written, not the place where it was found out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from fleet.core.errors import Misconfigured
from fleet.core.identity import canonical, identity, intent, job_name, key, parse_job_name, request_token
from fleet.core.kinds import KINDS, Kind
from fleet.core.layers import Layer, at, field_layer, holds, merged, written
from fleet.core.manifest import Entry
from fleet.core.rules import ROLE_ARN, rule_problems
from fleet.core.shapes import Path, Problem, Shapes, place, problems
from fleet.core.text import shown, suggestion

__all__ = [
    "PROBLEMS_MAX",
    "Defaults",
    "Target",
    "build",
    "canonical",
    "identity",
    "intent",
    "job_name",
    "key",
    "parse_job_name",
    "request_token",
]

PROBLEMS_MAX: Final = 20
"""So many problems of one request are told: a line with a thousand bad tags has one mistake, not a thousand."""

_KIND_DEFAULTS: Final[dict[str, dict[str, Any]]] = {"pii_entities": {"Mode": "ONLY_OFFSETS"}}

_LANGUAGE: Final[Path] = ("LanguageCode",)
_INPUT_FORMAT: Final[Path] = ("InputDataConfig", "InputFormat")
_OUTPUT: Final[Path] = ("OutputDataConfig", "S3Uri")
_FIELDS: Final[dict[Path, str]] = {_LANGUAGE: "language", _INPUT_FORMAT: "input_format", _OUTPUT: "output"}

_OWNED: Final[dict[Path, str]] = {
    ("ClientRequestToken",): "is fleet's own: it follows from the job's key and attempt",
    ("JobName",): "is fleet's own: it follows from the job's key and attempt",
    ("InputDataConfig", "S3Uri"): "comes from the line's prefix",
    ("DataAccessRoleArn",): "comes from the target's data_access_role_arn",
}
_ANY_PREFIX: Final = "s3://bucket/prefix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What `[defaults]` says for every line that does not say otherwise."""

    kinds: tuple[str, ...] = ()
    language: str | None = None
    input_format: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An account and Region that runs jobs, the role they run with, and where their results go."""

    name: str
    region: str
    data_access_role_arn: str
    output: str

    @property
    def account(self) -> str:
        """The account of the role: a role can be passed only within its account. `Misconfigured` if it is no role."""
        match = ROLE_ARN.fullmatch(self.data_access_role_arn)
        if match is None:
            where = f"targets.{self.name}.data_access_role_arn"
            said = f"{shown(self.data_access_role_arn)} is no role's ARN: write arn:aws:iam::<12 digits>:role/<name>"
            raise Misconfigured(f"{where}: {said}")
        return match["account"]


def build(
    entry: Entry, kind: Kind, *, defaults: Defaults, target: Target, shapes: Shapes
) -> dict[str, Any] | list[Problem]:
    """The Start request without InputDataConfig.S3Uri, ClientRequestToken and JobName, or all that is wrong with it.

    Nothing in it depends on the entry's prefix, so that entries which differ in nothing else share it. The paths of
    the problems begin with a field of the line, with `defaults` or with `targets`.
    """
    layers = _layers(entry, kind, defaults, target)
    found = [*_contradictions(entry, defaults), *islice(_misplaced(layers, kind, shapes), PROBLEMS_MAX)]
    whole = {name: value for name, value in merged(layers).items() if _belongs(name, kind, shapes)}
    whole["DataAccessRoleArn"] = target.data_access_role_arn
    if isinstance(source := whole.setdefault("InputDataConfig", {}), dict):
        source["S3Uri"] = _ANY_PREFIX

    # a rule and the shape may object to the same value; the rule says it better
    said = [*problems(whole, shapes.inputs[kind.start], shapes), *rule_problems(kind, whole, target.region)]
    nobody: dict[Path, Path] = {path: (name,) for path, name in _FIELDS.items()}
    nobody["DataAccessRoleArn",] = ("targets", target.name, "data_access_role_arn")
    for path, reason in {problem.path: problem.reason for problem in said}.items():
        where = written(path, whole, layers) or nobody.get(path) or ("request", kind.name, *path)
        found.append(Problem(path=where, reason=reason))
    if len(found) > PROBLEMS_MAX:
        found = [*found[: PROBLEMS_MAX - 1], Problem(path=("request",), reason="and more")]
    if found:
        return found

    del source["S3Uri"]
    if not source:
        del whole["InputDataConfig"]
    return whole


def _layers(entry: Entry, kind: Kind, defaults: Defaults, target: Target) -> list[Layer]:
    """Every place that has a say, the weakest first."""
    layers = [
        Layer(where=("request", kind.name), tree=_KIND_DEFAULTS.get(kind.name, {})),
        field_layer(("targets", target.name, "output"), _OUTPUT, target.output),
    ]
    for level, fields, request in _levels(entry, defaults):
        layers += [field_layer((*level, _FIELDS[path]), path, value) for path, value in fields.items()]
        where = (*level, "request")
        layers.append(Layer(where=where, tree={name: value for name, value in request.items() if name not in KINDS}))
        under = request.get(kind.name, {})
        if isinstance(under, Mapping):
            layers.append(Layer(where=(*where, kind.name), tree=under))
        else:
            layers.append(Layer(where=where, tree={kind.name: under}))
    return layers


def _levels(entry: Entry, defaults: Defaults) -> Iterator[tuple[Path, dict[Path, str], Mapping[str, Any]]]:
    """The two levels of settings: where they are, the fields they give, and their `request`."""
    for level, fields, request in (
        (("defaults",), {_LANGUAGE: defaults.language, _INPUT_FORMAT: defaults.input_format}, defaults.request),
        (
            (),
            {_LANGUAGE: entry.language, _INPUT_FORMAT: entry.input_format, _OUTPUT: entry.output},
            entry.request,
        ),
    ):
        yield level, {path: value for path, value in fields.items() if value is not None}, request


def _belongs(name: str, kind: Kind, shapes: Shapes) -> bool:
    return name in shapes.members(kind.start) and (name,) not in _OWNED


def _misplaced(layers: list[Layer], kind: Kind, shapes: Shapes) -> Iterator[Problem]:
    """Members that are fleet's own, and top-level members that this kind does not have."""
    for layer in layers:
        for path, reason in _OWNED.items():
            if holds(layer.tree, path):
                yield Problem(path=layer.where + path, reason=reason)
        for name in layer.tree:
            if name not in shapes.members(kind.start):
                yield Problem(path=(*layer.where, name), reason=_not_a_member(name, layer, kind, shapes))


def _not_a_member(name: str, layer: Layer, kind: Kind, shapes: Shapes) -> str:
    if name == kind.name:
        return "must be an object"
    owners = [other for other, row in KINDS.items() if name in shapes.members(row.start)]
    shared = layer.where[-1] == "request"
    if owners and shared:
        places = ", ".join(place((*layer.where, owner)) for owner in owners)
        return f"is not a member of {kind.name}: put it under a kind that has it ({places})"
    if owners:
        return f"is not a member of {kind.name}, only of {', '.join(owners)}"
    known = shapes.members(kind.start)
    return f"is unknown: {suggestion(name, (*known, *KINDS) if shared else known)}"


def _contradictions(entry: Entry, defaults: Defaults) -> Iterator[Problem]:
    """A field and a member of the same line (or of the same defaults) that mean the same and say different things."""
    for level, fields, request in _levels(entry, defaults):
        for path, value in fields.items():
            other = at(request, path)
            if other is not None and other != value:
                where = place((*level, "request", *path))
                reason = f"{shown(value)} contradicts {where} {shown(other)}: give one of them"
                yield Problem(path=(*level, _FIELDS[path]), reason=reason)
