"""What a careful engineer writes today: boto3, a thread for each kind, and a job list on the disk.

The list is written after every Start (to a new file, then renamed) and read again at the start of the program. Starts
leave 1/rate apart, at most so many jobs as there are slots are active, and the SDK's standard retries are on.
"""

import json
import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.bench.contenders.task import ENDED, Task, call_names, request, status_of

__all__ = ["run"]

_LIST: Final = Path("jobs.json")
_DONE: Final = "done"


class SavedList:
    """Input S3 URI and kind -> JobId, or "done"; the file always holds a whole list."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, str] = json.loads(_LIST.read_text()) if _LIST.exists() else {}

    def get(self, kind: str, uri: str) -> str | None:
        """What is known of the job."""
        return self._jobs.get(f"{kind} {uri}")

    def put(self, kind: str, uri: str, known: str) -> None:
        """It is known from now on, and by the next process too."""
        with self._lock:
            self._jobs[f"{kind} {uri}"] = known
            new = _LIST.with_suffix(".new")
            with new.open("w") as file:
                json.dump(self._jobs, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, _LIST)


def run(task: Task) -> None:
    """Every job of the task is in the list as done."""
    client = boto3.client("comprehend", config=Config(retries={"mode": "standard", "max_attempts": 5}))
    saved = SavedList()
    with ThreadPoolExecutor(len(task.kinds)) as pool:
        for future in [pool.submit(_run_kind, client, task, saved, kind) for kind in task.kinds]:
            future.result()


def _run_kind(client: Any, task: Task, saved: SavedList, kind: str) -> None:
    start, describe = (getattr(client, name) for name in call_names(kind))
    uris = [uri for wanted, uri in task.jobs if wanted == kind]
    waiting = [uri for uri in uris if saved.get(kind, uri) is None]
    active = {uri: str(saved.get(kind, uri)) for uri in uris if saved.get(kind, uri) not in (None, _DONE)}
    while waiting or active:
        while waiting and len(active) < task.slots:
            uri = waiting[0]
            time.sleep(1 / task.start_per_s)
            try:
                job_id = start(**request(kind, uri, role=task.role, output=task.output))["JobId"]
            except (BotoCoreError, ClientError) as error:
                logging.warning("%s: %s; trying again", uri, error)
                break
            saved.put(kind, uri, job_id)
            active[uri] = job_id
            waiting.pop(0)
        time.sleep(task.poll_s)
        for uri, job_id in list(active.items()):
            try:
                ended = status_of(describe(JobId=job_id)) in ENDED
            except (BotoCoreError, ClientError) as error:
                logging.warning("%s: %s; asking again", uri, error)
                continue
            if ended:
                saved.put(kind, uri, _DONE)
                del active[uri]


if __name__ == "__main__":
    run(Task.read())
