"""An endpoint for every AWS service at once: it notes what each request needs of IAM, and passes the request on.

What stands behind `AWS_ENDPOINT_URL` sees all that a process asks of AWS, also what nobody thought of.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote

import aiohttp
from aiohttp import web
from yarl import URL

__all__ = ["BORROWED_KEY", "Need", "Recorder"]

BORROWED_KEY: Final = "ASIAASSUMED"
"""The access key of whoever has assumed a role here."""

_CREDENTIAL: Final = re.compile(r"Credential=([^/]+)/\d+/([^/]*)/([^/]+)/aws4_request")
_JOB_ARN: Final = "arn:aws:comprehend:{region}:{account}:{kind}/{job}"
_NOT_SENT_ON: Final = ("Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect")
_NOT_SENT_BACK: Final = ("Content-Length", "Transfer-Encoding", "Content-Encoding", "Connection", "Date", "Server")
_QUERIES: Final = ("iam", "sts")  # their requests are forms, with the operation as one field of them
_ASSUMED: Final = f"""\
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<Credentials><AccessKeyId>{BORROWED_KEY}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
<SessionToken>token</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/fleet/fleet</Arn><AssumedRoleId>A:fleet</AssumedRoleId>
</AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One permission that one request needs: who asks for what on which resource, with IAM's condition keys."""

    access_key: str
    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


@dataclass
class Recorder:
    """Records and passes on while the block runs. `upstreams`: where each service really is, by its signing name."""

    upstreams: Mapping[str, str]
    account: str = "123456789012"
    needs: set[Need] = field(default_factory=set)
    url: str = ""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        application = web.Application(client_max_size=2**30)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
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
        key, region, service = signed.groups() if signed else ("anonymous", "", "unsigned")
        for action, resource, context in self._needed(service, region, request, body):
            self.needs.add(Need(access_key=key, action=action, resource=resource, context=context))
        if service == "sts" and b"Action=AssumeRole" in body:
            return web.Response(text=_ASSUMED, content_type="text/xml")
        headers = {name: value for name, value in request.headers.items() if name not in _NOT_SENT_ON}
        url = self.upstreams[service] + request.raw_path
        async with self._session.request(request.method, URL(url, encoded=True), data=body, headers=headers) as answer:
            kept = {name: value for name, value in answer.headers.items() if name not in _NOT_SENT_BACK}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    def _needed(
        self, service: str, region: str, request: web.Request, body: bytes
    ) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
        """Action, resource and context of each permission, after the Service Authorization Reference."""
        if service == "s3":
            return [_s3(request)]
        if service in _QUERIES:
            return [self._query(service, {name: values[0] for name, values in parse_qs(body.decode()).items()})]
        if service == "servicequotas":
            return [(f"servicequotas:{request.headers['X-Amz-Target'].rpartition('.')[2]}", "*", ())]
        if service == "comprehend":
            operation = request.headers["X-Amz-Target"].rpartition(".")[2]
            return self._comprehend(operation, region, json.loads(body))
        return [(f"{service}:{request.method}", request.path, ())]

    def _query(self, service: str, form: Mapping[str, str]) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        role = f"arn:aws:iam::{self.account}:role/{form['RoleName']}" if "RoleName" in form else "*"
        return f"{service}:{form['Action']}", form.get("RoleArn") or form.get("PolicySourceArn") or role, ()

    def _comprehend(
        self, operation: str, region: str, asked: dict[str, Any]
    ) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
        action = f"comprehend:{operation}"
        if operation.startswith("List"):
            return [(action, "*", ())]
        stem = re.sub(r"^(Start|Describe|Stop)", "", operation)
        kind = re.sub(r"(?<!^)(?=[A-Z])", "-", stem).lower()
        job = _JOB_ARN.format(region=region, account=self.account, kind=kind, job=asked.get("JobId", "new"))
        needs: list[tuple[str, str, tuple[tuple[str, str], ...]]] = [(action, job, ())]
        if operation.startswith("Start"):
            passed = (("iam:PassedToService", "comprehend.amazonaws.com"),)
            needs.append(("iam:PassRole", asked["DataAccessRoleArn"], passed))
            needs += [("comprehend:TagResource", job, ())] if asked.get("Tags") else []
            needs += [(action, asked[name], ()) for name in ("EntityRecognizerArn", "FlywheelArn") if asked.get(name)]
        return needs


def _s3(request: web.Request) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Path-style addresses: /bucket/key."""
    bucket, _, key = unquote(request.path).lstrip("/").partition("/")
    arn = f"arn:aws:s3:::{bucket}"
    if not key and request.method in ("GET", "HEAD"):
        listing = request.query.get("list-type") == "2" or request.method == "HEAD"
        action = "s3:ListBucket" if listing else f"s3:GET?{request.query_string}"
        return action, arn, (("s3:prefix", request.query.get("prefix", "")),)
    actions = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}
    return actions.get(request.method, f"s3:{request.method}"), f"{arn}/{key}", ()
