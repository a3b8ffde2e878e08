"""What absence from List proves: nothing of a job that List never showed, its end of one that it did."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.core.job import Job
from fleet.core.lane import Lane
from fleet.core.sightings import Sightings, ended, still_active, swept

LANE = Lane("123456789012", "us-east-1", "entities")
IDS = ("a", "b", "c", "d")


def job(remote_id: str, accepted_at: float = 0.0) -> Job:
    return Job(
        id=1, key="k" * 32, lane=LANE, target="main", prefix="s3://b/p/", remote_id=remote_id, updated_at=accepted_at
    )


def test_only_what_list_should_know_is_gone() -> None:
    """A job that was accepted within List's lag is not missed; one that is active is not gone."""
    running = [job("old"), job("young", 99.0), job("active")]

    sightings = swept(Sightings(lag_s=5.0), running, {"active"}, now_s=100.0)

    assert (sightings.gone, sightings.shown) == ({"old"}, {"active"})


def test_a_job_that_was_shown_and_is_gone_has_left_its_slot() -> None:
    """One that no sweep ever showed may be too new for List: it keeps its slot until Describe tells."""
    seen = swept(Sightings(), [job("known"), job("never shown")], {"known"}, now_s=10.0)

    later = swept(seen, [job("known"), job("never shown")], set(), now_s=20.0)

    assert later.gone == {"known", "never shown"}
    assert later.freed == {"known"}
    assert ended(later, job("known")).freed == set()


def test_one_contradiction_is_enough_for_ever() -> None:
    """Shown, gone, and active all the same: from then on no absence frees a slot in this lane."""
    running = [job("known"), job("other")]
    gone = swept(swept(Sightings(), running, {"known", "other"}, now_s=10.0), running, set(), now_s=20.0)

    after = still_active(gone, job("known"), now_s=21.0)

    assert gone.freed == {"known", "other"}
    assert (after.freed, after.gone, after.lag_s) == (set(), {"other"}, 21.0)
    assert swept(swept(after, running, {"known"}, now_s=30.0), running, set(), now_s=90.0).freed == set()


def test_a_lag_is_no_contradiction() -> None:
    """A job that List did not show yet, and that is active: List is so far behind, and what it shows is still true."""
    young = swept(Sightings(), [job("young", 18.0)], set(), now_s=20.0)

    after = still_active(young, job("young", 18.0), now_s=21.0)

    assert (after.lag_s, after.trusted) == (3.0, True)


moves = st.lists(
    st.one_of(
        st.tuples(st.just("sweep"), st.sets(st.sampled_from(IDS)), st.sets(st.sampled_from(IDS))),
        st.tuples(st.sampled_from(["active", "ended"]), st.sampled_from(IDS), st.none()),
    ),
    max_size=12,
)


@given(moves)
def test_a_freed_slot_is_that_of_a_running_job_which_a_sweep_had_shown(drawn: list[tuple[str, ...]]) -> None:
    """Whatever sweeps and Describes say, in any order."""
    sightings, shown, running = Sightings(), set[str](), set[str]()
    for what, first, second in drawn:
        if what == "sweep":
            running, active = set(first), set(second or ())
            sightings = swept(sightings, [job(remote_id) for remote_id in sorted(running)], active, now_s=50.0)
            shown |= active & running
        elif what == "active":
            sightings = still_active(sightings, job(first), now_s=50.0)
        else:
            sightings = ended(sightings, job(first))
            running.discard(first)

        assert sightings.freed <= running & shown
        assert sightings.trusted or not sightings.freed
