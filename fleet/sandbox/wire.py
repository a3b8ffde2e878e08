"""The service on the wire: JSON 1.1, as botocore, the AWS CLI and every SDK speak it, bytes in and a Reply out.

POST / with `X-Amz-Target: Comprehend_20171127.<Operation>`; the answer is JSON with an `x-amzn-RequestId`. An error's
body is `{"__type": ..., "Message": ...}` (facts sheet 1.6). The signature is not verified, for an emulator has no
secrets; from the credential scope come the access key and the Region.

Does not: wait, or know a socket. The shells do: http.py over TCP, simulation in process under virtual time.
"""

import logging
import math
import random
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from fleet.sandbox.clock import Clock
from fleet.sandbox.errors import ServiceError
from fleet.sandbox.faults import Fault, Faults
from fleet.sandbox.kinds import OPERATIONS
from fleet.sandbox.mischief import Reply, Victim, suffer
from fleet.sandbox.service import Service

__all__ = ["Wire"]

log = logging.getLogger(__name__)

_CONTENT_TYPE: Final = "application/x-amz-json-1.1"
_TARGET: Final = "Comprehend_20171127."
_CREDENTIAL: Final = re.compile(r"Credential=([^/,\s]+)/[0-9]{8}/([a-z0-9-]+)/")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_THROTTLES: Final = frozenset({"TooManyRequestsException", "ThrottlingException"})


class _Caller(NamedTuple):
    account: str
    region: str
    access_key: str


class Wire:
    """One service and its faults. `on_change` is called when a job was started, shown or stopped."""

    def __init__(self, service: Service, clock: Clock, faults: Faults, on_change: Callable[[], None]) -> None:
        self._service = service
        self._clock = clock
        self._faults = faults
        self._on_change = on_change
        self._encode = msgspec.json.Encoder().encode
        self._callers: dict[str, _Caller] = {}
        self._chance = random.Random(service.switches.seed)

    def reply(self, *, method: str = "POST", target: str, authorization: str, body: bytes) -> Reply:
        """The answer to any request at all; what nobody foresaw is a 500, and logged."""
        try:
            return self._api(method, target, authorization, body)
        except ServiceError as error:
            return self.refusal(error)
        except Exception:
            log.exception("a request broke the sandbox")
            return self.refusal(ServiceError("InternalServerException"))

    def refusal(self, error: ServiceError) -> Reply:
        """The error as a client sees it."""
        headers = {"x-amzn-ErrorType": error.code}
        seconds = self._service.switches.retry_after_s
        if seconds is not None and error.code in _THROTTLES:
            headers["Retry-After"] = str(math.ceil(seconds))
        return self._answer(error.body(), error.status, headers)

    def _api(self, method: str, target: str, authorization: str, body: bytes) -> Reply:
        operation = target.removeprefix(_TARGET)
        if method != "POST" or operation == target or operation not in OPERATIONS:
            raise ServiceError("UnknownOperationException", f"The operation {target or method} is not known here")
        caller = self._caller(authorization)
        params = _decode(body)
        if self._faults:
            fault = self._faults.pick(operation, _input_uri(params))
            if fault is not None:
                return self._suffer(fault, operation, params, caller)
        return self._answer(self._call(operation, params, caller))

    def _suffer(self, fault: Fault, operation: str, params: Mapping[str, Any], caller: _Caller) -> Reply:
        victim = Victim(
            fault=fault,
            params=params,
            shelf=self._service.shelf(caller.account, caller.region, OPERATIONS[operation].kind),
            now=self._clock.now(),
            call=partial(self._call, operation, params, caller),
            answer=self._answer,
            service=self._service,
        )
        try:
            return suffer(victim)
        finally:
            if fault.what == "foreign_jobs":
                self._on_change()

    def _call(self, operation: str, params: Mapping[str, Any], caller: _Caller) -> dict[str, Any]:
        account, region, access_key = caller
        now = self._clock.now()
        answer = self._service.call(operation, params, now, account=account, region=region, access_key=access_key)
        if "JobId" in answer:
            self._on_change()
        return answer

    def _caller(self, authorization: str) -> _Caller:
        """Whoever signed. The account is the access key's by the switches, or the access key itself if it is one."""
        # The start of the header is the same for a whole day, the signature behind it never is.
        scope = authorization.partition(",")[0]
        caller = self._callers.get(scope)
        return caller or self._read_caller(scope)

    def _read_caller(self, scope: str) -> _Caller:
        switches = self._service.switches
        found = _CREDENTIAL.search(scope)
        if found is None:
            if switches.unsigned == "reject":
                raise ServiceError("MissingAuthenticationTokenException")
            return _Caller(switches.account, switches.region, "")
        key, region = found.groups()
        account = switches.accounts.get(key) or (key if _ACCOUNT.fullmatch(key) else switches.account)
        caller = _Caller(account, region, key)
        if len(self._callers) < 1_000:
            self._callers[scope] = caller
        return caller

    def _answer(self, body: Mapping[str, Any], status: int = 200, more: Mapping[str, str] | None = None) -> Reply:
        headers = {"x-amzn-RequestId": self._request_id(), "Content-Type": _CONTENT_TYPE, **(more or {})}
        return Reply(status=status, headers=headers, body=self._encode(body))

    def _request_id(self) -> str:
        digits = f"{self._chance.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


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
