"""Switches that change while the sandbox runs: quotas above all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from fleet.sandbox.configure import SwitchError, change
from fleet.sandbox.errors import ServiceError
from fleet.sandbox.switches import FIXED, Switches

Ask = Callable[..., Any]


def starts(service: Any, now: float, most: int = 20) -> int:
    """How many Starts are let in at one instant."""
    done = 0
    for _ in range(most):
        try:
            service.start(now=now)
        except ServiceError:
            break
        done += 1
    return done


@pytest.mark.parametrize("model", ["window", "bucket"])
def test_a_rate_holds_from_its_change_on(ask: Ask, model: str) -> None:
    """Ten a second, then two, then ten again; what was taken before counts."""
    service = ask(start_per_s=10.0, active_jobs=1000, rate_model=model)
    counts = [starts(service, 0.0)]

    for now, rate in ((0.5, 2.0), (10.0, 2.0), (20.0, 10.0), (30.0, 10.0)):
        change(service.service, {"start_per_s": rate}, now)
        counts.append(starts(service, now))

    after_change = 0 if model == "window" else 2
    assert counts[0] == 10
    assert counts[1] <= after_change
    assert counts[2] == 2
    assert counts[4] == 10


def test_fewer_slots_stop_no_job(ask: Ask) -> None:
    """Jobs that run go on; a Start is let in once there are fewer jobs than slots."""
    service = ask(active_jobs=5, submitted_s=0.0, overhead_s=10.0)
    ids = [service.start(now=0.0) for _ in range(5)]
    change(service.service, {"active_jobs": 2}, 1.0)

    refused = starts(service, 2.0)
    service.run(20.0)

    assert refused == 0
    assert {service.status(job_id, now=20.0) for job_id in ids} == {"COMPLETED"}
    assert starts(service, 20.0) == 2


def test_more_slots_let_waiting_jobs_begin(ask: Ask) -> None:
    """With cap = queue those that wait longest begin at once."""
    service = ask(active_jobs=1, cap="queue", submitted_s=1.0, overhead_s=100.0)
    ids = [service.start(now=0.0) for _ in range(4)]
    change(service.service, {"active_jobs": 3}, 10.0)

    service.run(11.0)

    assert [service.status(job_id, now=11.0) for job_id in ids] == ["IN_PROGRESS"] * 3 + ["SUBMITTED"]


@pytest.mark.parametrize("name", sorted(FIXED - {"faults"}))
def test_what_was_read_at_the_start_is_fixed(ask: Ask, name: str) -> None:
    """The text names it, and nothing has changed."""
    service = ask()
    before = service.service.switches
    others = {"seed": 99, "accounts": {"k": "111122223333"}, "unknown_members": "ignore", "rate_model": "bucket"}
    others |= {"throttled_count": True, "work_at_once": 9, "log_max": 9, "account": "999999999999", "region": "x-1"}
    others |= {"constraint_code": "InvalidRequestException"}

    with pytest.raises(SwitchError, match=name):
        change(service.service, {name: others[name], "active_jobs": 3}, 0.0)

    assert service.service.switches == before


def test_every_other_switch_may_change(ask: Ask) -> None:
    """The service and the timers read the new ones."""
    service = ask()

    service.service.change(replace(service.service.switches, time_scale=10.0, list_delay_s=3.0), 0.0)

    assert service.service.lifecycle.switches.time_scale == 10.0
    assert set(Switches.__dataclass_fields__) > FIXED


async def test_switches_change_over_the_control_endpoint(opened: Ask, clock: Any) -> None:
    """POST /sandbox/switches: all of them or none, with the reason."""
    async with opened(clock=clock) as sandbox, aiohttp.ClientSession(sandbox.comprehend_url) as session:
        good = await session.post("/sandbox/switches", json={"start_per_s": 2, "active_jobs": 5})
        misspelt = await session.post("/sandbox/switches", json={"activ_jobs": 6, "list_per_s": 3})
        broken = await session.post("/sandbox/switches", data=b"[")

        assert (good.status, misspelt.status, broken.status) == (200, 400, 400)
        assert "did you mean active_jobs" in (await misspelt.json())["error"]
        assert (sandbox.switches.start_per_s, sandbox.switches.active_jobs) == (2.0, 5)
        assert sandbox.switches.list_per_s == 10_000.0


async def test_switches_change_from_python(opened: Ask) -> None:
    """The same for a test that holds the sandbox."""
    async with opened() as sandbox:
        sandbox.change(active_jobs=3)

        assert sandbox.switches.active_jobs == 3
        with pytest.raises(SwitchError):
            sandbox.change(active_jobs=0)
