"""What the service says when it says no: the code, the text and the HTTP status, as on the wire.

Sources: codes and texts from botocore's service model, statuses from the API pages (facts sheet 1.5, 1.6): 400 for all
but InternalServerException (500). For errors common to all services Comprehend's page of common errors counts, and the
general one where it is silent. Texts that no source shows are our own, and say what is wrong.
"""

from typing import Final

__all__ = ["DOCUMENTED", "ServiceError"]

# The documented text of each error; live texts are UNKNOWN (facts sheet 1.5).
DOCUMENTED: Final[dict[str, str]] = {
    "TooManyRequestsException": "The number of requests exceeds the limit. Resubmit your request later.",
    "ThrottlingException": "The request was denied due to request throttling.",
    "JobNotFoundException": "The specified job was not found. Check the job ID and try again.",
    "ResourceInUseException": (
        "The specified resource name is already in use. Use a different name and try your request again."
    ),
    "InvalidFilterException": "The filter specified for the operation is invalid. Specify a different filter.",
    "TooManyTagsException": (
        "The request contains more tags than can be associated with a resource (50 tags per resource). The maximum "
        "number of tags includes both existing tags and those included in your current request."
    ),
    "KmsKeyValidationException": (
        "The KMS customer managed key (CMK) entered cannot be validated. Verify the key and re-enter it."
    ),
    "ResourceNotFoundException": "The specified resource ARN was not found. Check the ARN and try your request again.",
    "ResourceUnavailableException": (
        "The specified resource is not available. Check the resource and try your request again."
    ),
    "InternalServerException": "An internal server error occurred. Retry your request.",
    "InvalidRequestException": "The request is invalid.",
    "MissingAuthenticationTokenException": "Missing Authentication Token",
    "AccessDeniedException": "You do not have sufficient access to perform this action.",
    "ExpiredTokenException": "The security token included in the request is expired",
    "UnrecognizedClientException": "The security token included in the request is invalid.",
    "ServiceUnavailable": "The request has failed due to a temporary failure of the server.",
    "RequestEntityTooLargeException": "The request entity is too large.",
    "MalformedHttpRequestException": "The body cannot be decompressed as its Content-Encoding says.",
}

_STATUSES: Final[dict[str, int]] = {
    "InternalServerException": 500,
    "InternalFailure": 500,
    "ServiceUnavailable": 503,
    "MissingAuthenticationTokenException": 403,
    "ExpiredTokenException": 403,
    "UnrecognizedClientException": 403,
    "RequestEntityTooLargeException": 413,
}


class ServiceError(Exception):
    """The service refuses a request: `code`, `message` and HTTP `status` are what a client sees.

    Without a message and a status they are the documented ones of the code, the status else 400.
    """

    def __init__(self, code: str, message: str = "", status: int | None = None) -> None:
        self.code = code
        self.message = message or DOCUMENTED.get(code, code)
        self.status = _STATUSES.get(code, 400) if status is None else status
        super().__init__(f"{code}: {self.message}")

    def body(self) -> dict[str, str]:
        """The JSON 1.1 body: the error member is `Message`, with a capital M (facts sheet 1.6)."""
        return {"__type": self.code, "Message": self.message}
