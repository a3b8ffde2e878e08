"""Every outcome of a call, and which of the few errors it means: the table that decides whether a retry is safe."""

import ssl

import aiohttp
import pytest
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from fleet.aws.errors import mapped, translate
from fleet.core.errors import Denied, FleetError, Forbidden, Lost, NameInUse, Rejected, Throttled, Unavailable


def answer(code: str, status: int) -> boto.ClientError:
    details = {"Error": {"Code": code, "Message": "words"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return boto.ClientError(details, "StartEntitiesDetectionJob")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("TooManyRequestsException", 400, Throttled),
        ("ThrottlingException", 400, Throttled),
        ("Unheard", 429, Throttled),
        ("SlowDown", 503, Throttled),
        ("ExpiredTokenException", 400, Denied),
        ("UnrecognizedClientException", 400, Denied),
        ("InvalidSignatureException", 400, Denied),
        ("UnrecognizedClientException", 403, Denied),
        ("401", 401, Denied),
        ("407", 407, Denied),
        ("AccessDeniedException", 400, Forbidden),
        ("NotAuthorizedException", 400, Forbidden),
        ("Anything", 403, Forbidden),
        ("ResourceLimitExceededException", 400, Throttled),
        ("JobNotFoundException", 400, Lost),
        ("NoSuchKey", 404, Lost),
        ("InvalidRequestException", 400, Rejected),
        ("ValidationException", 400, Rejected),
        ("KmsKeyValidationException", 400, Rejected),
        ("TooManyTagsException", 400, Rejected),
        ("ResourceNotFoundException", 400, Rejected),
    ],
)
def test_a_declared_answer_was_surely_not_accepted(code: str, status: int, kind: type[FleetError]) -> None:
    """4xx answers are facts: throttled, denied, lost or rejected, with AWS's code and words kept."""
    error = translate(answer(code, status))

    assert type(error) is kind
    assert str(error) == f"{code}: words"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("6f3a2c1e-0000-4000-8000-1234567890ab", "6f3a2c1e-0000-4000-8000-1234567890ab"),
        ("WEREW0LF12345678", "WEREW0LF12345678"),
        ("x" * 65, None),
        ("two\nlines", None),
        ("", None),
        (5, None),
        (None, None),
    ],
)
def test_an_error_keeps_the_request_id_beside_its_text(given: object, kept: str | None) -> None:
    """What AWS's support asks for; not in the text, so that jobs with one trouble have one reason."""
    error = answer("ValidationException", 400)
    error.response["ResponseMetadata"]["RequestId"] = given  # type: ignore[typeddict-item]

    ours = translate(error)

    assert ours is not None
    assert (ours.request_id, str(ours)) == (kept, "ValidationException: words")


@pytest.mark.parametrize(
    "error",
    [
        answer("InternalServerException", 500),
        answer("ServiceUnavailable", 503),
        answer("ServiceUnavailable", 400),
        answer("ThrottlingException", 503),
        answer("404", 404),  # a proxy's page
        answer("302", 302),
        boto.EndpointConnectionError(endpoint_url="http://x", error=aiohttp.ClientOSError(104, "reset by peer")),
        boto.ReadTimeoutError(endpoint_url="http://x"),
        boto.ConnectionClosedError(endpoint_url="http://x"),
        boto.HTTPClientError(error=OSError("reset")),
        ResponseParserError("no JSON"),
        aiohttp.ServerDisconnectedError(),
        TimeoutError(),
        ConnectionResetError(),
    ],
    ids=repr,
)
def test_what_lies_in_between_may_have_been_accepted(error: Exception) -> None:
    """5xx, silence, a cut connection, nonsense, and ResourceInUse (UNKNOWN on Start): only a lookup can tell."""
    ours = translate(error)

    assert isinstance(ours, Unavailable)
    assert ours.maybe_accepted


@pytest.mark.parametrize(
    "error",
    [
        boto.EndpointConnectionError(endpoint_url="http://x", error="refused"),
        boto.ConnectTimeoutError(endpoint_url="http://x"),
        boto.SSLError(endpoint_url="http://x", error=ssl.SSLError("certificate")),
        boto.ProxyConnectionError(proxy_url="http://x"),
    ],
    ids=repr,
)
def test_what_never_left_was_surely_not_accepted(error: Exception) -> None:
    """No connection, no acceptance: the same bytes may go again without a lookup."""
    ours = translate(error)

    assert isinstance(ours, Unavailable)
    assert not ours.maybe_accepted


def test_a_name_in_use_is_looked_up() -> None:
    """ResourceInUse on Start: its meaning is UNKNOWN, so it counts as maybe accepted, and is told from the others."""
    ours = translate(answer("ResourceInUseException", 400))

    assert isinstance(ours, NameInUse)
    assert ours.maybe_accepted


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
        ("RequestExpired", "words"),
        ("InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z"),
        ("InvalidSignatureException", "Signature not yet current: 20270101T000000Z is still later than ..."),
    ],
)
def test_a_wrong_clock_is_called_so(code: str, words: str) -> None:
    """The reason says what is wrong and what to do, not only that a signature is."""
    error = answer(code, 403)
    error.response["Error"]["Message"] = words

    ours = translate(error)

    assert isinstance(ours, Denied)
    assert str(ours) == f"clock skew: {code}: {words}; set the machine's clock"


def test_missing_credentials_are_the_environments_fault() -> None:
    """No job is to blame for them."""
    assert isinstance(translate(boto.NoCredentialsError()), Denied)


async def test_a_bug_is_not_translated() -> None:
    """What is not AWS's or the network's goes up as it is."""
    with pytest.raises(ZeroDivisionError):
        async with mapped(1.0):
            _ = 1 // 0


async def test_the_outer_deadline_ends_what_never_ends() -> None:
    """A call that drips for ever trips no read timeout; the deadline does, and the outcome is in doubt."""
    import anyio

    with pytest.raises(Unavailable) as caught:
        async with mapped(0.01):
            await anyio.sleep_forever()

    assert caught.value.maybe_accepted
