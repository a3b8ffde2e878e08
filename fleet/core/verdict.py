"""COMPLETED is a claim; the verdict is what the output shows.

Comprehend says COMPLETED over per-document errors, and one line that is not UTF-8 silently drops the rest of its
file (facts sheet, 4.4). So the output is counted, document by document, and held against the input.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fleet.core.job import Verdict

__all__ = ["DocumentError", "Expected", "Finding", "Output", "judge"]

_ERRORS_KEPT: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentError:
    """One document that the service could not analyse. `line` is 0-based, and None for one document per file."""

    file: str
    line: int | None
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the input holds: the fewest documents each input object must yield, by its `File` name in the output.

    A blank line may or may not count as a document (UNKNOWN, facts sheet 1.7), so only others are demanded.
    """

    documents: Mapping[str, int]

    @property
    def total(self) -> int:
        """The fewest documents the whole input must yield."""
        return sum(self.documents.values())


@dataclass(slots=True)
class Output:
    """What the output holds, counted while it streams by. `broken` says why it is not what Comprehend writes."""

    documents: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    errors: list[DocumentError] = field(default_factory=list)
    objects: int = 0
    broken: str | None = None

    def add(self, record: Any) -> None:
        """Count one record of the output: an analysed document, or a per-document error."""
        if not isinstance(record, dict) or not isinstance(record.get("File"), str):
            self.broken = self.broken or "a record is not a JSON object with a File"
            return
        file = record["File"]
        if "ErrorCode" not in record:
            self.documents[file] += 1
            return
        code = str(record["ErrorCode"])
        self.failed[file] += 1
        self.codes[code] += 1
        if len(self.errors) < _ERRORS_KEPT:
            line = record.get("Line")
            self.errors.append(
                DocumentError(
                    file=file,
                    line=line if isinstance(line, int) else None,
                    code=code,
                    message=str(record.get("ErrorMessage", "")),
                )
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict of one job with its evidence. `failed` counts documents with an error or without any record."""

    verdict: Verdict
    documents: int = 0
    failed: int = 0
    reason: str | None = None
    errors: tuple[DocumentError, ...] = ()


def judge(expected: Expected | None, output: Output) -> Finding:
    """Hold the output against what was expected; with nothing expected, the output's own records decide.

    Order of gravity: unreadable, missing, partial, complete.
    """
    documents = output.documents.total()
    if output.broken:
        return Finding(verdict=Verdict.UNREADABLE, documents=documents, reason=output.broken)
    if not output.objects:
        return Finding(verdict=Verdict.MISSING, reason="there is no output object")
    absent = _absent(expected, output)
    failed = output.failed.total() + sum(absent.values())
    if not failed:
        return Finding(verdict=Verdict.COMPLETE, documents=documents)
    return Finding(
        verdict=Verdict.PARTIAL,
        documents=documents,
        failed=failed,
        reason=_reason(output, absent),
        errors=tuple(output.errors),
    )


def _absent(expected: Expected | None, output: Output) -> dict[str, int]:
    """Documents that the input holds and the output says nothing about, by file."""
    if expected is None:
        return {}
    short = {
        file: count - output.documents[file] - output.failed[file]
        for file, count in expected.documents.items()
        if output.documents[file] + output.failed[file] < count
    }
    return short


def _reason(output: Output, absent: Mapping[str, int]) -> str:
    parts = [f"{count} x {code}" for code, count in sorted(output.codes.items())]
    if absent:
        worst = max(absent, key=lambda file: absent[file])
        parts.append(f"{sum(absent.values())} not in the output (most in {worst})")
    return ", ".join(parts)
