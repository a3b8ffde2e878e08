"""What `fleet doctor` asks of an account beside its jobs: who we are, the role, the quotas, the buckets, the time.

Every method makes the requests that its name says, raises only the errors of `core/errors.py`, and notes the Date of
each answer, also of a refusal: the SDK keeps the difference of the clocks to itself.
"""

import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader
from botocore.session import get_session

from fleet.aws.comprehend import Comprehend
from fleet.aws.credentials import Credentials
from fleet.aws.errors import mapped
from fleet.aws.loader import lean_loader
from fleet.aws.s3 import S3
from fleet.aws.session import Access, Timeouts, client_config, session_of
from fleet.aws.trial import Trial
from fleet.core.checkup import Tick
from fleet.core.errors import Lost, Misconfigured

__all__ = ["SERVICES", "Account", "Identity", "Role", "endpoint_source", "open_account", "regions_of"]

SERVICES: Final = ("comprehend", "s3", "sts", "iam", "service-quotas")

_ABSENT: Final = frozenset({"404", "NoSuchBucket", "NoSuchEntity"})
_MOVED: Final = 301
_PAGES_MAX: Final = 50
_OWN_HOSTS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who AWS takes us for."""

    account: str
    arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role that exists: its whole ARN, and its trust policy as the JSON that it is."""

    arn: str
    trust: Any


class Account:
    """One target's account and Region, looked at. Safe to use from many tasks."""

    def __init__(self, clients: dict[str, Any], credentials: Credentials, *, deadline_s: float) -> None:
        self.comprehend = Comprehend(clients["comprehend"], deadline_s=deadline_s, refused=credentials.refused)
        self.trial = Trial(clients["comprehend"], deadline_s=deadline_s)
        self.s3 = S3(clients["s3"], deadline_s=deadline_s, refused=credentials.refused)
        self.credentials = credentials
        self.ticks: list[Tick] = []
        self._clients = clients
        self._deadline_s = deadline_s

    def endpoint(self, service: str) -> str:
        """Where the service is asked."""
        return str(self._clients[service].meta.endpoint_url)

    def at_aws(self, service: str) -> bool:
        """Whether that is AWS itself, and not a server that stands in for it."""
        return (urlsplit(self.endpoint(service)).hostname or "").endswith(_OWN_HOSTS)

    def asked_for_real(self, service: str) -> bool:
        """Whether to ask the service: not AWS itself, where another server stands in for its Comprehend."""
        return self.at_aws("comprehend") or not self.at_aws(service)

    async def identity(self) -> Identity:
        """Who we are. Everybody may ask that."""
        answer = await self._call("sts", "get_caller_identity")
        return Identity(account=str(answer["Account"]), arn=str(answer["Arn"]))

    async def role(self, name: str) -> Role:
        """The role of this name; `Lost` if there is none, `Forbidden` without iam:GetRole."""
        role = (await self._call("iam", "get_role", RoleName=name))["Role"]
        return Role(arn=str(role["Arn"]), trust=role.get("AssumeRolePolicyDocument"))

    async def may_pass(self, principal: str, role: str) -> str:
        """IAM's decision on iam:PassRole to Comprehend: allowed, explicitDeny or implicitDeny.

        `Forbidden` without iam:SimulatePrincipalPolicy.
        """
        passed = {
            "ContextKeyName": "iam:PassedToService",
            "ContextKeyValues": ["comprehend.amazonaws.com"],
            "ContextKeyType": "string",
        }
        answer = await self._call(
            "iam",
            "simulate_principal_policy",
            PolicySourceArn=principal,
            ActionNames=["iam:PassRole"],
            ResourceArns=[role],
            ContextEntries=[passed],
        )
        results = answer.get("EvaluationResults") or [{}]
        return str(results[0].get("EvalDecision", "unknown"))

    async def quotas(self) -> dict[str, float]:
        """What the account has of every quota of Comprehend, by code: the applied value, else AWS's default.

        `Forbidden` without servicequotas:ListServiceQuotas or servicequotas:ListAWSDefaultServiceQuotas.
        """
        defaults = await self._quotas("list_aws_default_service_quotas")
        return defaults | await self._quotas("list_service_quotas")

    async def bucket_region(self, bucket: str) -> str | None:
        """The bucket's Region, None where S3 does not say; `Lost` if there is none, `Forbidden` without ListBucket."""
        answer = await self._call("s3", "head_bucket", Bucket=bucket)
        found = answer.get("BucketRegion") or _headers(answer).get("x-amz-bucket-region")
        return str(found) if found else None

    async def _quotas(self, operation: str) -> dict[str, float]:
        found: dict[str, float] = {}
        more: dict[str, str] = {}
        for _ in range(_PAGES_MAX):
            answer = await self._call("service-quotas", operation, ServiceCode="comprehend", MaxResults=100, **more)
            for quota in answer.get("Quotas", ()):
                if "Value" in quota:
                    found[str(quota.get("QuotaCode"))] = float(quota["Value"])
            if not answer.get("NextToken"):
                break
            more = {"NextToken": answer["NextToken"]}
        return found

    async def _call(self, service: str, operation: str, **request: Any) -> dict[str, Any]:
        asked_at = time.time()
        async with mapped(self._deadline_s):
            try:
                answer: dict[str, Any] = await getattr(self._clients[service], operation)(**request)
            except ClientError as error:
                self._note(error.response, asked_at)
                if str(error.response.get("Error", {}).get("Code")) in _ABSENT:
                    raise Lost(f"{request.get('Bucket') or request.get('RoleName')}: does not exist") from error
                if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == _MOVED:
                    return dict(error.response)
                raise
        self._note(answer, asked_at)
        return answer

    def _note(self, answer: Any, asked_at: float) -> None:
        try:
            server_at = parsedate_to_datetime(_headers(answer).get("date", "")).timestamp()
        except (TypeError, ValueError):
            return
        self.ticks.append(Tick(server_at=server_at, asked_at=asked_at, heard_at=time.time()))


def _headers(answer: Any) -> dict[str, str]:
    headers: dict[str, str] = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers


@asynccontextmanager
async def open_account(name: str, access: Access, timeouts: Timeouts) -> AsyncIterator[Account]:
    """Clients for one target, closed on exit; `Misconfigured` for an unknown profile or a Region that is no name."""
    config = client_config(timeouts)
    async with AsyncExitStack() as stack:
        try:
            session, credentials = session_of(access, config, _loader())
            stack.push_async_callback(credentials.close)
            clients = {
                service: await stack.enter_async_context(session.client(service, config=config)) for service in SERVICES
            }
        except (BotoCoreError, ValueError) as error:
            raise Misconfigured(f"targets.{name}: {error}") from error
        yield Account(clients, credentials, deadline_s=timeouts.call_s)


@cache
def _loader() -> Loader:
    """The service models, read once for all targets."""
    return lean_loader()


@cache
def regions_of() -> tuple[frozenset[str], frozenset[str]]:
    """The Regions in which Comprehend is served, and all Regions, as far as the SDK knows them."""
    session = get_session()
    partitions = session.get_available_partitions()
    served = {name for one in partitions for name in session.get_available_regions("comprehend", one)}
    every = {name for one in partitions for name in session.get_available_regions("s3", one)}
    return frozenset(served), frozenset(served | every)


def endpoint_source(service: str) -> str:
    """Which setting of AWS's own leads the service to another endpoint."""
    own = f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}"
    return next((name for name in (own, "AWS_ENDPOINT_URL") if os.environ.get(name)), "AWS configuration file")
