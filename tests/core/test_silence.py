"""After a silence the first answer is news; while some calls are answered, a refused one keeps its patience."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.core.silence import Silence, answered, ends, refused


def test_an_answer_after_everything_was_refused_is_news() -> None:
    """Two jobs put off, six seconds without an answer: both are to be asked, and then nothing is put off."""
    silence = refused(refused(Silence(), 1, now=10.0), 2, now=16.0)

    assert ends(silence, now=16.0)
    assert silence.put_off == {1, 2}
    assert answered(silence, 3, now=16.0) == Silence()


def test_a_lost_packet_is_no_silence() -> None:
    """One call refused and the next one answered a moment later: the refused one waits for its turn."""
    silence = refused(Silence(), 1, now=10.0)

    assert not ends(silence, now=11.0)
    assert answered(silence, 2, now=11.0).put_off == {1}
    assert answered(silence, 1, now=11.0) == Silence()


@given(
    rounds=st.lists(
        st.tuples(st.lists(st.integers(0, 9), max_size=5), st.integers(0, 9), st.floats(0, 4.9)), max_size=20
    )
)
def test_nothing_is_news_while_answers_come(rounds: list[tuple[list[int], int, float]]) -> None:
    """However many calls are refused between answers less than five seconds apart, none is asked out of turn."""
    silence, now, waiting = Silence(), 0.0, set[int]()
    for put_off, told, gap_s in rounds:
        for job_id in put_off:
            silence = refused(silence, job_id, now=now)
        now += gap_s
        assert not ends(silence, now=now)
        silence = answered(silence, told, now=now)
        waiting = (waiting | set(put_off)) - {told}
        assert silence.put_off == waiting
