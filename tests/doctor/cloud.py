"""All of AWS at one address: STS, IAM and Service Quotas as a test wants them; S3 and Comprehend are passed on."""

import email.utils
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, quote, unquote

import aiohttp
from aiohttp import web
from yarl import URL

from fleet.core.service_quotas import CODES

__all__ = ["ACCOUNT", "CALLER", "ROLE_ARN", "TRUST", "Cloud"]

ACCOUNT: Final = "123456789012"
CALLER: Final = f"arn:aws:sts::{ACCOUNT}:assumed-role/fleet/session"
ROLE_ARN: Final = f"arn:aws:iam::{ACCOUNT}:role/comprehend"
TRUST: Final[dict[str, Any]] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "comprehend.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
                "ArnLike": {"aws:SourceArn": f"arn:aws:comprehend:us-east-1:{ACCOUNT}:*-detection-job/*"},
            },
        }
    ],
}
_DEFAULTS: Final = {"active_jobs": 10, "start_per_s": 1, "describe_per_s": 10, "list_per_s": 10, "stop_per_s": 1}
_CREDENTIAL: Final = re.compile(r"Credential=[^/]+/\d+/[^/]*/([^/]+)/aws4_request")
_NOT_SENT_ON: Final = ("Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect")
_NOT_SENT_BACK: Final = ("Content-Length", "Transfer-Encoding", "Content-Encoding", "Connection", "Date", "Server")
_PAGE: Final = 10


@dataclass
class Cloud:
    """An endpoint for every service while the block runs. `upstreams`: where S3 and Comprehend really are.

    `denied`: actions that are refused for want of a permission; `nobody`: no credentials are known; `ahead_s`: how far
    its clock is ahead; `regions`: buckets that are elsewhere; `missing`: buckets that are not there.
    """

    upstreams: Mapping[str, str]
    caller: str = CALLER
    account: str = ACCOUNT
    roles: dict[str, tuple[str, Any]] = field(
        default_factory=lambda: {
            "comprehend": (ROLE_ARN, TRUST),
            "fleet": (f"arn:aws:iam::{ACCOUNT}:role/teams/fleet", {"Version": "2012-10-17", "Statement": []}),
        }
    )
    decision: str = "allowed"
    applied: dict[str, float] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    nobody: bool = False
    ahead_s: float = 0.0
    regions: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    url: str = ""

    def heal(self) -> None:
        """All is well again, and nothing has been asked yet."""
        for name, value in vars(Cloud(self.upstreams)).items():
            if name not in ("upstreams", "url"):
                setattr(self, name, value)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        application = web.Application(client_max_size=2**26)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        signed = _CREDENTIAL.search(request.headers.get("Authorization", ""))
        answer = await self._answer(signed[1] if signed else "unsigned", request, body)
        answer.headers["Date"] = email.utils.formatdate(time.time() + self.ahead_s, usegmt=True)
        return answer

    async def _answer(self, service: str, request: web.Request, body: bytes) -> web.Response:
        action, asked = _asked(service, request, body)
        self.asked.append((action, asked))
        if self.nobody:
            return _refusal(service, 403, "InvalidClientTokenId", "The security token is invalid")
        if action in self.denied:
            return _refusal(service, 403, "AccessDenied", f"User: {self.caller} is not authorized to perform: {action}")
        if action in self.broken:
            return _refusal(service, 503, "ServiceUnavailable", "try again")
        if service in self.upstreams:
            return await self._pass_on(service, request, body)
        return getattr(self, "_" + action.partition(":")[2])(asked)  # type: ignore[no-any-return]

    def _GetCallerIdentity(self, _: Any) -> web.Response:  # noqa: N802 - AWS's own name
        result = f"<Arn>{self.caller}</Arn><UserId>AROA:session</UserId><Account>{self.account}</Account>"
        return _xml("GetCallerIdentity", result, "https://sts.amazonaws.com/doc/2011-06-15/")

    def _GetRole(self, asked: Any) -> web.Response:  # noqa: N802
        name = asked["RoleName"]
        if name not in self.roles:
            return _refusal("iam", 404, "NoSuchEntity", f"The role with name {name} cannot be found.")
        arn, trust = self.roles[name]
        policy = quote(json.dumps(trust))
        role = (
            f"<Path>/</Path><RoleName>{name}</RoleName><RoleId>AROA1</RoleId><Arn>{arn}</Arn>"
            f"<CreateDate>2025-01-01T00:00:00Z</CreateDate>"
            f"<AssumeRolePolicyDocument>{policy}</AssumeRolePolicyDocument>"
        )
        return _xml("GetRole", f"<Role>{role}</Role>", "https://iam.amazonaws.com/doc/2010-05-08/")

    def _SimulatePrincipalPolicy(self, asked: Any) -> web.Response:  # noqa: N802
        member = (
            f"<member><EvalActionName>iam:PassRole</EvalActionName><EvalDecision>{self.decision}</EvalDecision>"
            f"<EvalResourceName>{asked['ResourceArns.member.1']}</EvalResourceName></member>"
        )
        result = f"<IsTruncated>false</IsTruncated><EvaluationResults>{member}</EvaluationResults>"
        return _xml("SimulatePrincipalPolicy", result, "https://iam.amazonaws.com/doc/2010-05-08/")

    def _ListAWSDefaultServiceQuotas(self, asked: Any) -> web.Response:  # noqa: N802
        return self._page({code: float(_DEFAULTS[name]) for code, (_, name) in CODES.items()}, asked)

    def _ListServiceQuotas(self, asked: Any) -> web.Response:  # noqa: N802
        return self._page(self.applied, asked)

    def _page(self, values: Mapping[str, float], asked: Any) -> web.Response:
        begin = int(asked.get("NextToken", 0))
        some = list(values.items())[begin : begin + _PAGE]
        answer: dict[str, Any] = {
            "Quotas": [{"ServiceCode": "comprehend", "QuotaCode": code, "Value": value} for code, value in some]
        }
        if begin + _PAGE < len(values):
            answer["NextToken"] = str(begin + _PAGE)
        return web.Response(text=json.dumps(answer), content_type="application/x-amz-json-1.1")

    async def _pass_on(self, service: str, request: web.Request, body: bytes) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name not in _NOT_SENT_ON}
        url = URL(self.upstreams[service] + request.raw_path, encoded=True)
        async with self._session.request(request.method, url, data=body, headers=headers) as answer:
            kept = {name: value for name, value in answer.headers.items() if name not in _NOT_SENT_BACK}
            bucket = unquote(request.path).lstrip("/").partition("/")[0]
            if bucket in self.regions:
                kept["x-amz-bucket-region"] = self.regions[bucket]
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


def _asked(service: str, request: web.Request, body: bytes) -> tuple[str, Any]:
    """The IAM action of a request, and its parameters."""
    if service in ("sts", "iam"):
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        return f"{service}:{form['Action']}", form
    if service in ("comprehend", "servicequotas"):
        return f"{service}:{request.headers['X-Amz-Target'].rpartition('.')[2]}", json.loads(body)
    if service == "s3" and request.method == "HEAD":
        return "s3:ListBucket", unquote(request.path)
    return f"{service}:{request.method}", request.path


def _xml(action: str, result: str, namespace: str) -> web.Response:
    text = (
        f'<{action}Response xmlns="{namespace}"><{action}Result>{result}</{action}Result>'
        f"<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
    )
    return web.Response(text=text, content_type="text/xml")


def _refusal(service: str, status: int, code: str, message: str) -> web.Response:
    if service in ("comprehend", "servicequotas"):
        text = json.dumps({"__type": code, "message": message, "Message": message})
        return web.Response(status=status, text=text, content_type="application/x-amz-json-1.1")
    error = f"<Code>{code}</Code><Message>{message}</Message>"
    text = f"<Error>{error}</Error>" if service == "s3" else f"<ErrorResponse><Error>{error}</Error></ErrorResponse>"
    return web.Response(status=status, text=text, content_type="text/xml")
