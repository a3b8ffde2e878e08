"""Inputs that are read twice, or read what other jobs write."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.core.overlap import feeding_back, overlaps

PREFIX = st.text(alphabet="ab/", max_size=5).map(lambda key: f"s3://corpus-in/{key}")


@given(st.lists(PREFIX, max_size=12))
def test_exactly_the_prefixes_within_others_are_found(prefixes: list[str]) -> None:
    """Beside a comparison of each with each, and the nearest one around is named."""
    found = {
        overlap.inner: overlap.outer for overlap in overlaps(("entities", prefix) for prefix in sorted(set(prefixes)))
    }

    for inner in set(prefixes):
        around = [outer for outer in set(prefixes) if outer != inner and inner.startswith(outer)]
        assert found.get(inner) == (max(around, key=len) if around else None)


def test_kinds_do_not_overlap_each_other() -> None:
    """The same input for two kinds is two analyses, not the same one twice."""
    assert list(overlaps([("entities", "s3://corpus-in/a"), ("sentiment", "s3://corpus-in/a/b")])) == []


def test_results_that_an_input_would_read_are_found() -> None:
    """By a prefix of the results' folder, and by one below it; a folder beside them is fine."""
    output = "s3://bucket/results/"
    inputs = ["s3://bucket/res", "s3://bucket/results/111111111111-NER-x/", "s3://bucket/results/texts/"]

    assert feeding_back(inputs, [(output, "1" * 12)]) == [(prefix, output) for prefix in inputs[:2]]
