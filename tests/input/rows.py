"""What a row of the bad-input catalogue is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fleet.core.job import Verdict

__all__ = ["Config", "Elsewhere", "File", "Line", "Output"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One manifest line, among good ones. `says`: each rejection as `field: reason`; empty where the line is good.

    `jobs`: how many jobs it comes to, where that is neither one (of a good line) nor none.
    """

    number: int
    what: str
    line: bytes | Mapping[str, Any]
    jobs: int | None = None
    says: tuple[str, ...] = ()
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class File:
    """One file, given to `fleet plan`. `says`: each rejection as `line: field: reason`, or the error in full.

    `make`: the word for what is no plain file. `good`: how many jobs its good lines come to. `{file}` stands for it.
    """

    number: int
    what: str
    body: bytes = b""
    name: str = "manifest.jsonl"
    make: str | None = None
    code: int = 1
    good: int = 0
    says: tuple[str, ...] = ()
    config: str | None = None
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """One configuration, given to `fleet config check`. `says`: standard error in full, `{file}` for its name."""

    number: int
    what: str
    text: bytes | str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    code: int = 78
    says: tuple[str, ...] = ()
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class Output:
    """One output object, given to the reader of `fleet run`'s verify stage. The input has two documents in a.txt."""

    number: int
    what: str
    body: bytes
    archived: bool = True
    verdict: Verdict = Verdict.UNREADABLE
    says: str | None = None
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What no file, line, configuration or object alone can show: the test that does, and why."""

    number: int
    what: str
    test: str
    why: str
