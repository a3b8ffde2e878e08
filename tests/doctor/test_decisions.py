"""What findings come to: clocks, trust policies, identities, codes. Plain functions, plain tests."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.core.checkup import Finding, Outcome, Tick, exit_code, kms_problem, principal_role, skew_s
from fleet.core.kinds import KINDS
from fleet.core.lane import Quotas
from fleet.core.probe import Seen, probe_findings, probe_quotas, switches_text
from fleet.core.service_quotas import CODES, differences
from fleet.core.trust import Trust, trust_of
from fleet.sandbox import read_switches
from tests.deploy.policies import read
from tests.doctor.cloud import ACCOUNT, TRUST


@given(
    ahead_s=st.floats(-1000, 1000),
    trips=st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5)), min_size=1, max_size=5),
    server=st.floats(1e9, 2e9),
)
def test_the_skew_is_never_claimed_larger_than_it_is(
    ahead_s: float, trips: list[tuple[float, float]], server: float
) -> None:
    """Whatever the network takes: of the right sign, never more than the truth, less by one trip and one second."""
    ticks = [
        Tick(server_at=int(server), asked_at=server + ahead_s - there, heard_at=server + ahead_s + back)
        for there, back in trips
    ]

    found = skew_s(ticks)

    assert found is not None
    assert abs(found) <= abs(ahead_s) + 1e-3
    assert found * ahead_s >= 0
    assert abs(ahead_s) - abs(found) <= min(there + back for there, back in trips) + 1 + 1e-3


@pytest.mark.parametrize(
    ("statement", "trust"),
    [
        ({}, Trust.GIVEN),
        ({"Action": "sts:*"}, Trust.GIVEN),
        ({"Action": ["sts:TagSession", "sts:AssumeRole"]}, Trust.GIVEN),
        ({"Principal": {"Service": ["ec2.amazonaws.com", "comprehend.amazonaws.com"]}}, Trust.GIVEN),
        ({"Condition": {}}, Trust.OPEN),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}, Trust.DENIED),
        ({"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:comprehend:eu-west-1:*:*"}}}, Trust.DENIED),
        (
            {"Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:comprehend:*:{ACCOUNT}:entities-detection-job/*"}}},
            Trust.PARTLY,
        ),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, Trust.PARTLY),
        ({"Effect": "Deny", "Condition": {}}, Trust.DENIED),
        ({"Effect": "Deny"}, Trust.PARTLY),
        ({"Action": "sts:AssumeRoleWithWebIdentity"}, Trust.DENIED),
        ({"Principal": {"AWS": "*"}}, Trust.DENIED),
        ({"Principal": "comprehend.amazonaws.com"}, Trust.DENIED),
    ],
)
def test_trust_policies_are_read_as_iam_reads_them(statement: dict[str, Any], trust: Trust) -> None:
    """Services, actions, conditions on account and source; what is not understood is never taken for a yes."""
    policy = {"Statement": [TRUST["Statement"][0] | statement]}

    found = trust_of(policy, account=ACCOUNT, region="us-east-1", kinds=["entities", "pii_entities"])

    assert found.trust is trust, found.why


@pytest.mark.parametrize("policy", [None, "x", [], {}, {"Statement": None}, {"Statement": ["x", 5]}])
def test_a_policy_of_another_shape_gives_nothing(policy: Any) -> None:
    """Whatever IAM answers, the check ends."""
    assert trust_of(policy, account=ACCOUNT, region="us-east-1", kinds=["entities"]).trust is Trust.DENIED


def test_the_shipped_trust_policy_is_a_good_one() -> None:
    """deploy/iam/data-access-role-trust.json serves all five kinds and no other account."""
    found = trust_of(read("data-access-role-trust.json"), account=ACCOUNT, region="us-east-1", kinds=sorted(KINDS))

    assert found.trust is Trust.GIVEN, found.why


def test_identities_become_what_the_simulator_takes() -> None:
    """An assumed role's session is its role; users and roles are themselves; root is nobody it can simulate."""
    assert principal_role(f"arn:aws:sts::{ACCOUNT}:assumed-role/fleet/s") == (
        f"arn:aws:iam::{ACCOUNT}:role/fleet",
        "fleet",
    )
    assert principal_role(f"arn:aws-cn:iam::{ACCOUNT}:user/a/me") == (f"arn:aws-cn:iam::{ACCOUNT}:user/a/me", "")
    assert principal_role(f"arn:aws:iam::{ACCOUNT}:root") is None


@pytest.mark.parametrize(
    ("key", "good"),
    [
        ("1234abcd-12ab-34cd-56ef-1234567890ab", True),
        ("mrk-1234abcd12ab34cd56ef1234567890ab", True),
        ("alias/results", True),
        (f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/results", True),
        (f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/results", False),
        (f"arn:aws:s3:::{ACCOUNT}", False),
        ("results", False),
    ],
)
def test_kms_keys_are_known_by_their_form(key: str, good: bool) -> None:
    """Ids, aliases and the ARNs of both, in the target's Region."""
    assert (kms_problem({"KmsKeyId": [key]}, "us-east-1") is None) is good


def test_every_operation_of_every_kind_has_its_code() -> None:
    """25 quotas: five kinds, and each a cap and four rates."""
    assert len(CODES) == 25
    assert {kind for kind, _ in CODES.values()} == set(KINDS)


def test_the_least_quota_of_the_kinds_counts() -> None:
    """One number is configured for all kinds of a target; kinds that are not used do not matter."""
    quotas = Quotas(active_jobs=10, start_per_s=1, describe_per_s=10, list_per_s=10, stop_per_s=1)
    granted = {"L-2B8ECCAB": 30.0, "L-32ABBB12": 20.0, "L-D88E2B98": 5.0, "L-8DD67684": 1.0, "L-FFFFFFFF": 7.0}

    (found,) = differences(granted, quotas, ["entities", "sentiment"])

    assert (found.name, found.granted, found.kinds, found.higher) == ("active_jobs", 20.0, ("sentiment",), False)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([(Outcome.PASS, False), (Outcome.WARN, True), (Outcome.SKIPPED, True)], 0),
        ([(Outcome.FAIL, False)], 1),
        ([(Outcome.FAIL, False), (Outcome.FAIL, True)], 78),
    ],
)
def test_the_exit_code_tells_whose_fault_it_is(outcomes: list[tuple[Outcome, bool]], code: int) -> None:
    """78 only where the configuration is what failed; warnings fail nothing."""
    findings = [Finding(check="x", outcome=one, found="", configured=configured) for one, configured in outcomes]

    assert exit_code(findings) == code


_codes = st.sampled_from([None, "TooManyRequestsException", "ThrottlingException", "X\ny = 1 # Exception", 'a"b'])


@given(
    seen=st.builds(
        Seen,
        start_per_s=st.sampled_from([0.5, 1.0, 20.0]),
        configured_slots=st.just(10),
        burst_sent=st.just(7),
        burst=st.none() | st.integers(0, 7),
        throttle_code=_codes,
        retry_after_s=st.none() | st.floats(0, 60),
        cap=st.sampled_from([None, "reject", "queue", "higher"]),
        cap_code=_codes,
        slots=st.integers(1, 10),
        replay=st.sampled_from([None, "same_job", "new_job", "InvalidRequestException"]),
        replay_needs_slot=st.none() | st.booleans(),
        mismatch=st.sampled_from([None, "same_job", "new_job", "ResourceInUseException", "Strange"]),
        list_lag_s=st.none() | st.floats(0, 60),
        name_match=st.sampled_from([None, "exact", "prefix"]),
        list_order=st.sampled_from([None, "ascending", "descending"]),
        cross_kind_code=st.sampled_from([None, "JobNotFoundException", "Strange"]),
    )
)
def test_whatever_was_seen_makes_a_switches_file(seen: Seen) -> None:
    """The sandbox takes the file, whatever AWS answered: what it has no switch for is a comment, never a setting."""
    read = read_switches(switches_text(seen))

    if seen.burst:
        assert round(read.burst_s * seen.start_per_s, 3) == seen.burst
    if seen.cap in ("reject", "queue"):
        assert (read.cap, read.active_jobs) == (seen.cap, seen.slots)
    if seen.replay in ("same_job", "new_job"):
        assert read.replay == seen.replay
    assert len(probe_findings(seen, "main")) == 8
    assert set(probe_quotas(seen)) <= {"active_jobs"}
    assert json.dumps([one.found for one in probe_findings(seen, "main")])
