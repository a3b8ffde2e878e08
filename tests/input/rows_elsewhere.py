"""Entries of the catalogue that need more than one input, and the tests that show them."""

from typing import Final

from tests.input.rows import Elsewhere

__all__ = ["ELSEWHERE"]

ELSEWHERE: Final = [
    Elsewhere(
        number=9,
        what="ten million rows",
        test="test_a_million_lines_are_read_in_batches",
        why="Minutes are too long for a test: it shows that never more than one batch is held, and `python -m "
        "tests.input.million` reads as many lines as it is told and prints peak memory and seconds.",
    ),
    Elsewhere(
        number=15,
        what="file changed while being read",
        test="test_a_file_that_changes_while_it_is_read_is_told",
        why="Somebody must write in the middle of a reading.",
    ),
    Elsewhere(
        number=26,
        what="prefixes that overlap",
        test="test_what_lines_say_together_is_told_by_plan",
        why="It takes two lines.",
    ),
    Elsewhere(
        number=28,
        what="NFC and NFD twins",
        test="test_what_lines_say_together_is_told_by_plan",
        why="It takes two lines. Letters of other alphabets that look alike are not told: each of them alone is a key "
        "like any other.",
    ),
    Elsewhere(
        number=30,
        what="two rows with the same output",
        test="test_what_lines_say_together_is_told_by_plan",
        why="It takes two lines, and is no fault: Comprehend writes a folder of its own for each job, so none collide.",
    ),
    Elsewhere(
        number=31,
        what="the same prefix twice",
        test="test_what_lines_say_together_is_told_by_plan",
        why="It takes two lines; the job is done once, and both lines are reported.",
    ),
    Elsewhere(
        number=32,
        what="bucket of another Region or account",
        test="test_where_a_bucket_lies_is_not_asked_by_plan",
        why="Only AWS knows where a bucket lies: fleet doctor asks, and such a job fails with AWS's reason.",
    ),
    Elsewhere(
        number=53,
        what="label values",
        test="test_no_text_of_a_stranger_becomes_a_label",
        why="Metrics take words from fleet's own lists only.",
    ),
]
