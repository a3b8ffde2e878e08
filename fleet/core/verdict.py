"""COMPLETED is a claim; the verdict is what the output shows.

Comprehend says COMPLETED over per-document errors, and one line that is not UTF-8 silently drops the rest of its
file (facts sheet, 4.4). So the output is counted, document by document, and held against the input.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fleet.core.job import Verdict

__all__ = ["DocumentError", "Expected", "Finding", "Output", "judge"]

_ERRORS_KEPT: Final = 20
_CODES_KEPT: Final = 50  # the service has some ten
_CODE_MAX_CHARACTERS: Final = 100
_MESSAGE_MAX_CHARACTERS: Final = 1_000


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

    def add(self, file: str, line: int | None, error_code: str | None, error_message: str) -> None:
        """Count one record: an analysed document of an input file, or a per-document error."""
        if error_code is None:
            self.documents[file] += 1
            return
        error_code = error_code[:_CODE_MAX_CHARACTERS]
        if error_code not in self.codes and len(self.codes) >= _CODES_KEPT:
            error_code = "OTHER"
        self.failed[file] += 1
        self.codes[error_code] += 1
        if len(self.errors) < _ERRORS_KEPT:
            self.errors.append(
                DocumentError(file=file, line=line, code=error_code, message=error_message[:_MESSAGE_MAX_CHARACTERS])
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict of one job with its evidence. `failed` counts documents with an error or without any record.

    `codes` says how many documents failed with which ErrorCode; `errors` are the first of them.
    """

    verdict: Verdict
    documents: int = 0
    failed: int = 0
    reason: str | None = None
    errors: tuple[DocumentError, ...] = ()
    codes: Mapping[str, int] = field(default_factory=dict)


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
        codes=dict(output.codes),
    )


def _absent(expected: Expected | None, output: Output) -> dict[str, int]:
    """Documents that the input holds and the output says nothing about, by file.

    How `File` is written for a prefix without a trailing slash is UNKNOWN (facts sheet, 4.1): where the output names
    files that we do not know, only the totals are compared.
    """
    if expected is None:
        return {}
    found = output.documents + output.failed
    if not found.keys() <= expected.documents.keys():
        missing = expected.total - found.total()
        return {"the whole input": missing} if missing > 0 else {}
    return {file: count - found[file] for file, count in expected.documents.items() if found[file] < count}


def _reason(output: Output, absent: Mapping[str, int]) -> str:
    parts = [f"{count} x {code}" for code, count in sorted(output.codes.items())]
    if absent:
        worst = max(absent, key=lambda file: absent[file])
        parts.append(f"{sum(absent.values())} not in the output (most in {worst})")
    return ", ".join(parts)
