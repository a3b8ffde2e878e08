"""A lane: one account and Region x one kind. It owns its quotas whole, and one replica holds it at a time.

AWS counts every Comprehend quota per account, Region and operation, and each operation belongs to one kind
(facts sheet, 1.1). So two lanes never compete, and inside a lane one limiter per operation is globally right.
"""

from dataclasses import dataclass

__all__ = ["Lane", "Quotas"]


@dataclass(frozen=True, slots=True, order=True)
class Lane:
    """Who pays for a job's API calls and slots. `str(lane)` is its name: `123456789012/us-east-1/entities`."""

    account: str
    region: str
    kind: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}/{self.kind}"

    @classmethod
    def parse(cls, name: str) -> "Lane":
        """The lane whose name this is; `ValueError` for anything else."""
        account, region, kind = name.split("/")
        return cls(account, region, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What AWS allows one lane: active jobs at a time, and calls a second per operation."""

    active_jobs: int
    start_per_s: float
    describe_per_s: float
    list_per_s: float
    stop_per_s: float
