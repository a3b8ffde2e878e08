"""boto3 in a thread pool, with the SDK's default retries: a thread for each slot follows one job at a time."""

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import boto3
from botocore.config import Config

from tests.bench.contenders.task import ENDED, Task, call_names, request, status_of

__all__ = ["run"]


def run(task: Task, config: Config) -> None:
    """Every job is started and followed to its end, or logged with its error."""
    threads = task.slots * len(task.kinds)
    client = boto3.client("comprehend", config=config.merge(Config(max_pool_connections=threads)))
    with ExitStack() as stack:
        pools = {kind: stack.enter_context(ThreadPoolExecutor(max_workers=task.slots)) for kind in task.kinds}
        followed: dict[Future[str], str] = {
            pools[kind].submit(_follow, client, task, kind, uri): uri for kind, uri in task.jobs
        }
        for future, uri in followed.items():
            if error := future.exception():
                logging.error("%s: %s", uri, error)


def _follow(client: Any, task: Task, kind: str, uri: str) -> str:
    start, describe = (getattr(client, name) for name in call_names(kind))
    job_id = start(**request(kind, uri, role=task.role, output=task.output))["JobId"]
    while True:
        time.sleep(task.poll_s)
        status = status_of(describe(JobId=job_id))
        if status in ENDED:
            return status


if __name__ == "__main__":
    run(Task.read(), Config())
