"""`fleet doctor` where all is well, and with each thing broken once: what is told, and that the others are told too."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fleet.app.doctor.access import check_endpoints, check_region
from fleet.app.doctor.examine import open_visit
from fleet.core.checkup import Outcome
from fleet.ledger.sqlite.lock import Lock
from fleet.settings import load
from tests.doctor.cloud import ACCOUNT, ROLE_ARN, TRUST
from tests.doctor.conftest import CONFIG, Clinic

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
OTHER_REGION_KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PERMISSION_TO_QUOTAS = "servicequotas:ListServiceQuotas and servicequotas:ListAWSDefaultServiceQuotas"
Break = Callable[[Clinic, pytest.MonkeyPatch], object]


def test_all_is_well(clinic: Clinic) -> None:
    """Every check passes but the endpoints, which are no AWS's; exit code 0."""
    said = clinic.doctor("manifest.jsonl", "--json")

    found = said.json
    assert (said.code, found["exit_code"]) == (0, 0)
    assert {one["check"] for one in found["findings"] if one["outcome"] != "pass"} == {"endpoint"}
    assert set(found) == {"schema", "exit_code", "counts", "findings", "quotas", "quotas_written", "probe_jobs"}
    assert all(set(one) == {"check", "target", "outcome", "found", "next"} for one in found["findings"])
    assert sum(found["counts"].values()) == len(found["findings"])
    assert {one["found"].split(":")[0] for one in found["findings"] if one["check"] == "list"} == {
        "entities",
        "sentiment",
    }


def setting(old: str, new: str) -> Break:
    """The configuration says something else."""

    def change(clinic: Clinic, _: pytest.MonkeyPatch) -> None:
        path = clinic.directory / "fleet.toml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return change


def cloud(**values: Any) -> Break:
    """AWS is so."""
    return lambda clinic, _: [setattr(clinic.cloud, name, value) for name, value in values.items()]


def manifest(*lines: dict[str, Any]) -> Break:
    """The manifest has these lines."""
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return lambda clinic, _: (clinic.directory / "manifest.jsonl").write_text(text)


def trusting(**statement: Any) -> dict[str, tuple[str, Any]]:
    """The data access role with a statement that is otherwise."""
    return {"comprehend": (ROLE_ARN, {"Statement": [TRUST["Statement"][0] | statement]})}


def hold(clinic: Clinic, _: pytest.MonkeyPatch) -> None:
    """Somebody holds the ledger."""
    clinic.locks.append(Lock(clinic.directory / "fleet.db"))


def brief_credentials(clinic: Clinic, patch: pytest.MonkeyPatch) -> None:
    """Credentials that end in ten minutes."""
    end = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    keys = {"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": SECRET, "Expiration": end}
    (clinic.directory / "keys.json").write_text(json.dumps(keys))
    (clinic.directory / "aws").write_text(
        f"[profile brief]\ncredential_process = cat {clinic.directory}/keys.json\nregion = us-east-1\n"
    )
    patch.setenv("AWS_CONFIG_FILE", str(clinic.directory / "aws"))
    setting('region = "us-east-1"', 'region = "us-east-1"\nprofile = "brief"')(clinic, patch)


FOLLOWS = {"region": {"bucket", "trust"}}
"""What rightly fails with another check: buckets and the role's conditions are of the Region that was meant."""

BROKEN: list[tuple[str, Break, Outcome, str, int]] = [
    ("configuration", setting("[defaults]", "[defualts]"), Outcome.FAIL, "unknown key; did you mean defaults?", 78),
    ("configuration", setting("role/comprehend", "user/x"), Outcome.FAIL, "is no role's ARN", 78),
    ("target", setting("[track]", 'profile = "nobody"\n[track]'), Outcome.FAIL, "(nobody) could not be found", 78),
    ("proxy", lambda _, patch: patch.setenv("HTTPS_PROXY", "socks5://me:hunter22@h"), Outcome.WARN, "//***@h", 0),
    ("ledger", setting("///fleet.db", "///gone/fleet.db"), Outcome.FAIL, "its directory does not exist", 1),
    ("ledger", lambda clinic, _: Path("fleet.db").write_text("x" * 600), Outcome.FAIL, "it is not a database", 1),
    ("ledger holder", hold, Outcome.WARN, f"held by process {os.getpid()}", 0),
    (
        "ledger room",
        lambda _, patch: patch.setattr("fleet.app.doctor.surroundings._ROOM_BYTES_MIN", 10**18),
        Outcome.WARN,
        "MB free",
        0,
    ),
    ("region", setting("us-east-1", "us-esat-1"), Outcome.WARN, "did you mean us-east-1?", 78),
    ("region", setting("us-east-1", "af-south-1"), Outcome.WARN, "Comprehend is not served there", 78),
    ("credentials", cloud(nobody=True), Outcome.FAIL, "InvalidClientTokenId", 1),
    (
        "credentials",
        cloud(account="999999999999"),
        Outcome.FAIL,
        f"999999999999, the data access role in {ACCOUNT}",
        78,
    ),
    ("expiry", brief_credentials, Outcome.WARN, "the credentials end at", 0),
    ("clock", cloud(ahead_s=400), Outcome.FAIL, "behind AWS's", 1),
    ("clock", cloud(ahead_s=-100), Outcome.WARN, "ahead of AWS's", 0),
    ("role", cloud(roles={}), Outcome.FAIL, "does not exist", 78),
    ("role", cloud(denied={"iam:GetRole"}), Outcome.SKIPPED, "not authorized to perform: iam:GetRole", 0),
    ("trust", cloud(roles=trusting(Principal={"Service": "ec2.amazonaws.com"})), Outcome.FAIL, "no statement lets", 1),
    ("trust", cloud(roles=trusting(Condition={})), Outcome.WARN, "jobs of any account may use it", 0),
    ("pass role", cloud(decision="implicitDeny"), Outcome.FAIL, "may not pass the role: implicitDeny", 1),
    ("pass role", cloud(denied={"iam:SimulatePrincipalPolicy"}), Outcome.SKIPPED, "iam:SimulatePrincipalPolicy", 0),
    ("manifest", lambda *_: Path("manifest.jsonl").unlink(), Outcome.FAIL, "manifest.jsonl: no such file", 1),
    (
        "manifest",
        manifest({"prefix": "s3://doctor-in/a/", "kinds": ["x"]}),
        Outcome.WARN,
        "1 of 1 lines are rejected",
        0,
    ),
    (
        "output apart",
        manifest(
            {"prefix": "s3://doctor-in/b/", "output": "s3://doctor-in/a/results/"}, {"prefix": "s3://doctor-in/a/"}
        ),
        Outcome.FAIL,
        "would read results that are written below",
        78,
    ),
    ("output", setting('"s3://doctor-out/results/"', '"/results/"'), Outcome.FAIL, "is not an S3 URI", 78),
    ("bucket", manifest({"prefix": "s3://doctor-gone/a/"}), Outcome.FAIL, "doctor-gone (input) does not exist", 1),
    ("bucket", cloud(denied={"s3:ListBucket"}), Outcome.WARN, "doctor-in (input): s3:ListBucket is denied", 0),
    ("bucket", cloud(regions={"doctor-in": "eu-west-1"}), Outcome.FAIL, "is in eu-west-1, the target in us-east-1", 78),
    (
        "encryption",
        setting("[track]", f'[defaults.request.OutputDataConfig]\nKmsKeyId = "{OTHER_REGION_KEY}"\n[track]'),
        Outcome.FAIL,
        "is a key of eu-west-1",
        78,
    ),
    (
        "quotas",
        cloud(applied={"L-2B8ECCAB": 5.0}),
        Outcome.WARN,
        "active_jobs: 10 configured, AWS grants 5 (AWS would throttle), least for entities",
        0,
    ),
    (
        "quotas",
        cloud(applied={"L-2B8ECCAB": 25.0, "L-32ABBB12": 25.0}),
        Outcome.WARN,
        "active_jobs: 10 configured, AWS grants 25 (some is left unused)",
        0,
    ),
    (
        "quotas",
        cloud(denied={"servicequotas:ListServiceQuotas"}),
        Outcome.SKIPPED,
        "servicequotas:ListServiceQuotas",
        0,
    ),
    (
        "list",
        cloud(denied={"comprehend:ListEntitiesDetectionJobs"}),
        Outcome.WARN,
        "comprehend:ListEntitiesDetectionJobs is denied",
        0,
    ),
    ("list", cloud(broken={"comprehend:ListEntitiesDetectionJobs"}), Outcome.FAIL, "ServiceUnavailable", 1),
]


@pytest.mark.parametrize(
    ("check", "broken", "outcome", "says", "code"),
    BROKEN,
    ids=[f"{number}: {check}" for number, (check, *_) in enumerate(BROKEN, 1)],
)
def test_what_is_broken_is_told_and_spoils_nothing_else(
    clinic: Clinic,
    monkeypatch: pytest.MonkeyPatch,
    check: str,
    broken: Break,
    outcome: Outcome,
    says: str,
    code: int,
) -> None:
    """Its own line and exit code; checks that do not depend on it pass as before; no secret is printed."""
    broken(clinic, monkeypatch)

    said = clinic.doctor("manifest.jsonl", "--json")

    found = said.json["findings"]
    (line, *_) = [one for one in found if one["check"] == check and says in one["found"]]
    assert line["outcome"] == outcome
    assert line["next"] or outcome is Outcome.FAIL
    assert said.code == code
    assert SECRET not in said.out + said.err
    assert "hunter22" not in said.out + said.err
    bad = {one["check"] for one in found if one["outcome"] == "fail"}
    assert bad <= {check} | FOLLOWS.get(check, set())


def test_a_permission_that_lacks_is_named(clinic: Clinic) -> None:
    """The next step of a skipped check is the permission that it needs."""
    clinic.cloud.denied = {"iam:GetRole", "iam:SimulatePrincipalPolicy", "servicequotas:ListAWSDefaultServiceQuotas"}

    said = clinic.doctor("manifest.jsonl", "--json")

    skipped = {one["check"]: one["next"] for one in said.json["findings"] if one["outcome"] == "skipped"}
    assert skipped == {
        "role": "to check it, allow iam:GetRole",
        "pass role": "to check it, allow iam:SimulatePrincipalPolicy",
        "quotas": f"to check it, allow {PERMISSION_TO_QUOTAS}",
    }


def test_lines_fit_a_terminal_and_say_what_to_do(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """80 columns, no colour where NO_COLOR says so, the next step below the finding, a summary at the end."""
    clinic.cloud.decision = "explicitDeny"
    monkeypatch.setattr("fleet.cli.doctor.Screen", narrow)

    said = clinic.doctor("manifest.jsonl")

    lines = said.out.splitlines()
    assert said.code == 1
    assert all(len(line) <= 80 for line in lines)
    assert [line for line in lines if line.startswith("fail     main: pass role")]
    assert any(line.lstrip().startswith("next: allow iam:PassRole") for line in lines)
    assert lines[-1].startswith("1 failed, 1 warned, ")


async def test_aws_itself_is_told_from_a_server_that_stands_in(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without endpoint variables, and with AWS's own private ones, all services are asked; a wrong Region fails."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com")
    async with open_visit(load(place / "fleet.toml"), "main") as visit:
        (endpoints,) = check_endpoints(visit)
        (served,) = check_region(visit)
    (place / "fleet.toml").write_text(CONFIG.replace('"us-east-1"', '"af-south-1"'))

    async with open_visit(load(place / "fleet.toml"), "main") as elsewhere:
        (unserved,) = check_region(elsewhere)

    assert (endpoints.outcome, served.outcome, unserved.outcome) == (Outcome.PASS, Outcome.PASS, Outcome.FAIL)
    assert "https://comprehend.us-east-1.amazonaws.com" in endpoints.found
    assert visit.account.asked_for_real("sts")
    assert unserved.configured


def narrow(stream: Any = None) -> Any:
    """A screen of 80 columns."""
    from fleet.cli.screen import Screen

    return Screen(stream, columns=80)


def test_an_emulator_of_comprehend_alone_sends_nothing_to_aws(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """With endpoints for Comprehend and S3 only, as `fleet sandbox` prints them, the other services are not asked."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_ENDPOINT_URL_COMPREHEND", clinic.cloud.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", clinic.cloud.url)

    said = clinic.doctor("manifest.jsonl", "--json")

    skipped = {one["check"] for one in said.json["findings"] if one["outcome"] == "skipped"}
    assert said.code == 0
    assert skipped == {"credentials", "role", "pass role", "quotas"}
    assert {action.partition(":")[0] for action, _ in clinic.cloud.asked} == {"comprehend", "s3"}
