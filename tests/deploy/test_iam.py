"""The policies in deploy/iam allow what fleet asks of AWS in a real run on the sandbox, and nothing else."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from fleet.app.opening import open_targets
from fleet.core.errors import Rejected
from fleet.core.kinds import KINDS
from fleet.sandbox import S3Store, Sandbox, read_switches
from fleet.settings import load
from tests.deploy.policies import FILLED, IAM, Grant, grants, read
from tests.deploy.recorder import BORROWED_KEY, Need, Recorder
from tests.doctor.cloud import TRUST, Cloud

OWN_KEY = "AKIASTART"
RECOGNIZER = "arn:aws:comprehend:us-east-1:123456789012:entity-recognizer/clauses"
SWITCHES = {"time_scale": 400, "start_per_s": 20, "describe_per_s": 100, "list_per_s": 100, "seed": 1}
TEXT = b"Anna Smith lives in Paris.\nCall me at 555-0100.\n" * 16
CONFIG = f"""
[defaults]
kinds = [{", ".join(f'"{kind}"' for kind in KINDS)}]
language = "en"

[defaults.request]
Tags = [{{ Key = "project", Value = "migration" }}]

[targets.main]
region = "us-east-1"
data_access_role_arn = "arn:aws:iam::123456789012:role/comprehend"
assume_role_arn = "arn:aws:iam::123456789012:role/fleet"
output = "s3://corpus-out/results/"

[targets.main.quotas]
start_per_s = 20
describe_per_s = 100
list_per_s = 100

[track]
poll_floor_s = 0.2
list_lag_s = 0.5
"""
MANIFEST = (
    {"prefix": "s3://corpus-in/2024/01/"},
    {"prefix": "s3://corpus-in/2024/02/", "kinds": ["entities"], "request": {"EntityRecognizerArn": RECOGNIZER}},
)
ROLES = {name: (f"arn:aws:iam::123456789012:role/{name}", TRUST) for name in ("comprehend", "fleet")}
ASKED_BY_DOCTOR = ("sts", "iam", "servicequotas")
COMMANDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "plan": (
        ("plan", "--measure", "s3://corpus-manifests/manifest.jsonl"),
        ("discover", "s3://corpus-in/2024/", "--depth", "1"),
    ),
    "doctor": (("doctor", "s3://corpus-manifests/manifest.jsonl"),),
    "run": (("run", "s3://corpus-manifests/manifest.jsonl"),),
    "reading": (("status",), ("report",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was needed: by fleet's run, by its other commands, and by Comprehend under the data access role."""

    run: set[Need]
    plan: set[Need]
    doctor: set[Need]
    reading: set[Need]
    comprehend: set[Need]
    job_arns: set[str]


@pytest.fixture(scope="module")
def seen(s3_url: str, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """One real run of five kinds, a Stop of each kind, `plan`, `status` and `report`: recorded on the wire."""
    with pytest.MonkeyPatch.context() as patch:
        return anyio.run(record, s3_url, tmp_path_factory.mktemp("iam"), patch)


async def record(s3_url: str, directory: Path, patch: pytest.MonkeyPatch) -> Seen:
    """fleet's requests pass one recorder, those of the sandbox to S3 another: there it acts as Comprehend does."""
    (directory / "fleet.toml").write_text(CONFIG)
    async with AsyncExitStack() as stack:
        await put_documents(s3_url)
        role = await stack.enter_async_context(Recorder({"s3": s3_url}))
        store = await stack.enter_async_context(S3Store(role.url))
        sandbox = await stack.enter_async_context(Sandbox(read_switches(values=SWITCHES), store=store))
        cloud = await stack.enter_async_context(Cloud({}, roles=ROLES))
        upstreams = {"s3": s3_url, "comprehend": sandbox.comprehend_url} | dict.fromkeys(ASKED_BY_DOCTOR, cloud.url)
        fleet = await stack.enter_async_context(Recorder(upstreams))
        aws = {"AWS_ENDPOINT_URL": fleet.url, "AWS_ACCESS_KEY_ID": OWN_KEY, "AWS_SECRET_ACCESS_KEY": "secret"}
        parts = {}
        for part, commands in COMMANDS.items():
            fleet.needs = set()
            for command in commands:
                await run_fleet(directory, aws, *command)
            parts[part] = fleet.needs
        fleet.needs = parts["run"]
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in aws.items():
            patch.setenv(name, value)
        async with open_targets(load(directory / "fleet.toml", environment={})) as targets:
            for job in {job.kind.name: job for job in sandbox.service.jobs.values()}.values():
                with suppress(Rejected):  # it has ended, but the call was made
                    await targets["main"].comprehend.stop(job.kind.name, job.job_id)
        arns = {job.arn for job in sandbox.service.jobs.values()}
        return Seen(comprehend=role.needs, job_arns=arns, **parts)


async def put_documents(s3_url: str) -> None:
    """Input and manifest, put there by somebody else."""
    async with S3Store(s3_url) as store:
        for bucket in ("corpus-in", "corpus-out", "corpus-manifests"):
            await store.create_bucket(bucket)
        for line in MANIFEST:
            prefix = str(line["prefix"]).removeprefix("s3://corpus-in/")
            await store.write("corpus-in", f"{prefix}part-0.txt", TEXT)
        manifest = "".join(json.dumps(line) + "\n" for line in MANIFEST)
        await store.write("corpus-manifests", "manifest.jsonl", manifest.encode())


async def run_fleet(directory: Path, aws: dict[str, str], *words: str) -> None:
    """One command in a process of its own, to its end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FLEET_"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fleet", *words),
        cwd=directory,
        env=clean | aws,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


def assert_exact(needs: set[Need], given: set[Grant]) -> None:
    """Every need is granted by something, and everything that is granted was needed by something."""
    missing = {need for need in needs if not any(grant.allows(need) for grant in given)}
    superfluous = {grant for grant in given if not any(grant.allows(need) for need in needs)}

    assert not missing, f"missing: {sorted(f'{need.action} {need.resource}' for need in missing)}"
    assert not superfluous, f"superfluous: {sorted(f'{grant.sid}: {grant.action}' for grant in superfluous)}"


def test_the_submitter_may_do_what_a_run_does_and_nothing_else(seen: Seen) -> None:
    """All calls of a run on an assumed role, and a Stop of each kind, against submitter.json, both ways."""
    assert_exact({need for need in seen.run if need.access_key == BORROWED_KEY}, grants("submitter.json"))


def test_who_assumes_the_submitter_may_do_that_alone(seen: Seen) -> None:
    """With `assume_role_arn` the process's own credentials are used for AssumeRole and for nothing else."""
    assert_exact({need for need in seen.run if need.access_key != BORROWED_KEY}, grants("assume-submitter.json"))


def test_planning_reads_and_lists_and_looking_needs_nothing(seen: Seen) -> None:
    """`plan` reads the manifest, `--measure` and `discover` list; `status` and `report` ask AWS nothing at all."""
    assert_exact({need for need in seen.plan if need.access_key == BORROWED_KEY}, grants("planner.json"))
    assert seen.reading == set()


def test_a_checkup_needs_to_look_and_nothing_else(seen: Seen) -> None:
    """`doctor` against doctor.json, both ways; to ask who one is needs no permission (STS, GetCallerIdentity)."""
    needs = {need for need in seen.doctor if need.access_key == BORROWED_KEY}

    assert_exact({need for need in needs if need.action != "sts:GetCallerIdentity"}, grants("doctor.json"))


def test_the_data_access_role_may_do_what_comprehend_does(seen: Seen) -> None:
    """What the sandbox did in S3 in Comprehend's place, against data-access-role.json, both ways.

    It lists the output for one thing alone, to write the access check only once; the service is not known to do so.
    """
    looked_for_its_check = ("s3:prefix", "results/.write_access_check_file.temp")

    needs = {need for need in seen.comprehend if looked_for_its_check not in need.context}

    assert_exact(needs, grants("data-access-role.json"))


def test_comprehend_may_take_the_role_for_our_jobs_alone(seen: Seen) -> None:
    """The trust policy holds for each job that ran; not for another account's, nor for kinds that fleet has not."""
    (trust,) = read("data-access-role-trust.json")["Statement"]
    (grant,) = grants("data-access-role-trust.json")

    def trusted(arn: str, account: str = FILLED["ACCOUNT"]) -> bool:
        context = (("aws:SourceAccount", account), ("aws:SourceArn", arn))
        return grant.allows(Need(access_key="", action="sts:AssumeRole", resource="*", context=context))

    assert trust["Principal"] == {"Service": "comprehend.amazonaws.com"}
    assert len({arn.rpartition("/")[0] for arn in seen.job_arns}) == len(KINDS)
    assert all(trusted(arn) for arn in seen.job_arns)
    assert not any(trusted(arn, "999999999999") for arn in seen.job_arns)
    assert not any(trusted(arn.replace(FILLED["ACCOUNT"], "999999999999")) for arn in seen.job_arns)
    assert not trusted("arn:aws:comprehend:us-east-1:123456789012:topics-detection-job/a")


@pytest.mark.parametrize("path", sorted(IAM.glob("*.json")), ids=lambda path: path.name)
def test_wildcards_are_where_aws_leaves_no_choice(path: Path) -> None:
    """No action has one, and `*` as a whole resource is there only for actions that know no resource."""
    for statement in json.loads(path.read_text())["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        verbs = {action.partition(":")[2] for action in actions}

        assert not any("*" in action for action in actions)
        if statement.get("Resource") == "*":
            assert all(verb.startswith(("List", "Describe")) for verb in verbs), statement["Sid"]


def test_a_policy_that_forgets_or_gives_too_much_would_be_caught(seen: Seen) -> None:
    """The comparison is no formality: one grant less, or one more, and it fails."""
    needs = {need for need in seen.run if need.access_key == BORROWED_KEY}
    given = grants("submitter.json")
    more = Grant(sid="Extra", action="s3:PutObject", resource="arn:aws:s3:::corpus-in/*", condition=())

    with pytest.raises(AssertionError, match="missing"):
        assert_exact(needs, {grant for grant in given if grant.action != "comprehend:ListSentimentDetectionJobs"})
    with pytest.raises(AssertionError, match="superfluous"):
        assert_exact(needs, given | {more})
