"""When a lane pauses, and whom it blames: right for a bad job and for a bad environment, which look the same."""

from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleet.core.pause import Blame, Pause, Standing, accepted, obstructed, probed_all, refused

STREAK = 5


def refuse(standing: Standing, job_id: int, blame: Blame, now: float = 0.0) -> tuple[Standing, float | None]:
    return refused(standing, job_id, blame, "words", now=now, at=1000.0 + now, jitter=0.5)


@pytest.mark.parametrize("blame", [Blame.ENVIRONMENT, Blame.PERMISSION])
def test_the_environment_pauses_at_once(blame: Blame) -> None:
    """Expired credentials or a missing permission: one refusal is enough, and the job is held, not blamed."""
    standing, hold_s = refuse(Standing(), 1, blame)

    assert standing.pause == Pause(reason="words", since=1000.0)
    assert hold_s is not None


def test_different_jobs_rejected_in_a_row_pause_the_lane() -> None:
    """The first four are held; the fifth different one makes it the environment. One job again and again does not."""
    standing = Standing()
    for _ in range(3):
        standing, _ = refuse(standing, 1, Blame.REQUEST)
    alone = standing.pause
    for job_id in range(2, STREAK):
        standing, _ = refuse(standing, job_id, Blame.REQUEST)
    before = standing.pause
    standing, hold_s = refuse(standing, STREAK, Blame.REQUEST)

    assert (alone, before) == (None, None)
    assert standing.pause is not None
    assert hold_s is not None


def test_a_job_rejected_again_after_another_went_is_to_blame() -> None:
    """The proof: between its two tries another job was accepted."""
    standing, first = refuse(Standing(), 1, Blame.REQUEST)
    standing, second = refuse(accepted(standing, 2), 1, Blame.REQUEST)

    assert first is not None
    assert second is None
    assert standing.suspects == {}


def test_its_own_success_proves_nothing_against_a_job() -> None:
    """A job that was accepted, failed, and is rejected in its next attempt is held like any other."""
    standing, _ = refuse(Standing(), 1, Blame.REQUEST)
    standing = accepted(standing, 1)

    _, hold_s = refuse(standing, 1, Blame.REQUEST)

    assert hold_s is not None


def test_a_lone_job_is_given_up_after_some_tries() -> None:
    """Where nobody is left to compare with, five tries over half a minute decide, so that a run ends."""
    standing, holds = Standing(), []
    for _ in range(5):
        standing, hold_s = refuse(standing, 1, Blame.REQUEST)
        holds.append(hold_s)

    assert holds[-1] is None
    assert None not in holds[:-1]
    assert sum(hold_s or 0.0 for hold_s in holds) >= 37


def test_nobody_is_given_up_while_the_lane_is_paused() -> None:
    """As long as the environment is broken, tries say nothing about a job."""
    standing = Standing()
    for job_id in range(STREAK):
        standing, _ = refuse(standing, job_id, Blame.REQUEST)

    holds = []
    for _ in range(20):
        standing, hold_s = refuse(standing, 1, Blame.REQUEST)
        holds.append(hold_s)

    assert None not in holds


def test_a_permission_that_one_job_lacks_ends_that_job_only() -> None:
    """A resource that may not be used: the lane stops for a moment each time, then the third try decides."""
    standing, first = refuse(Standing(), 1, Blame.PERMISSION)
    standing, second = refuse(accepted(standing, 2), 1, Blame.PERMISSION)
    standing, third = refuse(accepted(standing, 3), 1, Blame.PERMISSION)

    assert first is not None
    assert second is not None
    assert third is None
    assert standing.pause is None


@pytest.mark.parametrize("blame", [Blame.ENVIRONMENT, Blame.PERMISSION])
def test_a_rejected_request_ends_a_pause_for_want_of_access(blame: Blame) -> None:
    """AWS has read the request, so it knows the caller: a bad last job is given up, however often access failed."""
    standing = Standing()
    for _ in range(20):
        standing, _ = refuse(standing, 1, blame)

    holds = []
    for _ in range(STREAK):
        standing, hold_s = refuse(standing, 1, Blame.REQUEST)
        holds.append(hold_s)

    assert standing.pause is None
    assert holds[-1] is None
    assert None not in holds[:-1]


def test_a_pause_for_what_jobs_ask_outlives_one_for_access() -> None:
    """Credentials that expire while the role is gone, and come back, prove nothing about the jobs."""
    standing = Standing()
    for job_id in range(STREAK):
        standing, _ = refuse(standing, job_id, Blame.REQUEST)
    standing, _ = refuse(standing, 1, Blame.ENVIRONMENT)

    holds = []
    for _ in range(20):
        standing, hold_s = refuse(standing, 1, Blame.REQUEST)
        holds.append(hold_s)

    assert standing.pause is not None
    assert None not in holds


def test_credentials_are_never_a_jobs_fault() -> None:
    """However often, whoever went in between."""
    standing = Standing()
    for _ in range(20):
        standing, hold_s = refuse(accepted(standing, 2), 1, Blame.ENVIRONMENT)
        assert hold_s == 0.0


@given(probes=st.integers(1, 200), jitter=st.floats(0, 1, exclude_max=True))
def test_probes_become_rare_and_never_stop(probes: int, jitter: float) -> None:
    """The gap grows to between half a minute and a minute; the pause keeps its beginning, and has the last reason."""
    standing = Standing()
    for number in range(probes):
        standing = obstructed(
            standing, Blame.ENVIRONMENT, f"reason {number}", now=100.0, at=float(number), jitter=jitter
        )

    gap_s = standing.probe_at - 100.0
    assert 0.5 <= gap_s <= 60.0
    assert gap_s >= min(30.0, 0.5 * 2 ** (probes - 1))
    assert standing.pause == Pause(reason=f"reason {probes - 1}", since=0.0)
    assert accepted(standing, 1).pause is None


@dataclass
class Lane:
    """One lane second by second: at most one Start each, of the due job that comes first."""

    bad: frozenset[int]
    jobs: int
    broken: tuple[float, float]
    slots: int
    standing: Standing = field(default_factory=Standing)
    due: dict[int, float] = field(default_factory=dict)
    running: list[float] = field(default_factory=list)
    done: set[int] = field(default_factory=set)
    discarded: set[int] = field(default_factory=set)
    at_break: set[int] = field(default_factory=set)  # pending when the environment broke
    wasted: int = 0  # Starts while the environment was broken

    def run(self, blame: Blame, until_s: int) -> None:
        self.due = dict.fromkeys(range(self.jobs), 0.0)
        for now in range(until_s):
            if now == self.broken[0]:
                self.at_break = set(self.due)
            self.running = [end for end in self.running if end > now]
            paused = self.standing.pause is not None and now < self.standing.probe_at
            ready = [job for job in self.due if self.due[job] <= now]
            if not ready or paused or len(self.running) >= self.slots:
                continue
            if self.standing.pause and self.standing.streak.issuperset(ready):
                self.standing = probed_all(self.standing)
            avoided = self.standing.streak if self.standing.pause else frozenset()
            self.start(next(job for job in ready if job not in avoided), float(now), blame)

    def start(self, job: int, now: float, blame: Blame) -> None:
        broken = self.broken[0] <= now < self.broken[1]
        self.wasted += broken
        if not broken and job not in self.bad:
            self.standing = accepted(self.standing, job)
            self.running.append(now + 20)
            self.done.add(job)
            del self.due[job]
            return
        cause = blame if broken else Blame.REQUEST
        self.standing, hold_s = refused(self.standing, job, cause, "words", now=now, at=now, jitter=0.5)
        if hold_s is None:
            self.discarded.add(job)
            del self.due[job]
        else:
            self.due[job] = now + hold_s


@example(jobs=5, bad=frozenset({0, 4}), begins_s=4, lasts_s=1, slots=4, blame=Blame.ENVIRONMENT)
@example(jobs=5, bad=frozenset({0, 4}), begins_s=4, lasts_s=1, slots=4, blame=Blame.PERMISSION)
@given(
    jobs=st.integers(STREAK, 40),
    bad=st.frozensets(st.integers(0, 40), max_size=STREAK - 1),
    begins_s=st.integers(0, 30),
    lasts_s=st.integers(0, 4000),
    slots=st.integers(1, 10),
    blame=st.sampled_from(Blame),
)
def test_both_readings_come_out_right(
    jobs: int, bad: frozenset[int], begins_s: int, lasts_s: int, slots: int, blame: Blame
) -> None:
    """An outage at any time, and jobs that are bad themselves: the good are done, the bad discarded, few calls lost.

    Only where fewer jobs than a streak are left, and for longer than the patience with a lone one, can an outage that
    looks like a bad request take a good job with it.
    """
    lane = Lane(bad=bad & frozenset(range(jobs)), jobs=jobs, broken=(begins_s, begins_s + lasts_s), slots=slots)

    lane.run(blame, until_s=begins_s + lasts_s + 120 + 40 * jobs)

    if blame is not Blame.REQUEST or lasts_s <= 30 or len(lane.at_break - lane.bad) >= STREAK:
        assert lane.discarded == lane.bad
    assert lane.done | lane.discarded == set(range(jobs))
    assert lane.wasted <= STREAK * STREAK + 8 + lasts_s / 30
