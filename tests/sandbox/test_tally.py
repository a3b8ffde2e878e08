"""The truth as it is counted: the same as the checkers over the log, also when the log has forgotten."""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.sandbox.control import report
from fleet.sandbox.errors import ServiceError
from fleet.sandbox.faults import Faults
from fleet.sandbox.tally import Tally
from fleet.sandbox.truth import accepted_starts, duplicates, steps_back, throttled, worst_window

Ask = Callable[..., Any]


@given(st.integers(0, 2**32))
@settings(deadline=None)
def test_the_tally_is_what_the_checkers_say_of_the_log(ask: Ask, seed: int) -> None:
    """Windows, duplicates, counts: over a run with every outcome."""
    chance = random.Random(seed)
    service = ask(start_per_s=2.0, describe_per_s=3.0, active_jobs=5, submitted_s=0.0, overhead_s=3.0, seed=seed)
    now = 0.0
    for _ in range(60):
        now += chance.choice([0.0, 0.1, 0.4, 1.5])
        service.run(now)
        ask_something(service, chance, now)

    log, tally = list(service.service.log), service.service.tally
    assert tally.worst_second == worst_window(log)
    assert tally.worst_second_sent == worst_window(log, without=())
    assert tally.throttled == throttled(log)
    assert tally.requests == Counter(f"{entry.operation} {entry.outcome}" for entry in log)
    assert tally.starts_accepted == len(accepted_starts(log))
    assert {(found["kind"], found["input"]): found["job_ids"] for found in tally.duplicates()} == duplicates(log)


def ask_something(service: Any, chance: random.Random, now: float) -> None:
    prefix = f"s3://corpus-in/{chance.randrange(4)}/"
    try:
        if chance.random() < 0.6:
            more = {"ClientRequestToken": str(chance.randrange(3))} if chance.random() < 0.3 else {}
            service.start(prefix=prefix, now=now, LanguageCode=chance.choice(["en", "en", "xx"]), **more)
        else:
            service.describe(chance.choice(list(service.service.jobs) or ["0" * 32]), now=now)
    except ServiceError:
        pass


def test_the_truth_outlives_the_log(ask: Ask) -> None:
    """With a log of three entries the counts are of all five, and it says that the log is not complete."""
    service = ask(log_max=3)
    for second in range(5):
        service.start(now=float(second), prefix="s3://corpus-in/same/")

    truth = report(service.service, Faults(), 5.0)

    assert (truth["starts_accepted"], truth["jobs_started"], truth["log_complete"]) == (5, 5, False)
    assert len(truth["duplicates"][0]["job_ids"]) == 5


def test_a_tally_of_nothing_is_empty() -> None:
    """No request, no duplicate."""
    assert Tally().duplicates() == []


def test_a_step_back_is_found() -> None:
    """IN_PROGRESS after COMPLETED, SUBMITTED after STOP_REQUESTED; skips, repeats and unknown jobs are none."""
    told = [
        ("a", "SUBMITTED"),
        ("a", "COMPLETED"),
        ("b", "IN_PROGRESS"),
        ("a", "IN_PROGRESS"),
        ("b", "IN_PROGRESS"),
        ("b", "STOPPED"),
        ("", ""),
        ("c", "STOP_REQUESTED"),
        ("c", "SUBMITTED"),
    ]

    assert steps_back(told) == {"a": [("COMPLETED", "IN_PROGRESS")], "c": [("STOP_REQUESTED", "SUBMITTED")]}


@given(st.integers(0, 2**32))
@settings(deadline=None)
def test_the_service_never_steps_back(ask: Ask, seed: int) -> None:
    """Whatever is asked and stopped, the statuses that it tells of a job only go on."""
    chance = random.Random(seed)
    service = ask(submitted_s=1.0, overhead_s=5.0, stop_s=2.0, describe_delay_s=chance.choice([0.0, 0.7]), seed=seed)
    ids = [service.start(now=0.0) for _ in range(3)]
    for tenth in range(1, 100, 3):
        now = tenth / 10
        service.run(now)
        job_id = chance.choice(ids)
        with suppress(ServiceError):
            service.stop(job_id, now=now) if chance.random() < 0.05 else service.describe(job_id, now=now)

    log = service.service.log
    assert steps_back((entry.job_id, entry.status) for entry in log if entry.operation.startswith("Describe")) == {}
