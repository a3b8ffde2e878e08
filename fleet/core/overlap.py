"""Inputs that are read twice: Comprehend reads every key that *begins* with a prefix, so `p1` also reads `p10/`.

Everything here takes its lines sorted by code point, as Python and SQLite both sort, and remembers only those that
the line at hand begins with: a million prefixes cost no more memory than ten.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fleet.core import uri
from fleet.core.kinds import KINDS

__all__ = ["Overlap", "feeding", "feeding_back", "overlaps", "results_below"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """All that `inner` reads is read by a job of `outer` too, of the same kind: it is analysed and paid twice."""

    kind: str
    outer: str
    inner: str


def overlaps(inputs: Iterable[tuple[str, str]]) -> Iterator[Overlap]:
    """Every prefix that lies within another one of its kind, with the nearest such; in order.

    `inputs` are (kind, prefix), sorted, each once.
    """
    around: list[str] = []
    last = None
    for kind, prefix in inputs:
        if kind != last:
            around, last = [], kind
        while around and not prefix.startswith(around[-1]):  # what begins with a prefix follows it
            around.pop()
        if around:
            yield Overlap(kind=kind, outer=around[-1], inner=prefix)
        around.append(prefix)


def results_below(output: str, account: str) -> Iterator[str]:
    """The beginnings of all keys that jobs write below this output, as S3 URIs (facts sheet, 3.2)."""
    bucket, folder = uri.split(output)
    for name in {folder, folder if not folder or folder.endswith("/") else f"{folder}/"}:
        for kind in KINDS.values():
            yield f"s3://{bucket}/{name}{account}-{kind.output_code}-"


def feeding_back(prefixes: Iterable[str], outputs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """All (input, output) pairs where the input would read results that jobs write below the output.

    `outputs` are (S3 URI, account). For more inputs than memory holds there is `feeding`.
    """
    places: list[tuple[str, str | None]] = [(prefix, None) for prefix in prefixes]
    places += [(place, output) for output, account in outputs for place in results_below(output, account)]
    return sorted(set(feeding(sorted(places, key=lambda place: place[0]))))


def feeding(places: Iterable[tuple[str, str | None]]) -> Iterator[tuple[str, str]]:
    """The (input, output) pairs where the input would read results that jobs write below the output.

    `places`, sorted, are inputs as (prefix, None), and what `results_below` says of each output as (place, output).
    A pair may come more than once.
    """
    around: list[tuple[str, str | None]] = []
    for place, output in places:
        while around and not place.startswith(around[-1][0]):
            around.pop()
        for outer, other in around:
            if (other is None) != (output is None):
                yield (outer, output) if output is not None else (place, str(other))
        around.append((place, output))
