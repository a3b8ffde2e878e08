"""`fleet doctor --probe` against a sandbox with each answer of each unknown: it finds the switches that it has."""

import pytest

from fleet.sandbox import read_switches
from fleet.sandbox.switches import Switches
from tests.doctor.conftest import Clinic

PROBE = ("--probe", "--probe-input", "s3://doctor-in/a/", "--probe-switches", "switches.toml", "--yes")
RATES = {"start_per_s": 8, "describe_per_s": 200, "list_per_s": 200, "stop_per_s": 200}
"""Faster than AWS's, so that nobody waits; the configuration below says the same."""

QUOTAS = """
[targets.main.quotas]
active_jobs = 7
start_per_s = 8
describe_per_s = 200
list_per_s = 200
stop_per_s = 200
"""
ONE = {
    "cap": "reject",
    "active_jobs": 7,
    "burst_s": 0.25,
    "replay": "same_job",
    "replay_needs_slot": False,
    "mismatch": "reject",
    "name_match": "exact",
    "list_order": "ascending",
    "cross_kind_code": "JobNotFoundException",
    "throttle_code": "TooManyRequestsException",
    "cap_code": "TooManyRequestsException",
}
OTHER = {
    "cap": "queue",
    "active_jobs": 7,
    "burst_s": 0.125,
    "rate_model": "bucket",
    "replay": "new_job",
    "mismatch": "same_job",
    "name_match": "prefix",
    "list_order": "descending",
    "cross_kind_code": "InvalidRequestException",
    "throttle_code": "ThrottlingException",
    "list_delay_s": 1.5,
}
THIRD = {
    "cap": "reject",
    "cap_code": "ThrottlingException",
    "active_jobs": 6,
    "burst_s": 0.25,
    "throttled_count": True,
    "retry_after_s": 3.0,
    "replay": "same_job",
    "replay_needs_slot": True,
    "mismatch": "new_job",
}
JOBS = {"submitted_s": 0.2, "overhead_s": 3600, "stop_s": 0}


def prepare(clinic: Clinic, *, slots: int = 7) -> None:
    """The configuration tells fleet of the sandbox's rates, and of so many slots."""
    path = clinic.directory / "fleet.toml"
    path.write_text(path.read_text() + QUOTAS.replace("active_jobs = 7", f"active_jobs = {slots}"))


def found(clinic: Clinic) -> Switches:
    """The switches that the probe has written."""
    return read_switches(clinic.directory / "switches.toml")


@pytest.mark.parametrize(
    "truth",
    [
        pytest.param(truth, marks=pytest.mark.rig(**(RATES | JOBS | truth)), id=name)
        for name, truth in (("one", ONE), ("other", OTHER), ("third", THIRD))
    ],
)
def test_the_probe_finds_how_the_sandbox_behaves(probed: Clinic, truth: dict[str, object]) -> None:
    """What it writes for another sandbox is what this one was told, and none of its jobs is left running."""
    prepare(probed)

    said = probed.doctor(*PROBE, "--json")

    assert said.code == 0, said.out + said.err
    seen = found(probed)
    unseen = {"rate_model", "throttled_count", "list_delay_s", "burst_s"}
    assert {name: getattr(seen, name) for name in truth if name not in unseen} == {
        name: value for name, value in truth.items() if name not in unseen
    }
    delay_s = float(str(truth.get("list_delay_s", 0.0)))
    assert seen.list_delay_s >= delay_s
    assert bool(seen.list_delay_s) == bool(delay_s)
    assert seen.burst_s >= float(str(truth["burst_s"]))  # a busy machine sends no burst at one moment
    jobs = list(probed.sandbox.service.jobs.values())
    assert len(jobs) == said.json["probe_jobs"] <= 8
    assert {str(job.status) for job in jobs} <= {"STOP_REQUESTED", "STOPPED"}


@pytest.mark.rig(**(RATES | JOBS | {"active_jobs": 5, "burst_s": 3}))
def test_fewer_slots_than_configured_are_found_and_written(probed: Clinic) -> None:
    """What the probe saw goes over what Service Quotas tells, into the configuration, if somebody agrees."""
    prepare(probed, slots=6)

    said = probed.doctor(*PROBE, "--write-quotas")

    text = (probed.directory / "fleet.toml").read_text()
    assert said.code == 0, said.out + said.err
    assert "active_jobs = 5\n" in text
    assert "+active_jobs = 5" in said.out
    assert "5 jobs are active at most; the next Start gets TooManyRequestsException" in said.out
    assert "at most 7 jobs of kind entities" in said.err


@pytest.mark.rig(**(RATES | JOBS | {"active_jobs": 20, "burst_s": 3}))
def test_more_slots_than_configured_are_told(probed: Clinic) -> None:
    """The job above the last configured slot runs: the quota is higher, and nobody claims to know how high."""
    prepare(probed, slots=5)

    said = probed.doctor(*PROBE)

    assert said.code == 0, said.out + said.err
    assert "more than the configured 5 jobs may be active" in said.out
    assert "\ncap" not in (probed.directory / "switches.toml").read_text()


@pytest.mark.rig(**(RATES | JOBS | {"unassumable_roles": "arn:aws:iam::123456789012:role/comprehend"}))
def test_a_probe_that_may_not_start_says_why(probed: Clinic) -> None:
    """The first Start is refused: no job is left, and the line tells AWS's reason."""
    prepare(probed)

    said = probed.doctor(*PROBE)

    assert said.code == 1
    assert "0 jobs were started, and stopped again; it ended early: the first Start was refused" in said.out


@pytest.mark.rig(**(RATES | JOBS))
def test_a_probe_keeps_away_from_other_peoples_jobs(probed: Clinic) -> None:
    """Where jobs of the kind are active, or the input is not small, nothing is started."""
    prepare(probed)
    busy = probed.sandbox.service
    shelf = next((shelf for shelf in busy.shelves if shelf.kind.name == "entities"), None)
    too_large = probed.doctor("--probe", "--probe-input", "s3://doctor-in/none/", "--yes")
    shelf = shelf or busy.shelf("123456789012", "us-east-1", next(iter(busy.shelves)).kind)
    busy.intrude(shelf, 1, 600, probed.sandbox.clock.now())
    kind = shelf.kind.name

    said = probed.doctor(*PROBE, "--probe-kind", kind)

    assert (too_large.code, said.code) == (1, 1)
    assert "give a prefix that holds 500 bytes to 1 MB" in too_large.out
    assert f"jobs of kind {kind} are active" in said.out
    assert not [job for job in busy.jobs.values() if not job.foreign]


def test_a_probe_asks_and_wants_an_input(probed: Clinic) -> None:
    """Without --yes and without a terminal it is a usage error; without an input too."""
    prepare(probed)

    nobody = probed.doctor(*PROBE[:-1])
    without = probed.doctor("--probe")

    assert (nobody.code, without.code) == (2, 2)
    assert "nobody is there to ask" in nobody.err
    assert not probed.sandbox.service.jobs
