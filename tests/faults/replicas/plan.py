"""What a campaign is about: how many replicas and jobs, in which lanes, with which quotas."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.process.accept_log import Limits
from tests.faults.process.place import prefixes

__all__ = ["KINDS", "REGIONS", "Plan"]

KINDS: Final = ("entities", "key_phrases", "pii_entities", "sentiment", "targeted_sentiment")
REGIONS: Final = ("us-east-1", "eu-west-1")
_ACCOUNT: Final = "123456789012"
_HEAD: Final = """\
[ledger]
lease_s = {lease_s}

[defaults]
kinds = {kinds}
language = "en"
input_format = "ONE_DOC_PER_LINE"

[manifest]
watch_s = 1

[track]
list_lag_s = 0.2
"""
_TARGET: Final = """
[targets.{region}]
region = "{region}"
data_access_role_arn = "arn:aws:iam::{account}:role/comprehend"
output = "s3://corpus-out/{region}/"

[targets.{region}.quotas]
active_jobs = {limits.active_jobs}
start_per_s = {limits.start_per_s}
describe_per_s = {limits.describe_per_s}
list_per_s = {limits.list_per_s}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """So many replicas and jobs (a multiple of the lanes), how long a lease is, and what the sandbox does."""

    replicas: int
    jobs: int
    seed: int
    lease_s: float = 5.0
    job_s: float = 8.0
    lost_answers: float = 0.02
    limits: Limits = field(default_factory=lambda: Limits(active_jobs=5, start_per_s=1))
    kinds: Sequence[str] = KINDS
    regions: Sequence[str] = REGIONS
    more_switches: Sequence[str] = ()

    @property
    def lanes(self) -> int:
        """How many lanes there are."""
        return len(self.kinds) * len(self.regions)

    @property
    def uris(self) -> list[str]:
        """The S3 prefixes, which take turns in the Regions."""
        return prefixes(self.jobs // len(self.kinds))

    @property
    def expected(self) -> set[tuple[str, str]]:
        """The (kind, input S3 URI) pairs of the manifest."""
        return {(kind, uri) for uri in self.uris for kind in self.kinds}

    def switches(self) -> list[str]:
        """The sandbox's."""
        limits = self.limits
        return [
            f"seed={self.seed}",
            f"account={_ACCOUNT}",
            f"active_jobs={limits.active_jobs}",
            f"start_per_s={limits.start_per_s}",
            f"describe_per_s={limits.describe_per_s}",
            f"list_per_s={limits.list_per_s}",
            f"submitted_s={self.job_s / 10}",
            f"overhead_s={self.job_s * 0.9}",
            "per_mb_s=0",
            *self.more_switches,
        ]

    def write(self, directory: Path) -> None:
        """The configuration and the manifest, the same for every replica."""
        text = _HEAD.format(lease_s=self.lease_s, kinds=json.dumps(list(self.kinds)))
        for region in self.regions:
            text += _TARGET.format(region=region, account=_ACCOUNT, limits=self.limits)
        (directory / "fleet.toml").write_text(text)
        turns = [self.regions[number % len(self.regions)] for number in range(len(self.uris))]
        lines = (json.dumps({"prefix": uri, "target": region}) for uri, region in zip(self.uris, turns, strict=True))
        (directory / "manifest.jsonl").write_text("".join(f"{line}\n" for line in lines))
