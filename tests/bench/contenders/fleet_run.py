"""fleet, as anybody would use it: a configuration with the quotas that are told, a manifest, `fleet run`."""

import json
import os
import sys
from pathlib import Path
from typing import Final

from tests.bench.contenders.task import Task

__all__ = ["prepare"]

_CONFIG: Final = """\
[defaults]
language = "en"
input_format = "ONE_DOC_PER_LINE"

[targets.main]
region = "us-east-1"
data_access_role_arn = "{task.role}"
output = "{task.output}"

[targets.main.quotas]
active_jobs = {task.slots}
start_per_s = {task.start_per_s}
describe_per_s = {task.describe_per_s}
list_per_s = {task.list_per_s}
"""


def prepare(task: Task, directory: Path) -> None:
    """`fleet.toml` and `manifest.jsonl` are in the directory."""
    kinds: dict[str, list[str]] = {}
    for kind, uri in task.jobs:
        kinds.setdefault(uri, []).append(kind)
    (directory / "fleet.toml").write_text(_CONFIG.format(task=task))
    lines = (json.dumps({"prefix": uri, "kinds": names}) + "\n" for uri, names in kinds.items())
    (directory / "manifest.jsonl").write_text("".join(lines))


if __name__ == "__main__":
    prepare(Task.read(), Path())
    os.execv(sys.executable, [sys.executable, "-m", "fleet", "run", "manifest.jsonl"])  # noqa: S606 - no shell is wanted
