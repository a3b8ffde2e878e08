"""One table of calls, three clients: boto3, aioboto3 and the AWS CLI get the same answers from `fleet sandbox`."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conformance.conftest import TERMINAL
from tests.conformance.drivers import AwsCli, Boto3, Driver
from tests.conformance.shapes import ACCOUNT, ROLE, STEMS, name_of

# The first use of the AWS CLI may have to install it.
pytestmark = pytest.mark.timeout(300)

# Stands for the id of a job, whatever it is.
JOB = "$job"
INPUT = {"S3Uri": "s3://corpus-in/a/", "InputFormat": "ONE_DOC_PER_LINE"}
OUTPUT = {"S3Uri": "s3://corpus-out/results"}
TAGS = [{"Key": "project", "Value": "conformance"}]
RULES = {
    "EntitiesDetectionJob": ("entities-detection-job", "NER", "output/output.tar.gz"),
    "KeyPhrasesDetectionJob": ("key-phrases-detection-job", "KP", "output/output.tar.gz"),
    "PiiEntitiesDetectionJob": ("pii-entities-detection-job", "PII", "output/"),
    "SentimentDetectionJob": ("sentiment-detection-job", "SENTIMENT", "output/output.tar.gz"),
    "TargetedSentimentDetectionJob": ("targeted-sentiment-detection-job", "TS", "output/output.tar.gz"),
}
MISSING = {"JobId": "0" * 32}
REFUSED = [
    ("Describe", MISSING, "JobNotFoundException", 400),
    ("Start", {"JobName": "a;b"}, "ValidationException", 400),
]


@pytest.mark.parametrize("stem", STEMS)
def test_every_operation_of_every_kind_answers_every_client(driver: Driver, stem: str) -> None:
    """Start, Describe, List and Stop: each answer is, member for member, the one that the API pages describe."""
    name = f"{type(driver).__name__} {stem}"
    job_id = ""

    for verb, params, expected in calls(stem, name):
        answer = driver.call(name_of(verb, stem), _bound(params, job_id))
        job_id = job_id or str(answer.body["JobId"])
        assert (answer.code, answer.status) == ("", 200)
        assert re.fullmatch("[0-9a-f]{32}", job_id)
        assert _unlike(answer.body, _bound(expected, job_id)) == []


@pytest.mark.parametrize(("verb", "params", "code", "status"), REFUSED, ids=[row[2] for row in REFUSED])
def test_every_client_gets_the_code_of_an_error(
    driver: Driver, verb: str, params: dict[str, Any], code: str, status: int
) -> None:
    """An error is the same for all three; the CLI does not say its HTTP status."""
    request = _start("EntitiesDetectionJob", "refused") | params if verb == "Start" else params

    answer = driver.call(name_of(verb, "EntitiesDetectionJob"), request)

    assert answer.code == code
    assert answer.status == (None if isinstance(driver, AwsCli) else status)
    assert answer.message


def test_a_whole_job_by_command_line_alone(cli: AwsCli) -> None:
    """Upload, start, wait, download: nothing but `aws`, as in the developer guide's tutorial."""
    (cli.directory / "reviews.txt").write_text("The food was wonderful.\nThe train was late.\n" * 30)
    uploaded = cli.run("s3", "cp", "reviews.txt", "s3://corpus-in/reviews/one.txt")
    request = _start("SentimentDetectionJob", "by hand") | {"InputDataConfig": {"S3Uri": "s3://corpus-in/reviews/"}}
    started = cli.call("StartSentimentDetectionJob", request)

    job: dict[str, Any] = {"JobStatus": ""}
    while job["JobStatus"] not in TERMINAL:
        shown = cli.comprehend("describe-sentiment-detection-job", "--job-id", started.body["JobId"])
        job = shown.body["SentimentDetectionJobProperties"]
    downloaded = cli.run("s3", "cp", job["OutputDataConfig"]["S3Uri"], "output.tar.gz")

    assert (uploaded.returncode, downloaded.returncode) == (0, 0), uploaded.stderr + downloaded.stderr
    assert (job["JobStatus"], job["EndTime"] > job["SubmitTime"]) == ("COMPLETED", True)
    assert (cli.directory / "output.tar.gz").read_bytes()[:2] == b"\x1f\x8b"


def test_the_command_line_walks_all_pages_by_itself(cli: AwsCli, environment: dict[str, str]) -> None:
    """`--page-size 2` leads through NextToken to every job, once."""
    with Boto3(environment) as client:
        for number in range(5):
            client.call("StartKeyPhrasesDetectionJob", _start("KeyPhrasesDetectionJob", f"page {number}"))
        everything = client.call("ListKeyPhrasesDetectionJobs", {}).body["KeyPhrasesDetectionJobPropertiesList"]
    paged = cli.comprehend("list-key-phrases-detection-jobs", "--page-size", "2")

    found = [job["JobId"] for job in paged.body["KeyPhrasesDetectionJobPropertiesList"]]

    assert len(found) >= 5
    assert found == [job["JobId"] for job in everything]


def calls(stem: str, name: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """The table: verb, parameters, answer. A type stands for any value of it, for times and statuses move on."""
    part, code, tail = RULES[stem]
    arn = f"arn:aws:comprehend:us-east-1:{ACCOUNT}:{part}/{JOB}"
    start = _start(stem, name)
    shown = {
        "JobId": JOB,
        "JobArn": arn,
        "JobName": name,
        "JobStatus": str,
        "SubmitTime": datetime,
        "InputDataConfig": INPUT,
        "OutputDataConfig": {"S3Uri": f"s3://corpus-out/results/{ACCOUNT}-{code}-{JOB}/{tail}"},
        "LanguageCode": "en",
        "DataAccessRoleArn": ROLE,
        **({"Mode": "ONLY_OFFSETS"} if "Pii" in stem else {}),
    }
    return [
        ("Start", start, {"JobId": JOB, "JobArn": arn, "JobStatus": "SUBMITTED"}),
        ("Stop", {"JobId": JOB}, {"JobId": JOB, "JobStatus": "STOP_REQUESTED"}),
        ("Describe", {"JobId": JOB}, {f"{stem}Properties": shown}),
        ("List", {"Filter": {"JobName": name}, "MaxResults": 5}, {f"{stem}PropertiesList": [shown]}),
    ]


def _start(stem: str, name: str) -> dict[str, Any]:
    return {
        "JobName": name,
        "InputDataConfig": INPUT,
        "OutputDataConfig": OUTPUT,
        "DataAccessRoleArn": ROLE,
        "LanguageCode": "en",
        "Tags": TAGS,
        **({"Mode": "ONLY_OFFSETS"} if "Pii" in stem else {}),
    }


def _bound(value: Any, job_id: str) -> Any:
    """The same with the job's id for JOB."""
    if isinstance(value, dict):
        return {name: _bound(member, job_id) for name, member in value.items()}
    if isinstance(value, list):
        return [_bound(member, job_id) for member in value]
    return value.replace(JOB, job_id) if isinstance(value, str) else value


def _unlike(found: Any, expected: Any, path: str = "answer") -> list[str]:
    """Where an answer is not the expected one. EndTime comes with the end of a job, at its own time."""
    if isinstance(expected, dict):
        names = set(found) - {"EndTime"}
        if names != set(expected):
            return [f"{path} has {sorted(names)}, not {sorted(expected)}"]
        return [line for name in expected for line in _unlike(found[name], expected[name], f"{path}.{name}")]
    if isinstance(expected, list):
        if len(found) != len(expected):
            return [f"{path} has {len(found)} members, not {len(expected)}"]
        return [line for pair in zip(found, expected, strict=True) for line in _unlike(*pair, f"{path}[]")]
    if expected is datetime:
        now = datetime.now(UTC)
        return [] if isinstance(found, datetime) and abs((now - found).total_seconds()) < 3600 else [f"{path}: {found}"]
    return [] if found == expected or (expected is str and isinstance(found, str)) else [f"{path}: {found!r}"]
