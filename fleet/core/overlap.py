"""Inputs that are read twice: Comprehend reads every key that *begins* with a prefix, so `p1` also reads `p10/`."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fleet.core import uri
from fleet.core.kinds import KINDS

__all__ = ["Overlap", "feeding_back", "overlaps"]

_LAST: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """All that `inner` reads is read by a job of `outer` too, of the same kind: it is analysed and paid twice."""

    kind: str
    outer: str
    inner: str


def overlaps(prefixes: Mapping[str, Iterable[str]]) -> list[Overlap]:
    """Every prefix (by kind) that lies within another one, with the nearest such; in order."""
    found = []
    for kind, some in prefixes.items():
        around: list[str] = []
        for prefix in sorted(set(some)):  # what begins with a prefix follows it
            while around and not prefix.startswith(around[-1]):
                around.pop()
            if around:
                found.append(Overlap(kind=kind, outer=around[-1], inner=prefix))
            around.append(prefix)
    return found


def feeding_back(prefixes: Sequence[str], outputs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The (input, output) pairs where the input would read results that other jobs write below the output.

    `outputs` are (S3 URI, account).
    """
    inputs = sorted(set(prefixes))
    known = set(inputs)
    found = set()
    for output, account in set(outputs):
        bucket, folder = uri.split(output)
        folders = {folder, folder if not folder or folder.endswith("/") else f"{folder}/"}
        for results in (
            f"s3://{bucket}/{name}{account}-{kind.output_code}-" for name in folders for kind in KINDS.values()
        ):
            reads = [results[:end] for end in range(len("s3://") + 1, len(results) + 1) if results[:end] in known]
            begin = bisect_left(inputs, results)
            end = bisect_left(inputs, results + _LAST)
            found |= {(prefix, output) for prefix in (*reads, *inputs[begin:end])}
    return sorted(found)
