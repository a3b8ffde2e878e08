"""The catalogue: one row per job kind, from which everything about a kind follows.

Sources: operation and member names from botocore's service model (2017-11-27); path codes and output forms from the
facts sheet, section 3.2 and 4; languages 1.9; limits 1.7 (Developer Guide, guidelines-and-limits).
"""

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["KINDS", "Kind", "method"]

_ALL_LANGUAGES: Final = frozenset({"en", "es", "fr", "de", "it", "pt", "ar", "hi", "ja", "ko", "zh", "zh-TW"})
_KB: Final = 1024
_MB: Final = 1024 * _KB
_GB: Final = 1024 * _MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What one of Comprehend's five asynchronous analyses needs to be driven.

    `output_code` is the code in the output path `<account>-<CODE>-<JobId>`. `archived` is true when the output is one
    `output.tar.gz`, false when it is a plain `<input>.out` object per input object (PII).
    """

    name: str
    stem: str
    output_code: str
    archived: bool = True
    languages: frozenset[str] = _ALL_LANGUAGES
    document_max_bytes: int = 1 * _MB
    total_max_bytes: int = 5 * _GB
    documents_max: int = 1_000_000

    @property
    def start(self) -> str:
        """The API operation that starts a job, e.g. `StartEntitiesDetectionJob`."""
        return f"Start{self.stem}"

    @property
    def describe(self) -> str:
        """The API operation that reads one job."""
        return f"Describe{self.stem}"

    @property
    def list(self) -> str:
        """The API operation that pages through the jobs of this kind."""
        return f"List{self.stem}s"

    @property
    def stop(self) -> str:
        """The API operation that asks a running job to stop."""
        return f"Stop{self.stem}"

    @property
    def properties(self) -> str:
        """The member of the Describe answer that holds the job."""
        return f"{self.stem}Properties"

    @property
    def properties_list(self) -> str:
        """The member of the List answer that holds the jobs."""
        return f"{self.stem}PropertiesList"


def method(operation: str) -> str:
    """`StartPiiEntitiesDetectionJob` -> `start_pii_entities_detection_job`, the client method of an operation."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()


KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(name="entities", stem="EntitiesDetectionJob", output_code="NER"),
        Kind(name="key_phrases", stem="KeyPhrasesDetectionJob", output_code="KP"),
        Kind(
            name="pii_entities",
            stem="PiiEntitiesDetectionJob",
            output_code="PII",
            archived=False,
            languages=frozenset({"en", "es"}),
        ),
        Kind(name="sentiment", stem="SentimentDetectionJob", output_code="SENTIMENT", document_max_bytes=5 * _KB),
        Kind(
            name="targeted_sentiment",
            stem="TargetedSentimentDetectionJob",
            output_code="TS",
            languages=frozenset({"en"}),
            document_max_bytes=10 * _KB,
            total_max_bytes=300 * _MB,
            documents_max=30_000,
        ),
    )
}
