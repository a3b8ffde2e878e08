"""Entries become jobs: one for each (entry, kind), with a key that never changes.

A million similar lines differ only in their prefix. So a request is built and validated once per settings, and each
line costs one check of its prefix and one hash per kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fleet.core import uri
from fleet.core.identity import canonical, identity, key
from fleet.core.job import PlannedJob
from fleet.core.kinds import KINDS, Kind
from fleet.core.lane import Lane
from fleet.core.manifest import Entry, Rejection
from fleet.core.request import Defaults, Target, build
from fleet.core.shapes import Problem, Shapes, place
from fleet.core.text import shown, suggestion

__all__ = ["Planner", "plan_entry"]

_TEMPLATES_MAX: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """All that jobs of the same kind and settings share."""

    request: str
    identity: str
    lane: Lane
    target: str
    output: tuple[str, str]


class Planner:
    """Plans entries under one configuration. It remembers the requests it has built, at most 4,096 of them."""

    def __init__(self, *, defaults: Defaults, targets: Mapping[str, Target], generation: str, shapes: Shapes) -> None:
        self._defaults = defaults
        self._targets = dict(targets)
        self._generation = generation
        self._shapes = shapes
        self._templates: dict[tuple[str | None, ...], _Template | list[Problem]] = {}

    def plan(self, entry: Entry) -> tuple[list[PlannedJob], list[Rejection]]:
        """The jobs that the entry asks for, in the order of its kinds, and everything that is wrong with it.

        A kind that is wrong is rejected alone; a wrong prefix or target rejects the whole entry.
        """
        faults = _Faults()
        location = self._location(entry, faults)
        target = self._target(entry, faults)
        jobs = []
        for kind in self._kinds(entry, faults):
            template = self._template(entry, kind, target) if target else []
            if isinstance(template, list):
                faults.add(template, kind.name)
            elif location is not None:
                bucket, prefix = location
                if uri.feeds_back(bucket, prefix, output=template.output, account=template.lane.account):
                    faults.add([_feeds_back(entry, template)], kind.name)
                    continue
                jobs.append(
                    PlannedJob(
                        key=key(template.identity, entry.prefix),
                        lane=template.lane,
                        target=template.target,
                        prefix=entry.prefix,
                        request=template.request,
                        label=entry.label,
                    )
                )
        return jobs, faults.rejections(entry.line)

    def _location(self, entry: Entry, faults: "_Faults") -> tuple[str, str] | None:
        try:
            return uri.split(entry.prefix)
        except ValueError as error:
            faults.add([Problem(path=("prefix",), reason=str(error))])
            return None

    def _target(self, entry: Entry, faults: "_Faults") -> Target | None:
        if entry.target is None and len(self._targets) == 1:
            return next(iter(self._targets.values()))
        if entry.target is not None and (target := self._targets.get(entry.target)):
            return target
        if not self._targets:
            reason = "the configuration has no [targets.NAME]"
        elif entry.target is None:
            reason = f"which of the targets? Known: {', '.join(self._targets)}"
        else:
            reason = f"{shown(entry.target)} is unknown: {suggestion(entry.target, self._targets)}"
        faults.add([Problem(path=("target",), reason=reason)])
        return None

    def _kinds(self, entry: Entry, faults: "_Faults") -> list[Kind]:
        """The kinds of the entry that exist, each once."""
        names = self._defaults.kinds if entry.kinds is None else entry.kinds
        where = ("defaults", "kinds") if entry.kinds is None else ("kinds",)
        if not names:
            reason = "no kinds: give them in the line or in [defaults]"
            faults.add([Problem(path=("kinds",), reason=reason)])
        for name in names:
            if name not in KINDS:
                faults.add([Problem(path=where, reason=f"{shown(name)} is unknown: {suggestion(name, KINDS)}")])
        return [KINDS[name] for name in dict.fromkeys(names) if name in KINDS]

    def _template(self, entry: Entry, kind: Kind, target: Target) -> _Template | list[Problem]:
        asked = canonical(entry.request) if entry.request else None
        settings = (kind.name, target.name, entry.language, entry.input_format, entry.output, asked)
        template = self._templates.get(settings)
        if template is None:
            if len(self._templates) >= _TEMPLATES_MAX:
                self._templates.clear()
            template = self._templates[settings] = self._built(entry, kind, target)
        return template

    def _built(self, entry: Entry, kind: Kind, target: Target) -> _Template | list[Problem]:
        request = build(entry, kind, defaults=self._defaults, target=target, shapes=self._shapes)
        if isinstance(request, list):
            return request
        return _Template(
            request=canonical(request),
            identity=identity(generation=self._generation, kind=kind.name, request=request),
            lane=Lane(target.account, target.region, kind.name),
            target=target.name,
            output=uri.split(request["OutputDataConfig"]["S3Uri"]),
        )


def plan_entry(
    entry: Entry, *, defaults: Defaults, targets: Mapping[str, Target], generation: str, shapes: Shapes
) -> tuple[list[PlannedJob], list[Rejection]]:
    """What `Planner.plan` says of one entry. For many entries keep a `Planner`: it builds each request once."""
    return Planner(defaults=defaults, targets=targets, generation=generation, shapes=shapes).plan(entry)


class _Faults:
    """What is wrong with one entry, each fault told once with all the kinds that it concerns."""

    __slots__ = ("_kinds",)

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], list[str]] = {}

    def add(self, found: list[Problem], *kinds: str) -> None:
        for problem in found:
            self._kinds.setdefault((place(problem.path), problem.reason), []).extend(kinds)

    def rejections(self, line: int) -> list[Rejection]:
        return [
            Rejection(
                line=line, field=where, reason=f"{', '.join(dict.fromkeys(kinds))}: {reason}" if kinds else reason
            )
            for (where, reason), kinds in self._kinds.items()
        ]


def _feeds_back(entry: Entry, template: _Template) -> Problem:
    output = "s3://" + "/".join(template.output)
    reason = f"{shown(entry.prefix)} would read results that are written below {shown(output)}"
    return Problem(path=("prefix",), reason=reason)
