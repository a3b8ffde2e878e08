"""What the measure stage learns, and how fast it asks for it."""

from fleet.stages.measure import Measure
from tests.conftest import TEXT, Rig


async def sizes(rig: Rig) -> list[int]:
    """The sizes of the jobs that were measured."""
    return [job.size_bytes for job in await rig.jobs() if job.size_bytes is not None]


async def test_a_short_run_is_measured_at_once(rig: Rig) -> None:
    """Every input's size is known after one look, and the next look is not put off."""
    await rig.plan("a/", "b/")

    assert await rig.tick("measure") == 0.0

    assert await sizes(rig) == [len(TEXT)] * 2


async def test_many_inputs_are_listed_at_a_pace(rig: Rig) -> None:
    """After the head start 50 inputs a second are listed, and news of more of them changes nothing about it."""
    await rig.plan(*(f"{number:03}/" for number in range(100)))
    rig.measure = Measure(rig.ledger, rig.measure._buckets, head_start=14)

    assert await rig.tick("measure") == 1.0  # 64 inputs, 50 of them beyond the head start
    rig.clock.advance(0.75)
    assert await rig.tick("measure") == 0.25
    assert len(await sizes(rig)) == 64

    rig.clock.advance(0.25)
    await rig.tick("measure")
    assert await sizes(rig) == [len(TEXT)] * 100


async def test_jobs_of_one_input_are_one_listing(rig: Rig) -> None:
    """Two kinds over one prefix cost the pace of one input."""
    await rig.plan("a/", kinds=["entities", "key_phrases"])
    rig.measure = Measure(rig.ledger, rig.measure._buckets, head_start=0)

    assert await rig.tick("measure") == 0.02
    assert await sizes(rig) == [len(TEXT)] * 2
