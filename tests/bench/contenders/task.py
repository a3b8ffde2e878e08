"""What every contender is told: the jobs, the quotas, and where the output goes. One JSON file, its first argument."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["ENDED", "Task", "call_names", "request", "status_of"]

ENDED = frozenset({"COMPLETED", "FAILED", "STOPPED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """`jobs` are (kind, input S3 URI); the quotas are those of each kind; `poll_s` suits the Describe quota."""

    jobs: list[tuple[str, str]]
    slots: int
    start_per_s: float
    describe_per_s: float
    list_per_s: float
    poll_s: float
    role: str
    output: str

    @property
    def kinds(self) -> list[str]:
        """The kinds in use."""
        return sorted({kind for kind, _ in self.jobs})

    def write(self, path: Path) -> None:
        """The file that `read` reads."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls) -> "Task":
        """The task in the file that the first argument names."""
        told: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
        return cls(**{**told, "jobs": [(kind, uri) for kind, uri in told["jobs"]]})


def call_names(kind: str) -> tuple[str, str]:
    """The client's methods that start and describe a job of this kind."""
    return f"start_{kind}_detection_job", f"describe_{kind}_detection_job"


def request(kind: str, uri: str, *, role: str, output: str) -> dict[str, Any]:
    """The Start request of one job."""
    mode = {"Mode": "ONLY_OFFSETS"} if kind == "pii_entities" else {}
    return {
        "InputDataConfig": {"S3Uri": uri, "InputFormat": "ONE_DOC_PER_LINE"},
        "OutputDataConfig": {"S3Uri": output},
        "DataAccessRoleArn": role,
        "LanguageCode": "en",
        "JobName": f"{kind}-{uri.rstrip('/').rpartition('/')[2]}",
        **mode,
    }


def status_of(answer: dict[str, Any]) -> str:
    """The JobStatus in the answer of any Describe."""
    properties = next(value for name, value in answer.items() if name.endswith("Properties"))
    return str(properties["JobStatus"])
