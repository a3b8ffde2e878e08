"""AWS and network errors -> the few errors that change what fleet does. Nothing foreign leaves this folder.

The classes are those of the outcome table for Start: a refused connection was surely not accepted, a declared 4xx was
surely not accepted, and everything between (5xx, time-out, closed connection, nonsense) *may* have been.
"""

import asyncio
import os
import re
import socket
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from botocore import exceptions as boto

from fleet.core.errors import Denied, FleetError, Forbidden, Lost, NameInUse, Rejected, Throttled, Unavailable
from fleet.core.secrets import known_secrets, redacted

__all__ = ["mapped", "request_id", "translate"]

_THROTTLED: Final = frozenset(
    {
        "TooManyRequestsException",  # declared by the model on Start, Describe and List (facts sheet, 1.5)
        "ThrottlingException",  # a common error, not in the model
        "Throttling",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "LimitExceededException",
        "ResourceLimitExceededException",  # not declared on Start; what a job above the last slot gets is UNKNOWN (1.2)
        "ServiceQuotaExceededException",
        "SlowDown",
    }
)
_CREDENTIALS: Final = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
_CLOCK: Final = frozenset({"RequestExpired", "RequestTimeTooSkewed"})
_CLOCK_WORDS: Final = ("Signature expired", "Signature not yet current", "is not yet valid")
_FORBIDDEN: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AccountProblem",
        "AllAccessDisabled",
        "NotAuthorized",
        "NotAuthorizedException",
        "OptInRequired",
        "SubscriptionRequiredException",
        "UnauthorizedOperation",
    }
)
_LOST: Final = frozenset({"JobNotFoundException", "NoSuchKey", "NoSuchBucket"})
_PASSING: Final = frozenset({"RequestTimeout", "RequestTimeoutException", "ServiceUnavailable"})

_NEVER_SENT: Final = (
    boto.EndpointConnectionError,
    boto.ConnectTimeoutError,
    boto.SSLError,
    boto.ProxyConnectionError,
)
_NO_CREDENTIALS: Final = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.MetadataRetrievalError,
    boto.NoAuthTokenError,
    boto.TokenRetrievalError,
    boto.SSOError,
)
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")  # a UUID of Comprehend, 16 characters of S3

_NETWORK: Final = (boto.HTTPClientError, boto.ResponseStreamingError, aiohttp.ClientError, TimeoutError, OSError)


def translate(error: Exception) -> FleetError | None:
    """The fleet error that this foreign error means; None for an error that is not AWS's or the network's."""
    if isinstance(error, boto.ClientError):
        ours = _translate_answer(error)
        ours.request_id = request_id(error.response)
        return ours
    if isinstance(error, _NO_CREDENTIALS):
        return Denied(f"no usable AWS credentials: {_clean(str(error))}")
    if isinstance(error, _NEVER_SENT):
        return Unavailable(_text(error), maybe_accepted=not _never_sent(error))
    if isinstance(error, boto.ParamValidationError):
        return Rejected(_text(error))
    if isinstance(error, _NETWORK) or type(error).__module__ == "botocore.parsers":
        return Unavailable(_text(error), maybe_accepted=True)
    if _unreadable(error):
        return Unavailable(f"the answer cannot be read: {_text(error)}", maybe_accepted=True)
    return None


def request_id(answer: Any) -> str | None:
    """What AWS calls the request of this answer: who asks AWS's support is asked for it."""
    found = answer.get("ResponseMetadata", {}).get("RequestId")
    return found if isinstance(found, str) and _REQUEST_ID.fullmatch(found) else None


def _never_sent(error: Any) -> bool:
    """Whether a failure to reach the endpoint came before the request left.

    aiobotocore says EndpointConnectionError of a connection that broke at any time, also after the request.
    """
    cause = error.kwargs.get("error")
    if not isinstance(error, boto.EndpointConnectionError) or not isinstance(cause, aiohttp.ClientError | OSError):
        return True
    return isinstance(cause, aiohttp.ClientConnectorError | socket.gaierror)


def _unreadable(error: Exception) -> bool:
    """Whether botocore itself met something it did not expect: an answer of another shape, depth or type."""
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    parsers = {"botocore.parsers", "aiobotocore.parsers"}
    return not parsers.isdisjoint(modules) or modules[-1:] == ["aiobotocore.endpoint"]


def _translate_answer(error: Any) -> FleetError:
    details = error.response.get("Error", {})
    code = str(details.get("Code", "Unknown"))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    text = _clean(f"{code}: {details.get('Message') or 'no message'}")  # AWS quotes whole requests, token included
    if code == "SlowDown" or status == 429 or (code in _THROTTLED and status < 500):
        return Throttled(text)
    if status >= 500 or not 400 <= status < 500 or code in _PASSING:
        return Unavailable(text, maybe_accepted=True)
    return _denied(code, status, text) or _refused(code, text)


def _denied(code: str, status: int, text: str) -> Denied | None:
    """The error where the environment is wrong, else None."""
    if code in _CLOCK or (code in _CREDENTIALS and any(words in text for words in _CLOCK_WORDS)):
        return Denied(f"clock skew: {text}; set the machine's clock")
    if code in _FORBIDDEN:
        return Forbidden(text)
    if code in _CREDENTIALS or status in (401, 407):  # 407: a proxy wants credentials
        return Denied(text)
    return Forbidden(text) if status == 403 else None


def _refused(code: str, text: str) -> FleetError:
    """The error of a 4xx that is neither about the rate nor about the environment."""
    if code in _LOST:
        return Lost(text)
    if code == "ResourceInUseException":  # on Start its meaning is UNKNOWN (facts sheet, 1.6)
        return NameInUse(text)
    if code.isdigit():  # no AWS error at all: a proxy or a portal answered in its place
        return Unavailable(f"an answer without an AWS error code: {text}", maybe_accepted=True)
    return Rejected(text)


def _text(error: Exception) -> str:
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    cause = getattr(error, "kwargs", {}).get("error")  # botocore says "Could not connect", and keeps why to itself
    return _clean(f"{said} ({cause})" if cause and str(cause) not in said else said)


def _clean(text: str) -> str:
    """The text without secrets: it ends in the ledger, in logs and on pages."""
    return redacted(text, known_secrets(os.environ))


@asynccontextmanager
async def mapped(deadline_s: float) -> AsyncIterator[None]:
    """Run one call under an outer deadline and turn its errors into ours.

    The deadline is needed beside botocore's read timeout, which a server that drips one byte at a time never trips.
    """
    try:
        async with asyncio.timeout(deadline_s):
            yield
    except FleetError:
        raise
    except Exception as error:
        ours = translate(error)
        if ours is None:
            raise
        raise ours from error
