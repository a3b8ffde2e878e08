"""Manifest lines: every bad line is named and the rest goes on, whatever the bytes are."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.core.manifest import LINE_MAX_BYTES, Entry, Form, Rejection, entries, split_lines

GOOD = b'{"prefix": "s3://corpus-in/a/"}\n'
HEADER = b"prefix,kinds,language,input_format,output,target,label,request\n"
ROOT = Path(__file__).parents[2]

words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=10)
json_values = st.recursive(
    st.booleans() | st.integers(-1000, 1000) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
fields = st.fixed_dictionaries(
    {"prefix": words.map("s3://".__add__)},
    optional={
        "kinds": st.lists(words, min_size=1, max_size=3),
        "language": words,
        "input_format": words,
        "output": words,
        "target": words,
        "label": words,
        "request": st.dictionaries(words, json_values, max_size=3),
    },
)


def read(*lines: bytes, form: Form | None = None) -> list[Entry | Rejection]:
    return list(entries(lines, form=form))


def rejected(*lines: bytes) -> list[tuple[int, str | None, str]]:
    return [(bad.line, bad.field, bad.reason) for bad in read(*lines) if isinstance(bad, Rejection)]


def one(line: bytes) -> tuple[str | None, str]:
    """Field and reason of the one rejection of a line that stands among good ones."""
    found = read(GOOD, line, GOOD)
    assert [item.line for item in found] == [1, 2, 3], found
    bad = found[1]
    assert isinstance(bad, Rejection)
    assert bad.reason.isprintable()
    return bad.field, bad.reason


def test_a_line_may_say_everything() -> None:
    """All eight fields arrive, `kinds` as a tuple, under the line's number."""
    line = {
        "prefix": "s3://corpus-in/été/",
        "kinds": ["sentiment", "entities"],
        "language": "en",
        "input_format": "ONE_DOC_PER_FILE",
        "output": "s3://corpus-out/",
        "target": "main",
        "label": "Grüße 🙂",
        "request": {"Tags": [{"Key": "a"}]},
    }

    found = read(json.dumps(line).encode())

    assert found == [Entry(line=1, **{**line, "kinds": ("sentiment", "entities")})]  # type: ignore[arg-type]


def test_a_line_may_say_the_prefix_alone() -> None:
    """What is not given is None, and `request` is empty."""
    assert read(GOOD) == [Entry(line=1, prefix="s3://corpus-in/a/")]


def test_the_example_manifest_is_good() -> None:
    """The example that ships with fleet reads without a rejection."""
    lines = (ROOT / "config/manifest.example.jsonl").read_bytes().splitlines(keepends=True)

    assert [type(item) for item in entries(lines)] == [Entry, Entry, Entry]


@given(given=fields)
def test_a_good_entry_comes_back_as_it_was(given: dict[str, Any]) -> None:
    """JSON with any spacing and escapes, and CSV, both give the same entry."""
    expected = Entry(line=1, **{**given, **({"kinds": tuple(given["kinds"])} if "kinds" in given else {})})

    for ascii_only in (True, False):
        line = json.dumps(given, ensure_ascii=ascii_only).encode()
        assert read(line + b"\n") == read(b" " + line + b" \r\n") == read(b"\xef\xbb\xbf" + line) == [expected]


@given(given=fields.filter(lambda given: "|" not in "".join(given.get("kinds", []))))
def test_csv_says_the_same_as_jsonl(given: dict[str, Any]) -> None:
    """A CSV line with quoted cells gives the entry that the JSON line gives."""
    cells = {**given, "kinds": "|".join(given.get("kinds", []))}
    if "request" in given:
        cells["request"] = json.dumps(given["request"])
    header = HEADER.decode().strip().split(",")
    row = ",".join('"' + cells.get(name, "").replace('"', '""') + '"' for name in header)

    (from_csv,) = read(HEADER, row.encode())
    (from_json,) = read(b"\n", json.dumps(given).encode())

    assert from_csv == from_json


@given(lines=st.lists(st.binary(max_size=60) | st.sampled_from([GOOD, HEADER, b"a,b\n", b"\n", b"{}"]), max_size=6))
@pytest.mark.parametrize("form", [None, *Form])
def test_no_bytes_make_it_raise(lines: list[bytes], form: Form | None) -> None:
    """Whatever the bytes, every item is an entry or a rejection with a safe reason and a line that exists."""
    for item in entries(lines, form=form):
        assert 1 <= item.line <= len(lines)
        if isinstance(item, Rejection):
            assert item.reason.isprintable()
            assert (item.field or "").isprintable()


@given(line=st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps) | st.text())
def test_no_json_makes_it_raise(line: str) -> None:
    """Whatever the JSON, a line is an entry or rejections."""
    assert all(isinstance(item, Entry | Rejection) for item in read(line.encode("utf-8", "replace"), form=Form.JSONL))


@pytest.mark.parametrize(
    ("line", "field", "says"),
    [
        (b'{"prefix": "s3://corpus-in/a/"', None, "not JSON: Expecting ',' delimiter at character 31"),
        (b"prefix", None, "not JSON"),
        (b"[1, 2]", None, "must be a JSON object, not [1, 2]"),
        (b"null", None, "must be a JSON object, not None"),
        (b'{"prefix": "s3://a\xe9/"}', None, "not UTF-8: byte 0xe9 at position 19"),
        (b'{"prefix": "s3://a\0/"}', None, "NUL character at position 19"),
        (b'{"prefix": "s3://a\x1b/"}', None, "Invalid control character"),
        (b'{"prefix": "a", "prefix": "b"}', None, "'prefix' is given twice"),
        (b'{"prefix": "a", "request": {"Tags": [{"Key": 1, "Key": 2}]}}', None, "'Key' is given twice"),
        (b'{"prefix": "a", "request": NaN}', None, "NaN is not JSON"),
        (b'{"prefix": "a", "request": -Infinity}', None, "-Infinity is not JSON"),
        (b'{"prefix": "a", "request": 1e999}', None, "too large a number"),
        (b'{"prefix": "a", "request": %s}' % (b"9" * 5000), None, "a number of 5,000 digits is too long"),
        (b'{"prefix": "a", "request": %s}' % (b"[" * 40 + b"]" * 40), None, "nested deeper than 32"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, None, "nested deeper than 32"),
        (b'{"prefix": "\\ud800"}', None, "half of a surrogate pair (U+D800)"),
        (b'{"prefix": "a", "request": {"a": ["\\udfff"]}}', None, "half of a surrogate pair (U+DFFF)"),
        (b"{" + b" " * LINE_MAX_BYTES + b"}", None, "longer than 1,048,576 bytes"),
        (b"{}", "prefix", "is missing"),
        (b'{"prefix": ""}', "prefix", "is empty"),
        (b'{"prefix": null}', "prefix", "is null"),
        (b'{"prefix": 5}', "prefix", "must be a string, not 5"),
        (b'{"prefix": {"a": true}}', "prefix", "must be a string, not {'a': True}"),
        (b'{"prefix": "a\\nb"}', "prefix", "a control character (U+000A)"),
        (b'{"prefix": "a\\u0000b"}', "prefix", "a NUL character"),
        ('{"prefix": "a\u202eb"}'.encode(), "prefix", "a text direction override"),
        (b'{"prefix": "a", "kinds": "entities"}', "kinds", 'must be a list of strings, such as ["entities"], not'),
        (b'{"prefix": "a", "kinds": []}', "kinds", "is an empty list"),
        (b'{"prefix": "a", "kinds": ["entities", 7]}', "kinds", "not 7"),
        (b'{"prefix": "a", "kinds": [null]}', "kinds", "not None"),
        (b'{"prefix": "a", "kinds": [%s"x"]}' % (b'"x",' * 50), "kinds", "names 51 kinds: there are not so many"),
        (b'{"prefix": "a", "language": true}', "language", "must be a string, not True"),
        (b'{"prefix": "a", "request": []}', "request", "must be an object"),
        (b'{"prefix": "a", "request": "{}"}', "request", "must be an object"),
        (b'{"prefix": "a", "label": "%s"}' % (b"l" * 257), "label", "at most 256 characters, has 257"),
        (b'{"prefix": "a", "lang": "en"}', "lang", "did you mean 'language'?"),
        (b'{"prefix": "a", "inputFormat": "x"}', "inputFormat", "did you mean 'input_format'?"),
        (b'{"prefix": "a", "line": 1}', "line", "is unknown: known: prefix, kinds"),
        (b'{"prefix": "a", "\\u001b[31m": 1}', "'\\x1b[31m'", "is unknown"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_goes_on(line: bytes, field: str | None, says: str) -> None:
    """Line, field and reason of every mistake; the lines before and after it are entries."""
    where, reason = one(line)

    assert where == field
    assert says in reason


def test_all_mistakes_of_a_line_are_told() -> None:
    """A person mends a line once."""
    assert rejected(b'{"prefx": "a", "kinds": "entities", "label": null}') == [
        (1, "prefx", "is unknown: did you mean 'prefix'?"),
        (1, "kinds", "must be a list of strings, such as [\"entities\"], not 'entities'"),
        (1, "label", "is null: give a value or leave it out"),
        (1, "prefix", "is missing"),
    ]


def test_a_flood_of_mistakes_in_one_line_is_cut() -> None:
    """A line with thousands of unknown fields costs twenty rejections, not thousands."""
    found = rejected(json.dumps({f"field{number}": 1 for number in range(50_000)}).encode())

    assert len(found) == 21
    assert found[-1] == (1, None, "and more")


def test_blank_lines_count_but_say_nothing() -> None:
    """Numbers are those of the file, as an editor shows them."""
    assert [item.line for item in read(b"\n", GOOD, b"  \r\n", b"", GOOD)] == [2, 5]


@pytest.mark.parametrize("lines", [(), (b"",), (b"\n", b" \n"), (b"\xef\xbb\xbf",), (HEADER,)])
def test_an_empty_manifest_is_empty(lines: tuple[bytes, ...]) -> None:
    """No lines, blank lines, or a header alone: nothing to do and nothing wrong."""
    assert read(*lines) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (GOOD.decode().encode("utf-16"), "UTF-16"),
        (GOOD.decode().encode("utf-16-le"), "UTF-16"),
        (GOOD.decode().encode("utf-16-be"), "UTF-16"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b'[{"prefix": "a"}]', "JSON array"),
        (b"prefix,kind\n", "CSV header: 'kind' is unknown (did you mean 'kinds'?)"),
        (b"prefix" + b",x" * 9000, "so are 8,997 more"),
        (b"prefix,label,label\n", "'label' is given twice"),
        (b"kinds,label\n", "the column 'prefix' is missing"),
        (b"prefix;kinds\n", "cells are separated by commas"),
        (b"s3://corpus-in/a/\n", "the column 'prefix' is missing"),
        (b'prefix,"kinds\n', "a quoted cell is not closed"),
        (b"prefix,\xe9\n", "not UTF-8"),
        (b"\0" * 100, "NUL"),
    ],
)
def test_what_is_wrong_with_the_whole_file_is_told_once(line: bytes, says: str) -> None:
    """One rejection at the first line, and no more for the thousands that follow."""
    ((number, field, reason),) = rejected(line, GOOD, GOOD)

    assert (number, field) == (1, None)
    assert says in reason


@pytest.mark.parametrize(
    ("row", "field", "says"),
    [
        (b"s3://corpus-in/a/,entities\n", None, "has 2 cells, the header has 8"),
        (b"s3://a,,,,,,,,\n", None, "has 9 cells, the header has 8"),
        (b',entities,,,,,,"{}"\n', "prefix", "is missing"),
        (b'"s3://a,,,,,,,\n', None, "a quoted cell is not closed on its line"),
        (b'"s3://a"b,,,,,,,\n', None, "not CSV: ',' expected after '\"'"),
        (b"s3://a,,,,,,,not json\n", "request", "not JSON"),
        (b"s3://a,,,,,,,7\n", "request", "must be an object in AWS's request syntax, not 7"),
        (b's3://a,,,,,,,"{""a"": 1, ""a"": 2}"\n', "request", "'a' is given twice"),
        (b's3://a,,,,,,"' + b"l" * 200_000 + b'",\n', None, "not CSV: field larger than field limit"),
    ],
)
def test_a_bad_csv_line_is_named_and_the_rest_goes_on(row: bytes, field: str | None, says: str) -> None:
    """A stray quote or a missing cell costs its own line only."""
    found = read(HEADER, row, b"s3://b,entities|sentiment,,,,,,\n")

    bad = found[0]
    assert isinstance(bad, Rejection)
    assert (bad.line, bad.field) == (2, field)
    assert says in bad.reason
    assert found[1:] == [Entry(line=3, prefix="s3://b", kinds=("entities", "sentiment"))]


def test_the_form_can_be_told() -> None:
    """A form that is given is believed: a CSV file whose first line is broken is not taken for JSONL."""
    assert isinstance(read(b"{prefix}\n", form=Form.CSV)[0], Rejection)
    assert isinstance(read(b"prefix\n", form=Form.JSONL)[0], Rejection)
    assert read(b"\n", b"\xef\xbb\xbfprefix\n")[0].line == 2
    assert read(b"\xef\xbb\xbfprefix\n", b"s3://a\n") == [Entry(line=2, prefix="s3://a")]


@given(
    text=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"\r\n", b""]), max_size=12).map(b"".join),
    cuts=st.lists(st.integers(0, 20), max_size=4),
)
def test_lines_do_not_depend_on_the_chunks(text: bytes, cuts: list[int]) -> None:
    """However a stream is cut into chunks, its lines are those of the whole."""
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    chunks = [text[start:end] for start, end in pairwise(edges)]

    assert list(split_lines(chunks)) == text.splitlines()


def test_a_line_without_end_stays_in_bounds() -> None:
    """A gigabyte without a line break costs one line of memory and one rejection."""
    chunks = [b'{"prefix": "'] + [b"x" * 100_000] * 50 + [b"\n" + GOOD]

    lines = list(split_lines(chunks))

    assert [len(line) for line in lines] == [LINE_MAX_BYTES + 1, len(GOOD) - 1]
    assert rejected(*lines) == [(1, None, "longer than 1,048,576 bytes")]
