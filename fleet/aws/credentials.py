"""One target's credentials: from AWS's standard chain, renewed beside the calls, and never waited for without end.

botocore renews credentials inside the call that needs them, for as long as that takes: a credential process or an
instance metadata service that hangs would hang every call of the target, and count as a Start that may have arrived.
Here one task renews them while calls go on with those in hand, which are used until they expire; a call that finds none
waits a few seconds and then knows that nothing was sent. Credentials that AWS refuses are looked up anew, so that a
file or a token that somebody renewed is found without a restart.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from aiobotocore.credentials import AioProcessProvider
from botocore.exceptions import BotoCoreError, ClientError

from fleet.core.errors import Denied
from fleet.core.secrets import redacted

__all__ = ["Credentials", "Provider", "chain"]

_PATIENCE_S: Final = 10.0  # for a call without credentials; much less than its own deadline
_RENEWAL_S: Final = 60.0
_APART_S: Final = 5.0  # between two renewals
_LAST_S: Final = 15.0  # credentials that expire so soon are not used: the clocks may differ

Chain = Callable[[], Awaitable[Any]]
"""Looks for credentials from scratch: botocore's own object for them, None where there are none."""


class Credentials:
    """What botocore's signers ask for credentials, in botocore's words."""

    method = "fleet"

    def __init__(self, look: Chain) -> None:
        self._look = look
        self._source: Any = None
        self._in_hand: Any = None  # what signs: access key, secret key, token
        self._renewal: asyncio.Task[None] | None = None
        self._doubted = False  # AWS refused them
        self._failure: str | None = None  # why the last renewal brought none
        self._next_at = float("-inf")  # when another renewal may begin, in seconds of the event loop's clock

    async def get_frozen_credentials(self) -> Any:
        """Credentials to sign with; `Denied`, within seconds and before anything is sent, where there are none."""
        if self._in_hand is None or self._doubted or self._expires_within(None):
            self._renew()
        if not self._usable():
            await self._wait()
        if not self._usable():
            raise Denied(f"no usable AWS credentials: {redacted(self._failure or 'they have expired')}")
        return self._in_hand

    async def get_account_id(self) -> None:
        """The account for endpoints that have one in their names: those of Comprehend and S3 have none."""

    def get_deferred_property(self, _: str) -> Callable[[], Awaitable[None]]:
        """The same for the half of botocore that does not wait."""
        return self.get_account_id

    @property
    def trouble(self) -> str | None:
        """Why a call would find none now; None while they are there, or have not been needed yet."""
        if self._usable() or (self._source is None and self._failure is None):
            return None
        return self._failure or "they have expired"

    @property
    def expires_at(self) -> float | None:
        """When those in hand expire, in Unix seconds; None for those that never do."""
        expiry = getattr(self._source, "_expiry_time", None)
        return None if expiry is None else float(expiry.timestamp())

    def refused(self) -> None:
        """AWS did not accept them: others are looked for, from scratch, beside the next calls."""
        self._doubted = True

    async def close(self) -> None:
        """A renewal that is under way is given up."""
        if self._renewal is not None:
            self._renewal.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewal

    def _usable(self) -> bool:
        return self._in_hand is not None and not self._expires_within(_LAST_S)

    def _expires_within(self, seconds: float | None) -> bool:
        """Whether they expire so soon; None is botocore's own measure of when to renew, a quarter of an hour."""
        asked = getattr(self._source, "refresh_needed", None)
        return asked is not None and bool(asked(seconds))

    def _renew(self) -> None:
        """Begin a renewal, unless one is under way or was a moment ago."""
        loop = asyncio.get_running_loop()
        if self._renewal is None and loop.time() >= self._next_at:
            self._renewal = loop.create_task(self._find(), name="renew credentials")

    async def _wait(self) -> None:
        """Return when the renewal under way is over, or does not come to an end."""
        if self._renewal is None:
            return
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await asyncio.shield(self._renewal)
        except TimeoutError:
            self._failure = f"not renewed within {_PATIENCE_S:.0f} s"

    async def _find(self) -> None:
        """One renewal, bounded in time. It never raises: what went wrong is kept for those who wait."""
        try:
            async with asyncio.timeout(_RENEWAL_S):
                source = await self._look() if self._doubted or self._source is None else self._source
                in_hand = await source.get_frozen_credentials() if source is not None else None
        except TimeoutError:
            self._failure = f"not renewed within {_RENEWAL_S:.0f} s"
        except Exception as error:  # whatever a process, a file or a service hands us instead of credentials
            self._failure = str(error) if isinstance(error, BotoCoreError | ClientError) else repr(error)
        else:
            self._source, self._in_hand, self._doubted = source, in_hand, False
            self._failure = None if in_hand is not None else "there are none in the environment, files or instance role"
        finally:
            self._renewal = None
            self._next_at = asyncio.get_running_loop().time() + _APART_S


class Provider:
    """Puts credentials at the head of a botocore session's chain."""

    METHOD = "fleet"
    CANONICAL_NAME = None

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def load(self) -> Credentials:
        return self._credentials


def chain(core: Any) -> Chain:
    """The standard chain of this botocore session. A credential process that is given up does not live on."""
    resolver = core.get_component("credential_provider")
    for provider in resolver.providers:
        if isinstance(provider, AioProcessProvider):
            provider._popen = _spawn  # type: ignore[attr-defined]  # its argument `popen`, once it is made
    return resolver.load_credentials  # type: ignore[no-any-return]


async def _spawn(*words: str, **streams: Any) -> "_Process":
    return _Process(await asyncio.create_subprocess_exec(*words, **streams))


class _Process:
    """A credential process that is killed when nobody waits for it any more."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        try:
            return await self._process.communicate()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            raise
