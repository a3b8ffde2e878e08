"""The machine's clock is wrong, and AWS says so: the lane waits. (Jumps of the clock: campaign_clock.py.)"""

from tests.faults.process.conftest import MakePlace


def test_a_clock_that_aws_calls_wrong_pauses_the_lane_and_says_so(make_place: MakePlace) -> None:
    """Signatures refused for their time burn no attempt: the reason is logged, and the work goes on once it passes."""
    place = make_place(2, kinds=("entities",))
    message = "Signature expired: 20380119T031407Z is now earlier than 20380119T031907Z"
    skew = {"what": "error", "code": "InvalidSignatureException", "status": 403, "message": message, "times": 4}
    place.service.control("POST", "faults", skew)

    place.finish()

    assert message in place.said()
    assert place.violations() == []
