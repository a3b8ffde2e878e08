"""What an API call costs in CPU: fleet's Comprehend client beside bare aiobotocore with its default configuration.

    python -m tests.bench.cpu_per_call [--rounds N] [--calls N] [--at-once N] [--loop uvloop|asyncio] [--json]

One process makes all calls, in turns of some hundred, so that noise hits all alike; the sandbox answers in another
process, and its CPU is not counted. The figures are medians over the turns, the ratio is the median of the turns'
ratios. "fleet lane" is the client under the lane's limiter and counters, as the stages call it. Not a test.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any, Final

import anyio
from aiobotocore.session import get_session

from fleet.aws.session import Access, Timeouts, open_clients
from fleet.core.job import Job
from fleet.core.lane import Lane, Quotas
from fleet.stages.calls import LaneCalls
from fleet.stages.loop import SystemClock
from fleet.telemetry import Telemetry
from tests.bench.contenders.task import request
from tests.bench.service import INPUT, ROLE, serve

__all__ = ["main"]

_KIND: Final = "entities"
_REGION: Final = "us-east-1"
_RUNNING: Final = 50
_RATIO_MAX: Final = 0.95
_PER_S: Final = 5_000.0  # more than one core can call, so that nobody ever waits
_SWITCHES: Final = (
    f"start_per_s={_PER_S}",
    f"describe_per_s={_PER_S}",
    f"list_per_s={_PER_S}",
    "active_jobs=1000",
    "overhead_s=36000",
)

Call = Callable[[str], Awaitable[object]]


def main(words: Sequence[str] | None = None) -> int:
    """Print CPU per call and ratios; 1 if a Describe of fleet's client costs more than the target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="turns of each")
    parser.add_argument("--calls", type=int, default=300, help="Describe calls in a turn; a tenth as many List calls")
    parser.add_argument("--at-once", type=int, default=10, help="calls in flight at a time")
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop", help="the event loop of all")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as directory, serve(Path(directory), _SWITCHES, ["00001/part-0.txt"]) as service:
        os.environ.update({name: value for name, value in service.environment.items() if name.startswith("AWS_")})
        found = anyio.run(_measure, arguments, backend_options={"use_uvloop": arguments.loop == "uvloop"})
    if arguments.json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
    else:
        sys.stdout.write("CPU per call            ms    ratio to bare\n")
        sys.stdout.writelines(f"{row['name']:<20} {row['ms']:>5.2f}  {row['ratio']:>8.3f}\n" for row in found)
    ratio = next(row["ratio"] for row in found if row["name"] == "Describe fleet")
    sys.stdout.write("" if arguments.json else f"target: at most {_RATIO_MAX} for Describe\n")
    return int(ratio > _RATIO_MAX)


async def _measure(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    async with AsyncExitStack() as stack:
        bare = await stack.enter_async_context(get_session().create_client("comprehend", region_name=_REGION))
        clients = await stack.enter_async_context(open_clients({"main": Access(region=_REGION)}, Timeouts()))
        fleet = clients["main"].comprehend
        quotas = Quotas(
            active_jobs=1000, start_per_s=_PER_S, describe_per_s=_PER_S, list_per_s=_PER_S, stop_per_s=_PER_S
        )
        lane = Lane("123456789012", _REGION, _KIND)
        calls = LaneCalls(lane, quotas, {"main": fleet}, clock=SystemClock(), telemetry=Telemetry())
        ids = [(await bare.start_entities_detection_job(**_request()))["JobId"] for _ in range(_RUNNING)]
        jobs = {
            remote_id: Job(id=number, key="k", lane=lane, target="main", prefix=INPUT, remote_id=remote_id)
            for number, remote_id in enumerate(ids)
        }
        describes: dict[str, Call] = {
            "bare": lambda remote_id: bare.describe_entities_detection_job(JobId=remote_id),
            "fleet": lambda remote_id: fleet.describe(_KIND, remote_id),
            "fleet lane": lambda remote_id: calls.describe(jobs[remote_id]),
        }
        lists: dict[str, Call] = {
            "bare": lambda _: bare.list_entities_detection_jobs(MaxResults=500),
            "fleet": lambda _: fleet.page(_KIND),
        }
        found = await _compare("Describe", describes, ids, arguments.calls, arguments)
        return found + await _compare(f"List {_RUNNING}", lists, ids, max(1, arguments.calls // 10), arguments)


async def _compare(
    title: str, contenders: Mapping[str, Call], ids: Sequence[str], calls: int, arguments: argparse.Namespace
) -> list[dict[str, Any]]:
    """CPU milliseconds per call of each contender, turn by turn; the first turn of each warms up and is not counted."""
    turns: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(arguments.rounds + 1):
        for name, call in contenders.items():
            began_s = time.process_time()
            await _make(call, ids, calls, arguments.at_once)
            if turn:
                turns[name].append((time.process_time() - began_s) / calls * 1e3)
    return [
        {
            "name": f"{title} {name}",
            "ms": median(figures),
            "ratio": median(mine / bare for mine, bare in zip(figures, turns["bare"], strict=True)),
        }
        for name, figures in turns.items()
    ]


async def _make(call: Call, ids: Sequence[str], calls: int, at_once: int) -> None:
    numbers = iter(range(calls))

    async def work() -> None:
        for number in numbers:
            await call(ids[number % len(ids)])

    async with anyio.create_task_group() as group:
        for _ in range(at_once):
            group.start_soon(work)


def _request() -> dict[str, Any]:
    return request(_KIND, f"{INPUT}00001/", role=ROLE, output="s3://corpus-out/results/")


if __name__ == "__main__":
    sys.exit(main())
