"""The service on the wire: JSON 1.1 over HTTP, as botocore, the AWS CLI and every SDK speak it.

POST / with `X-Amz-Target: Comprehend_20171127.<Operation>`; the answer is JSON with an `x-amzn-RequestId`. An error's
body is `{"__type": ..., "Message": ...}` (facts sheet 1.6). The signature is not verified, for an emulator has no
secrets; from the credential scope come the access key and the Region.
"""

import logging
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import web

from fleet.sandbox.clock import Clock
from fleet.sandbox.errors import ServiceError
from fleet.sandbox.faults import Faults
from fleet.sandbox.kinds import OPERATIONS
from fleet.sandbox.mischief import Victim, suffer
from fleet.sandbox.service import Service

__all__ = ["Http"]

log = logging.getLogger(__name__)

_CONTENT_TYPE: Final = "application/x-amz-json-1.1"
_TARGET: Final = "Comprehend_20171127."
_CREDENTIAL: Final = re.compile(r"Credential=([^/,\s]+)/[0-9]{8}/([a-z0-9-]+)/")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")

Control = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Http:
    """One service, its faults and its control endpoints, as one low-level aiohttp handler."""

    def __init__(
        self, service: Service, clock: Clock, faults: Faults, control: Control, on_change: Callable[[], None]
    ) -> None:
        self._service = service
        self._clock = clock
        self._faults = faults
        self._control = control
        self._on_change = on_change
        self._encode = msgspec.json.Encoder().encode
        self._callers: dict[str, tuple[str, str]] = {}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to any request at all; what nobody foresaw is a 500, and logged."""
        if request.path.startswith("/sandbox"):
            return await self._control(request)
        try:
            return await self._api(request)
        except ServiceError as error:
            return self._answer(error.body(), error.status, error.code)
        except Exception as error:
            if isinstance(error, ConnectionError):
                raise
            log.exception("a request broke the sandbox")
            failure = ServiceError("InternalServerException")
            return self._answer(failure.body(), failure.status, failure.code)

    async def _api(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = request.headers
        target = headers.get("X-Amz-Target", "")
        operation = target.removeprefix(_TARGET)
        if request.method != "POST" or operation == target or operation not in OPERATIONS:
            raise ServiceError("UnknownOperationException", f"The operation {target or request.path} is not known here")
        account, region = self._caller(headers.get("Authorization", ""))
        params = _decode(await _read(request))
        if self._faults:
            fault = self._faults.pick(operation, _input_uri(params))
            if fault is not None:
                victim = Victim(
                    fault=fault,
                    request=request,
                    call=partial(self._call, operation, params, account, region),
                    answer=self._answer,
                    service=self._service,
                    clock=self._clock,
                )
                return await suffer(victim)
        return self._answer(self._call(operation, params, account, region))

    def _call(self, operation: str, params: Mapping[str, Any], account: str, region: str) -> dict[str, Any]:
        answer = self._service.call(operation, params, self._clock.now(), account=account, region=region)
        if "JobId" in answer:
            self._on_change()
        return answer

    def _caller(self, authorization: str) -> tuple[str, str]:
        """Account and Region of whoever signed: by the switches, or the access key itself if it is an account."""
        # The start of the header is the same for a whole day, the signature behind it never is.
        scope = authorization.partition(",")[0]
        caller = self._callers.get(scope)
        if caller is None:
            caller = self._read_caller(scope)
            if len(self._callers) < 1_000:
                self._callers[scope] = caller
        return caller

    def _read_caller(self, scope: str) -> tuple[str, str]:
        switches = self._service.switches
        found = _CREDENTIAL.search(scope)
        if found is None:
            if switches.unsigned == "reject":
                raise ServiceError("MissingAuthenticationTokenException")
            return switches.account, switches.region
        key, region = found.groups()
        return switches.accounts.get(key) or (key if _ACCOUNT.fullmatch(key) else switches.account), region

    def _answer(self, body: Mapping[str, Any], status: int = 200, code: str = "") -> web.Response:
        headers = {"x-amzn-RequestId": _request_id(), "Content-Type": _CONTENT_TYPE}
        if code:
            headers["x-amzn-ErrorType"] = code
        return web.Response(body=self._encode(body), status=status, headers=headers)


async def _read(request: web.BaseRequest) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise ServiceError("RequestEntityTooLargeException") from error
    except web.RequestPayloadError as error:
        raise ServiceError("MalformedHttpRequestException") from error


def _decode(body: bytes) -> dict[str, Any]:
    try:
        params = msgspec.json.decode(body or b"{}")
    except msgspec.DecodeError as error:
        raise ServiceError("SerializationException", f"The body is not JSON: {error}") from error
    except RecursionError as error:
        raise ServiceError("SerializationException", "The body is nested too deeply") from error
    if not isinstance(params, dict):
        raise ServiceError("SerializationException", "The body must be a JSON object")
    return params


def _input_uri(params: Mapping[str, Any]) -> str:
    source = params.get("InputDataConfig")
    return str(source.get("S3Uri", "")) if isinstance(source, dict) else ""


def _request_id() -> str:
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
