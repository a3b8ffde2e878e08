"""boto3 in a thread pool, with the SDK's adaptive retry mode: a rate limiter that learns from throttling."""

from botocore.config import Config

from tests.bench.contenders.boto3_threads import run
from tests.bench.contenders.task import Task

if __name__ == "__main__":
    run(Task.read(), Config(retries={"mode": "adaptive", "max_attempts": 10}))
