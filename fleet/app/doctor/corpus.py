"""What the configuration and the manifests ask for, as far as a checkup needs it. Writes nothing."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from anyio import to_thread

from fleet.app.planning import planner
from fleet.core.checkup import Finding, Outcome
from fleet.core.errors import Denied, FleetError
from fleet.core.kinds import KINDS
from fleet.core.overlap import feeding_back
from fleet.core.text import shown
from fleet.core.uri import split
from fleet.settings import Settings
from fleet.stages.source import Batch, open_manifest, read

if TYPE_CHECKING:
    from fleet.aws.s3 import S3

__all__ = ["Corpus", "read_corpus"]


@dataclass(slots=True)
class Corpus:
    """What was asked for, by target: buckets of inputs and outputs, kinds, and KMS keys by the member that names them.

    `readable`: whether manifests were given and all of them could be read.
    """

    inputs: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    outputs: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    keys: dict[str, dict[str, set[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    kinds: set[str] = field(default_factory=set)
    prefixes: list[str] = field(default_factory=list)
    readable: bool = False
    findings: list[Finding] = field(default_factory=list)


async def read_corpus(settings: Settings, sources: Sequence[str], s3: "S3 | None") -> Corpus:
    """What is asked for; a manifest that cannot be read is a finding, not an error."""
    corpus = Corpus()
    corpus.kinds |= {kind for kind in settings.defaults.kinds if kind in KINDS}
    for name, target in settings.targets.items():
        corpus.outputs[name].add(target.output)
        _note_keys(corpus, name, settings.defaults.request)
    written: set[tuple[str, str]] = set()
    for source in sources:
        corpus.findings.append(await _manifest(settings, source, s3, corpus, written))
    corpus.readable = bool(sources) and all(one.outcome is not Outcome.FAIL for one in corpus.findings)
    corpus.kinds = corpus.kinds or set(KINDS)
    if corpus.readable:
        corpus.findings.append(_fed_back(corpus, written))
    return corpus


async def _manifest(
    settings: Settings, source: str, s3: "S3 | None", corpus: Corpus, written: set[tuple[str, str]]
) -> Finding:
    lines = jobs = rejected = 0
    first = ""
    requests: set[tuple[str, str, str]] = set()
    try:
        async with open_manifest(source, s3) as file:
            batches = read(file, planner(settings))
            while batch := await to_thread.run_sync(next, batches, None):
                lines, jobs, rejected = lines + batch.lines, jobs + len(batch.planned), rejected + len(batch.rejections)
                if batch.rejections and not first:
                    bad = batch.rejections[0]
                    first = f"line {bad.line}: {f'{bad.field}: ' if bad.field else ''}{bad.reason}"
                _note_inputs(corpus, batch, requests)
    except Denied as error:
        return Finding(
            check="manifest",
            outcome=Outcome.FAIL,
            found=f"{source}: {error}",
            next="s3:GetObject on the manifest is needed",
        )
    except FleetError as error:
        return Finding(check="manifest", outcome=Outcome.FAIL, found=f"{source}: {error}")
    for target, account, request in requests:
        asked = msgspec.json.decode(request)
        corpus.outputs[target].add(asked["OutputDataConfig"]["S3Uri"])
        written.add((asked["OutputDataConfig"]["S3Uri"], account))
        _note_keys(corpus, target, asked)
    if rejected:
        return Finding(
            check="manifest",
            outcome=Outcome.WARN,
            found=f"{source}: {rejected:,} of {lines:,} lines are rejected: {first}",
            next="fleet plan shows all of them",
        )
    return Finding(check="manifest", outcome=Outcome.PASS, found=f"{source}: {lines:,} lines, {jobs:,} jobs")


def _note_inputs(corpus: Corpus, batch: Batch, requests: set[tuple[str, str, str]]) -> None:
    for _, job in batch.planned:
        corpus.inputs[job.target].add(split(job.prefix)[0])
        corpus.kinds.add(job.lane.kind)
        corpus.prefixes.append(job.prefix)
        requests.add((job.target, job.lane.account, job.request))


def _note_keys(corpus: Corpus, target: str, request: Any) -> None:
    """All KMS keys that a request, or a table of requests by kind, names."""
    for name, value in request.items() if isinstance(request, dict) else ():
        if name in ("KmsKeyId", "VolumeKmsKeyId", "ModelKmsKeyId") and isinstance(value, str):
            corpus.keys[target][name].add(value)
        else:
            _note_keys(corpus, target, value)


def _fed_back(corpus: Corpus, written: set[tuple[str, str]]) -> Finding:
    found = feeding_back(corpus.prefixes, written)
    if not found:
        return Finding(check="output apart", outcome=Outcome.PASS, found="no input would read what jobs write")
    prefix, output = found[0]
    more = f", and {len(found) - 1:,} more such pairs" if len(found) > 1 else ""
    return Finding(
        check="output apart",
        outcome=Outcome.FAIL,
        configured=True,
        found=f"{shown(prefix)} would read results that are written below {shown(output)}{more}",
        next="move the output, or make the prefix narrower",
    )
