"""A program of its own for `test_many_jobs`: a hundred thousand manifest lines, under a limit of memory.

`python -m tests.app.many_jobs DIRECTORY LINES GROWTH_MIB` reads the manifest into a ledger, opens it again, asks what
a start asks, and prints the number of jobs and how many were claimed. Memory that it asks for beyond the limit is
refused, and it dies.
"""

import asyncio
import random
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fleet.app.fleet import App
from fleet.app.gauges import Gauges
from fleet.aws.session import Access, TargetClients, Timeouts, open_clients
from fleet.ledger.ledger import Ledger
from fleet.settings import Settings
from fleet.stages.loop import SystemClock

__all__ = ["main"]

_MIB: Final = 1 << 20
_SETTINGS: Final = {
    "defaults": {"kinds": ["entities"], "language": "en", "input_format": "ONE_DOC_PER_LINE"},
    "targets": {
        "main": {
            "region": "us-east-1",
            "data_access_role_arn": "arn:aws:iam::123456789012:role/comprehend",
            "output": "s3://corpus-out/results/",
        }
    },
}


async def main(directory: Path, lines: int, growth_mib: int) -> None:
    """See the module's text."""
    manifest = directory / "manifest.jsonl"
    with manifest.open("w") as file:
        file.writelines(f'{{"prefix": "s3://corpus-in/{number:07}/"}}\n' for number in range(lines))
    async with open_clients({"main": Access(region="us-east-1")}, Timeouts()) as clients:
        async with _opened(directory, clients) as app:
            _limit(growth_mib)
            await app._read(str(manifest))
        async with _opened(directory, clients) as app:
            await Gauges(app.ledger, clients).refresh(app)
            counts = await app.ledger.counts()
            (lane,) = counts
            claimed = await app.ledger.claim(lane, limit=10, holder="somebody")
            print(sum(counts[lane].values()), len(claimed))  # noqa: T201


@asynccontextmanager
async def _opened(directory: Path, clients: dict[str, TargetClients]) -> AsyncIterator[App]:
    async with await Ledger.open(f"sqlite:///{directory}/fleet.db") as ledger:
        yield App(Settings.model_validate(_SETTINGS), ledger, clients, clock=SystemClock(), rng=random.Random(1))


def _limit(growth_mib: int) -> None:
    """Private memory may grow by so much from now on."""
    (held,) = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmData" in line]
    allowed = int(held) * 1024 + growth_mib * _MIB
    resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
