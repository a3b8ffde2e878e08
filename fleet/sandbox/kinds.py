"""The five kinds of job that the sandbox emulates: one row each, and every operation follows from the rows.

Sources: names from botocore's service model (comprehend 2017-11-27); codes and tails of the output path from the facts
sheet 3.2; languages 1.9. The size limits of 1.7 break documents and jobs, not requests: they are in `documents.py`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["KINDS", "OPERATIONS", "Kind", "Operation", "Verb"]

_ALL_LANGUAGES: Final = frozenset({"en", "es", "fr", "de", "it", "pt", "ar", "hi", "ja", "ko", "zh", "zh-TW"})


class Verb(StrEnum):
    """What can be asked of a kind."""

    START = "Start"
    DESCRIBE = "Describe"
    LIST = "List"
    STOP = "Stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One asynchronous analysis: its names on the wire, the form of its output path, its languages.

    The code of sentiment is SENTIMENT as in a real key that was found; the CLI's examples show TS, which looks like a
    copy of the targeted ones (facts sheet 3.2 and 9).
    """

    name: str
    stem: str
    code: str
    tail: str = "output/output.tar.gz"
    languages: frozenset[str] = _ALL_LANGUAGES

    @property
    def arn_part(self) -> str:
        """The resource part of a JobArn, e.g. `pii-entities-detection-job`."""
        return f"{self.name.replace('_', '-')}-detection-job"

    @property
    def wrapper(self) -> str:
        """The member of the Describe answer that holds the job."""
        return f"{self.stem}Properties"

    @property
    def list_wrapper(self) -> str:
        """The member of the List answer that holds the jobs."""
        return f"{self.stem}PropertiesList"

    def operation(self, verb: Verb) -> str:
        """The API operation, e.g. `ListPiiEntitiesDetectionJobs`."""
        return f"{verb}{self.stem}{'s' if verb is Verb.LIST else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One API operation: what is asked, of which kind."""

    name: str
    verb: Verb
    kind: Kind


KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(name="entities", stem="EntitiesDetectionJob", code="NER"),
        Kind(name="key_phrases", stem="KeyPhrasesDetectionJob", code="KP"),
        Kind(
            name="pii_entities",
            stem="PiiEntitiesDetectionJob",
            code="PII",
            tail="output/",
            languages=frozenset({"en", "es"}),
        ),
        Kind(name="sentiment", stem="SentimentDetectionJob", code="SENTIMENT"),
        Kind(
            name="targeted_sentiment",
            stem="TargetedSentimentDetectionJob",
            code="TS",
            languages=frozenset({"en"}),
        ),
    )
}

OPERATIONS: Final[dict[str, Operation]] = {
    kind.operation(verb): Operation(name=kind.operation(verb), verb=verb, kind=kind)
    for kind in KINDS.values()
    for verb in Verb
}
