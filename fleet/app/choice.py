"""Which jobs a person means: by their names, or by what became of them."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from fleet.core.errors import InvalidInput
from fleet.core.job import Job, State, Verdict
from fleet.core.kinds import KINDS
from fleet.core.text import shown, suggestion
from fleet.ledger.search import ChosenCount, Filter, Search
from fleet.stages.places import among

__all__ = ["Choice", "chosen", "counted", "filter_of", "named"]

_HEX: Final = re.compile(r"[0-9a-f]{1,32}")
_KEYS_TOLD: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which jobs. All conditions hold, and an empty one always does; `jobs` are keys, their beginnings, AWS JobIds or
    s3:// prefixes. `everything` says that no condition is no mistake."""

    jobs: Sequence[str] = ()
    states: Sequence[State] = ()
    kinds: Sequence[str] = ()
    targets: Sequence[str] = ()
    verdicts: Sequence[Verdict] = ()
    reason_like: str | None = None
    manifests: Sequence[str] = field(default_factory=tuple)
    everything: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing says which jobs."""
        said = (self.jobs, self.states, self.kinds, self.targets, self.verdicts, self.reason_like, self.manifests)
        return not any(said) and not self.everything


async def filter_of(ledger: Search, choice: Choice) -> Filter:
    """The conditions as the ledger takes them; `InvalidInput` for a kind or a manifest that is not there."""
    for kind in choice.kinds:
        if kind not in KINDS:
            raise InvalidInput(f"kind {shown(kind)}: unknown; {suggestion(kind, KINDS)}")
    known = {manifest.source: manifest.id for manifest in await ledger.manifests()} if choice.manifests else {}
    for source in choice.manifests:
        if not among(known, source):
            told = suggestion(source, known) if known else "it has read none"
            raise InvalidInput(f"manifest {shown(source)}: the ledger has not read it; {told}")
    return Filter(
        states=choice.states,
        kinds=choice.kinds,
        targets=choice.targets,
        verdicts=choice.verdicts,
        reason_like=choice.reason_like,
        manifest_ids=[known[name] for source in choice.manifests for name in among(known, source)],
    )


async def named(ledger: Search, name: str, *, kind: str | None = None) -> list[Job]:
    """The jobs of this name: one for a key, its beginning or an AWS JobId, one or more for an s3:// prefix.

    `InvalidInput` if there is none, or if the beginning of a key is that of several.
    """
    if name.startswith("s3://"):
        found = await ledger.of_prefix(name)
        if not found and not name.endswith("/"):
            found = await ledger.of_prefix(f"{name}/")
    else:
        found = await ledger.of_key(name.lower()) if _HEX.fullmatch(name.lower()) else []
        found = found or await ledger.of_remote_id(name)
        if len(found) > 1:
            keys = ", ".join(job.key[: len(name) + 4] for job in found[:_KEYS_TOLD])
            more = " ..." if len(found) > _KEYS_TOLD else ""
            raise InvalidInput(f"job {shown(name)}: {len(found)} keys begin so; write more of it: {keys}{more}")
    if kind is not None:
        found = [job for job in found if job.lane.kind == kind]
    if not found:
        which = f" of kind {shown(kind)}" if kind else ""
        raise InvalidInput(
            f"job {shown(name)}{which}: the ledger has none; give a key, its beginning, an AWS JobId or the s3:// "
            "prefix as in the manifest (fleet jobs lists them)"
        )
    return found


async def chosen(ledger: Search, choice: Choice) -> AsyncIterator[Job]:
    """The jobs, each once. Read page by page where no names are given."""
    if not choice.jobs:
        async for job in ledger.all_chosen(await filter_of(ledger, choice)):
            yield job
        return
    conditions = replace(choice, jobs=())
    which = await filter_of(ledger, conditions)
    of_manifests = None
    if which.manifest_ids:
        of_manifests = {job.id async for job in ledger.all_chosen(Filter(manifest_ids=which.manifest_ids))}
    seen: set[int] = set()
    for name in choice.jobs:
        for job in await named(ledger, name):
            if job.id not in seen and _meets(job, which) and (of_manifests is None or job.id in of_manifests):
                seen.add(job.id)
                yield job


async def counted(ledger: Search, choice: Choice) -> list[ChosenCount]:
    """How many of the jobs are where, for which reason: the most frequent first."""
    if not choice.jobs:
        return await ledger.chosen_counts(await filter_of(ledger, choice))
    counts: dict[ChosenCount, int] = {}
    async for job in chosen(ledger, choice):
        group = ChosenCount(job.lane, job.state, job.verdict, job.reason, 0)
        counts[group] = counts.get(group, 0) + 1
    return sorted((group._replace(jobs=jobs) for group, jobs in counts.items()), key=lambda group: -group.jobs)


def _meets(job: Job, which: Filter) -> bool:
    return all(
        (
            not which.states or job.state in which.states,
            not which.kinds or job.lane.kind in which.kinds,
            not which.targets or job.target in which.targets,
            not which.verdicts or job.verdict in which.verdicts,
            not which.reason_like or which.reason_like.lower() in (job.reason or "").lower(),
        )
    )
