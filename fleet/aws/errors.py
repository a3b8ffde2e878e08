"""AWS and network errors -> the few errors that change what fleet does. Nothing foreign leaves this folder.

The classes are those of the outcome table for Start: a refused connection was surely not accepted, a declared 4xx was
surely not accepted, and everything between (5xx, time-out, closed connection, nonsense) *may* have been.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from botocore import exceptions as boto

from fleet.core.errors import Denied, FleetError, Lost, Rejected, Throttled, Unavailable

__all__ = ["mapped", "translate"]

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
        "SlowDown",
    }
)
_DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_LOST: Final = frozenset({"JobNotFoundException", "NoSuchKey", "NoSuchBucket", "404", "NotFound"})
_IN_DOUBT: Final = frozenset({"ResourceInUseException"})  # on Start its meaning is UNKNOWN (facts sheet, 1.6)

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
_NETWORK: Final = (boto.HTTPClientError, boto.ResponseStreamingError, aiohttp.ClientError, TimeoutError, OSError)


def translate(error: Exception) -> FleetError | None:
    """The fleet error that this foreign error means; None for an error that is not AWS's or the network's."""
    if isinstance(error, boto.ClientError):
        return _translate_answer(error)
    if isinstance(error, _NO_CREDENTIALS):
        return Denied(f"no usable AWS credentials: {error}")
    if isinstance(error, _NEVER_SENT):
        return Unavailable(_text(error), maybe_accepted=False)
    if isinstance(error, boto.ParamValidationError):
        return Rejected(_text(error))
    if isinstance(error, _NETWORK) or type(error).__module__ == "botocore.parsers":
        return Unavailable(_text(error), maybe_accepted=True)
    return None


def _translate_answer(error: Any) -> FleetError:
    details = error.response.get("Error", {})
    code = str(details.get("Code", "Unknown"))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    text = f"{code}: {details.get('Message') or 'no message'}"
    if code in _THROTTLED or status == 429:
        return Throttled(text)
    if code in _DENIED or status in (401, 403):
        return Denied(text)
    if code in _LOST:
        return Lost(text)
    if code in _IN_DOUBT or status >= 500 or not 400 <= status < 500:
        return Unavailable(text, maybe_accepted=True)
    return Rejected(text)


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


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
