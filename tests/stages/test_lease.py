"""A lane whose lease ran out: what its stages still do."""

from fleet.core.job import State
from tests.conftest import Rig


async def test_no_start_leaves_once_the_lease_of_the_lane_ran_out(rig: Rig) -> None:
    """Where replicas share the ledger: what was claimed waits for whoever holds the lane next; AWS hears nothing."""
    await rig.plan("a/", "b/")
    rig.calls.held = lambda: False

    await rig.tick("submit")

    assert rig.remote == []
    assert {job.state for job in await rig.jobs()} == {State.PENDING}
