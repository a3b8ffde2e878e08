"""S3 URIs: what Comprehend could not take is refused with its reason, and no job reads results."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.aws.model import start_shapes
from fleet.core import uri
from fleet.core.shapes import problems

ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("s3://corpus-in/2024/01/", "corpus-in", "2024/01/"),
        ("s3://corpus-in/2024/0", "corpus-in", "2024/0"),
        ("s3://corpus-in", "corpus-in", ""),
        ("s3://corpus-in/", "corpus-in", ""),
        ("s3://my.bucket.v2/a", "my.bucket.v2", "a"),
        ("s3://abc/Annual Reports/été 漢字 🙂/", "abc", "Annual Reports/été 漢字 🙂/"),
        ("s3://abc//double//", "abc", "/double//"),
        ("s3://abc/day=2024%3A01/.hidden/a..b/...", "abc", "day=2024%3A01/.hidden/a..b/..."),
        ("s3://abc/" + "k" * 1015, "abc", "k" * 1015),
    ],
)
def test_good_uris_are_taken_to_the_letter(text: str, bucket: str, key: str) -> None:
    """Nothing is decoded, folded or tidied: S3 would not do it either."""
    assert uri.split(text) == (bucket, key)
    assert problems(text, "S3Uri", start_shapes()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not an S3 URI"),
        ("corpus-in/a", "is not an S3 URI"),
        ("http://169.254.169.254/latest", "is not an S3 URI"),
        ("file:///etc/passwd", "is not an S3 URI"),
        ("s3:/b/p", "is not an S3 URI"),
        ("S3://bucket/p", "small letters"),
        (" s3://bucket/p", "is not an S3 URI"),
        ("s3://", "has no bucket name"),
        ("s3:///key", "has no bucket name"),
        ("s3://ab/p", "bucket name of 2 characters"),
        (f"s3://{'b' * 64}/p", "bucket name of 64 characters"),
        ("s3://Bucket/p", "no valid bucket name"),
        ("s3://my_bucket/p", "no valid bucket name"),
        ("s3://-bucket/p", "no valid bucket name"),
        ("s3://bücket/p", "no valid bucket name"),
        ("s3://my..bucket/p", "two dots"),
        ("s3://192.168.0.1/p", "IP address"),
        ("s3://arn:aws:s3:us-east-1:123456789012:accesspoint/a/p", "access point"),
        ("s3://bucket/a/../b", "no folders"),
        ("s3://bucket/./b", "no folders"),
        ("s3://bucket/..", "no folders"),
        ("s3://bucket/a/%2e%2E/b", "no folders"),
        ("s3://bucket/p ", "ends in white space"),
        ("s3://bucket/a\nb", "a control character"),
        ("s3://bucket/a\0b", "a NUL character"),
        ("s3://bucket/a\u202eb", "a text direction override"),
        ("s3://bucket/a\u2028b", "a line separator"),
        ("s3://bucket/\ud800", "surrogate"),
        ("s3://bucket/" + "k" * 1013, "at most 1,024 characters, this one has 1,025"),
    ],
)
def test_bad_uris_are_refused_with_their_reason(text: str, says: str) -> None:
    """Each kind of mistake has its own words, and they are safe to print."""
    with pytest.raises(ValueError, match=says) as caught:
        uri.split(text)

    assert str(caught.value).isprintable()


@given(text=st.text() | st.text().map("s3://bucket/".__add__))
def test_whatever_passes_is_what_the_model_takes(text: str) -> None:
    """`split` is never laxer than the service model's S3Uri shape, and its only error is ValueError."""
    try:
        bucket, key = uri.split(text)
    except ValueError as error:
        reason = str(error)
    else:
        reason = ""
        assert text in (f"s3://{bucket}/{key}", f"s3://{bucket}")
        assert problems(text, "S3Uri", start_shapes()) == []
    assert reason.isprintable()


@pytest.mark.parametrize(
    ("prefix", "output"),
    [
        ("s3://bucket/data/", "s3://bucket/data/results/"),
        ("s3://bucket/data", "s3://bucket/data-results/"),
        ("s3://bucket/data/", "s3://bucket/data"),
        ("s3://bucket/data/", "s3://bucket/data/"),
        ("s3://bucket", "s3://bucket/results/"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket/1", "s3://bucket/"),
        ("s3://bucket/results/123456789012-NER", "s3://bucket/results/"),
        ("s3://bucket/results/123456789012-PII-0123/output/", "s3://bucket/results"),
        ("s3://bucket/results/.w", "s3://bucket/results/"),
    ],
)
def test_a_job_that_would_read_results_is_seen(prefix: str, output: str) -> None:
    """Its own results, or those that another kind writes to the same output."""
    bucket, key = uri.split(prefix)

    assert uri.feeds_back(bucket, key, output=uri.split(output), account=ACCOUNT)


@pytest.mark.parametrize(
    ("prefix", "output"),
    [
        ("s3://corpus-in/data/", "s3://corpus-out/data/results/"),
        ("s3://bucket/data/", "s3://bucket/results/"),
        ("s3://bucket/data/", "s3://bucket/data-results/"),
        ("s3://bucket/2024/", "s3://bucket/"),
        ("s3://bucket/corpus/2024/", "s3://bucket/corpus/"),
        ("s3://bucket/999999999999-NER-0123/", "s3://bucket/"),
    ],
)
def test_input_beside_the_results_is_fine(prefix: str, output: str) -> None:
    """Only what begins with the prefix is read, so a common parent does no harm."""
    bucket, key = uri.split(prefix)

    assert not uri.feeds_back(bucket, key, output=uri.split(output), account=ACCOUNT)
