"""What a campaign concludes from its logs."""

from fleet.sandbox.truth import ACCEPTED, Entry
from tests.faults.replicas.judgement import again, cut_offs, foreign_starts, take_overs
from tests.faults.replicas.leases import Change
from tests.faults.replicas.nemesis import Deed, Fault

ACCOUNT, REGION, KIND = "123456789012", "us-east-1", "entities"
LANE = f"{ACCOUNT}/{REGION}/{KIND}"
OURS, OTHER = "host:11:aaaa", "host:22:bbbb"


def start(at: float, access_key: str, *, name: str = "fleet-a-1", job_id: str = "1") -> Entry:
    """An accepted Start."""
    words = {"job_name": name, "job_id": job_id, "access_key": access_key}
    return Entry(at, ACCOUNT, REGION, "StartEntitiesDetectionJob", KIND, ACCEPTED, **words)


def kill(at: float, until: float | None = None) -> Deed:
    """The SIGKILL of the process that holds the lane."""
    return Deed(fault=Fault.KILL, at=at, until=until, access_key="ours", process_id=11)


CHANGES = [Change(0.0, LANE, OURS, 1), Change(15.5, LANE, OTHER, 2)]


def test_a_take_over_lasts_from_the_kill_to_the_next_holder_and_its_first_start() -> None:
    """The row changed 5.5 s after the kill, and the first Start of another process arrived 6 s after it."""
    log = [start(9.0, "ours"), start(16.0, "other")]

    (found,) = take_overs(log, CHANGES, [kill(10.0)])

    assert (found.lane, found.row_s, found.call_s, found.start_s, found.clean) == (LANE, 5.5, 6.0, 6.0, True)


def test_a_take_over_during_another_fault_is_not_clean() -> None:
    """The database was down from 12 to 13."""
    restart = Deed(fault=Fault.DATABASE_FAST, at=12.0, until=13.0)

    (found,) = take_overs([], CHANGES, [kill(10.0), restart])

    assert not found.clean


def test_a_killed_process_that_held_nothing_is_no_take_over() -> None:
    """Another process had taken the lane before."""
    assert take_overs([], CHANGES, [kill(20.0)]) == []


def test_a_start_after_the_trust_has_run_out_is_told() -> None:
    """Leases of 5 s are trusted for 4 s: a Start 4.1 s after the cut may have been on its way, one after 4.5 s not."""
    deed = Deed(fault=Fault.HANG, at=10.0, until=30.0, access_key="ours", process_id=11)

    kept, broken = (cut_offs([start(at, "ours"), start(40.0, "ours")], [deed], 5.0)[0] for at in (14.1, 14.5))

    assert kept.violation() == []
    assert broken.violation() == ["ours: way to the database hangs: a Start left 4.50 s after the cut"]


def test_a_start_in_a_lane_of_another_is_found() -> None:
    """Ours started 2.5 s after the other process had taken the lane; the other may start there."""
    log = [start(15.0, "ours"), start(18.0, "ours"), start(19.0, "other")]

    found = foreign_starts(log, CHANGES, {"ours": 11, "other": 22})

    assert [(one.access_key, one.since_s) for one in found] == [("ours", 2.5)]


def test_two_jobs_of_one_name_are_told_and_so_is_another_attempt() -> None:
    """No job fails in a campaign, so there is no second attempt."""
    log = [start(1.0, "ours"), start(2.0, "ours", job_id="2"), start(3.0, "ours", name="fleet-b-2", job_id="3")]

    assert again(log) == ["fleet-a-1: 2 AWS jobs", "fleet-b-2: no job failed, and this is another attempt"]
