"""Targets -> AWS clients: credentials, endpoints, timeouts. One set of clients per target, for the process's life.

Endpoints and credentials come from AWS's standard chain and variables (`AWS_ENDPOINT_URL_COMPREHEND`, profiles, web
identity, instance roles); nothing of our own. botocore's retries are off: hidden retries would break the accounting
of rates, and the default does not even retry TooManyRequestsException.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioDeferredRefreshableCredentials
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError
from botocore.loaders import Loader
from botocore.utils import parse_timestamp

from fleet import __version__
from fleet.aws.comprehend import Comprehend
from fleet.aws.credentials import Credentials, Provider, chain
from fleet.aws.loader import lean_loader
from fleet.aws.s3 import S3
from fleet.aws.tls import CheckedConfig
from fleet.core.errors import Misconfigured

__all__ = ["Access", "TargetClients", "Timeouts", "client_config", "open_clients", "session_of"]

_ROLE_SESSION_S: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one target is reached: its Region, and a profile or a role to assume where the default chain will not do."""

    region: str
    profile: str | None = None
    assume_role_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds a call may take: to connect, between bytes of an answer, and as a whole."""

    connect_s: float = 5.0
    read_s: float = 20.0
    call_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetClients:
    """What the stages call for one target."""

    comprehend: Comprehend
    s3: S3
    credentials: Credentials


@asynccontextmanager
async def open_clients(targets: Mapping[str, Access], timeouts: Timeouts) -> AsyncIterator[dict[str, TargetClients]]:
    """Clients for every target by name, closed on exit; `Misconfigured` for an unknown profile or Region."""
    async with AsyncExitStack() as stack:
        clients = {}
        loader = lean_loader()
        for name, access in targets.items():
            try:
                clients[name] = await _open_target(stack, access, timeouts, loader)
            except (BotoCoreError, ValueError) as error:
                raise Misconfigured(f"targets.{name}: {error}") from error
        yield clients


async def _open_target(stack: AsyncExitStack, access: Access, timeouts: Timeouts, loader: Loader) -> TargetClients:
    config = client_config(timeouts)
    session, credentials = session_of(access, config, loader)
    stack.push_async_callback(credentials.close)
    comprehend = await stack.enter_async_context(session.client("comprehend", config=config))
    s3 = await stack.enter_async_context(session.client("s3", config=config))
    return TargetClients(
        comprehend=Comprehend(comprehend, deadline_s=timeouts.call_s, refused=credentials.refused),
        s3=S3(s3, deadline_s=timeouts.call_s, refused=credentials.refused),
        credentials=credentials,
    )


def client_config(timeouts: Timeouts) -> AioConfig:
    """What all clients share: one attempt a call, and none without end."""
    return AioConfig(
        connect_timeout=timeouts.connect_s,
        read_timeout=timeouts.read_s,
        max_pool_connections=64,
        retries={"mode": "standard", "total_max_attempts": 1},
        # botocore builds its own string twice a call, 11-16 % of the call's CPU time
        user_agent=f"comprehend-fleet/{__version__}",
        s3={"addressing_style": "path"},
    )


def session_of(access: Access, config: AioConfig, loader: Loader) -> tuple[Any, Credentials]:
    """A session whose clients sign with credentials that never hang, and those."""
    source = _core(access, loader)
    if access.assume_role_arn is not None:
        own = aioboto3.Session(botocore_session=_core(access, loader), region_name=access.region)
        source.get_component("credential_provider").providers.insert(0, _AssumedRole(own, access, config))
    credentials = Credentials(chain(source))
    core = _core(access, loader)
    core.get_component("credential_provider").providers.insert(0, Provider(credentials))
    return aioboto3.Session(botocore_session=core, region_name=access.region), credentials


def _core(access: Access, loader: Loader) -> Any:
    """A botocore session of its own credentials, with the service models that all targets share."""
    core = get_session()
    core.register_component("data_loader", loader)
    core.set_default_client_config(CheckedConfig())
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_utc)
    if access.profile is not None:
        core.set_config_variable("profile", access.profile)
    return core


def _utc(value: Any) -> datetime:
    """The time that AWS wrote, in UTC: botocore's own parser needs a local time zone that makes sense."""
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else parse_timestamp(value)


class _AssumedRole:
    """A credential provider that assumes one role and renews it before it expires, off the hot path."""

    METHOD = "assume-role"
    CANONICAL_NAME = None

    def __init__(self, session: Any, access: Access, config: AioConfig) -> None:
        self._session = session
        self._access = access
        self._config = config

    async def load(self) -> AioDeferredRefreshableCredentials:
        return AioDeferredRefreshableCredentials(self._refresh, self.METHOD)

    async def _refresh(self) -> dict[str, str]:
        async with self._session.client("sts", config=self._config) as sts:
            answer = await sts.assume_role(
                RoleArn=self._access.assume_role_arn, RoleSessionName="fleet", DurationSeconds=_ROLE_SESSION_S
            )
        credentials = answer["Credentials"]
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }
