"""COMPLETED is a claim; these are the cases in which it is not the truth."""

from fleet.core.job import Verdict
from fleet.core.verdict import Expected, Output, judge


def output(*, documents: dict[str, int], failed: dict[str, int] | None = None) -> Output:
    found = Output(objects=1)
    for file, count in documents.items():
        for line in range(count):
            found.add(file, line, None, "")
    for file, count in (failed or {}).items():
        for line in range(count):
            found.add(file, line, "DOCUMENT_SIZE_EXCEEDED", "too long")
    return found


def test_an_output_with_every_document_is_complete() -> None:
    """As many records as the input demands, and no errors: complete. Records of blank lines do no harm."""
    finding = judge(Expected(documents={"a": 2, "b": 1}), output(documents={"a": 2, "b": 3}))

    assert (finding.verdict, finding.documents, finding.failed) == (Verdict.COMPLETE, 5, 0)


def test_document_errors_make_it_partial_and_are_named() -> None:
    """Per-document errors are counted by code, and the first ones are kept with file and line."""
    finding = judge(Expected(documents={"a": 3}), output(documents={"a": 1}, failed={"a": 2}))

    assert (finding.verdict, finding.documents, finding.failed) == (Verdict.PARTIAL, 1, 2)
    assert finding.reason == "2 x DOCUMENT_SIZE_EXCEEDED"
    assert [(error.file, error.line) for error in finding.errors] == [("a", 0), ("a", 1)]


def test_documents_that_are_not_in_the_output_are_missed() -> None:
    """A line that is not UTF-8 drops the rest of its file silently (facts sheet, 4.4): counted, and the file named."""
    finding = judge(Expected(documents={"a": 10, "b": 2}), output(documents={"a": 3, "b": 2}, failed={"a": 1}))

    assert (finding.verdict, finding.failed) == (Verdict.PARTIAL, 7)
    assert finding.reason == "1 x DOCUMENT_SIZE_EXCEEDED, 6 not in the output (most in a)"


def test_unknown_file_names_compare_totals_only() -> None:
    """How a file is named is partly UNKNOWN: other names with the right total are complete, with fewer partial."""
    expected = Expected(documents={"x/a": 2, "x/b": 2})

    assert judge(expected, output(documents={"a": 2, "b": 2})).verdict is Verdict.COMPLETE
    assert judge(expected, output(documents={"a": 2, "b": 1})).failed == 1


def test_nothing_there_is_missing_and_nonsense_is_unreadable() -> None:
    """No object, or an object that is not an output, is never complete."""
    broken = output(documents={"a": 2})
    broken.broken = "the archive cannot be read"

    assert judge(None, Output()).verdict is Verdict.MISSING
    assert judge(Expected(documents={"a": 2}), broken).verdict is Verdict.UNREADABLE


def test_without_expectations_the_records_decide() -> None:
    """At depth `head` only errors in the records make a job partial."""
    assert judge(None, output(documents={"a": 1})).verdict is Verdict.COMPLETE
    assert judge(None, output(documents={"a": 1}, failed={"a": 1})).verdict is Verdict.PARTIAL
