"""Tables that fit a terminal, whatever is in them."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.core.columns import Column, cut, fit, grid, width, wrap

COLUMNS = (
    Column(name="key"),
    Column(name="prefix", least=8, end=True),
    Column(name="count", right=True, drop=2),
    Column(name="why", least=6, drop=1),
)
CELL = st.text(max_size=60)
ROWS = st.lists(st.tuples(st.just("0123456789"), CELL, st.integers(0, 10**9).map(str), CELL), max_size=5)


@given(ROWS, st.integers(20, 200))
def test_a_table_never_is_wider_than_its_room(rows: list[tuple[str, ...]], room: int) -> None:
    """Columns go and cells are cut, but every line has the same width, fits, and holds nothing unsafe."""
    places, table = grid(COLUMNS, rows, room=room)

    lines = ["  ".join(cells) for cells in table]
    assert {0, 1} <= set(places)
    assert all(width(line) <= room and line.isprintable() for line in lines)
    assert len({width(line) for line in lines}) == 1


@given(CELL, st.integers(1, 80), st.booleans())
def test_what_is_cut_has_at_most_so_many_columns(text: str, columns: int, end: bool) -> None:
    """Wide characters count twice; what fits stays as it is; padding fills up exactly."""
    short = cut(text, columns, end=end)

    assert width(short) <= columns
    assert short.isprintable()
    assert width(fit(text, columns, end=end)) == columns


@given(st.text(alphabet="abc \x1b\u202e\n漢", max_size=200), st.integers(10, 60))
def test_wrapped_text_loses_no_word(text: str, columns: int) -> None:
    """All that is not white space comes again, in lines that hold nothing unsafe."""
    lines = wrap(text, columns)

    assert all(line.isprintable() for line in lines)
    assert "".join("".join(lines).split()) == "".join(cut(text, None).split())


def test_the_end_of_a_path_is_kept() -> None:
    """What tells two prefixes apart is their end."""
    assert cut("s3://corpus-in/reviews/2019/", 12, end=True) == "…views/2019/"
    assert cut("s3://corpus-in/reviews/2019/", 12) == "s3://corpus…"
